"""`unweave new-experiment`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def new_experiment(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="the .toml file to write")],
) -> None:
    """Write a commented study that can be run as it is.

    See docs/experiments.md.
    """
    from unweave.experiment.template import write_template

    print(write_template(path))
