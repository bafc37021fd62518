"""Hooks of unweave-tensorboard."""

from collections.abc import Mapping
from typing import Any

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_run_start(run: Any) -> None:
    """Open an event file for a run that starts or continues."""
    from unweave_tensorboard.observer import start

    start(run)


@hookimpl
def unweave_run_log(run: Any, step: int, scalars: Mapping[str, float]) -> None:
    """Write the scalars of a log step, and the figures of a new checkpoint."""
    from unweave_tensorboard.observer import log

    log(run, step, scalars)


@hookimpl
def unweave_run_end(run: Any, outcome: str) -> None:
    """Write the figures of the last checkpoint and the outcome, and close the file."""
    from unweave_tensorboard.observer import end

    end(run, outcome)


@hookimpl
def unweave_commands(app: Any) -> None:
    """Add the command `tensorboard`."""
    from unweave_tensorboard.command import tensorboard

    app.command("tensorboard")(tensorboard)
