"""The hooks of unweave: what a plugin may add. The only place they are specified.

`docs/hooks.md` says how each registered object is called. Every naming hook returns a
mapping from a name to `"module:object"`; the object is imported when its name is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    import typer

UNWEAVE_API = 1
"""Raised only if a hook is removed, renamed or changes its meaning; the core accepts N and N-1."""

PROJECT = "unweave"
hookspec = pluggy.HookspecMarker(PROJECT)


class Run(Protocol):
    """What an observer may ask of a run, which is an `unweave.Run`."""

    @property
    def path(self) -> Path:
        """The run directory."""

    @property
    def config(self) -> Any:
        """The settings, an `unweave.train_config.TrainConfig`."""

    def scalars(self) -> list[dict[str, float]]:
        """Read the log."""


@hookspec
def unweave_priors() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name priors p(z): `Prior(dim, *, options)`."""


@hookspec
def unweave_flows() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name densities that are fitted to codes: `Flow(dim, *, options)`."""


@hookspec
def unweave_posteriors() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name families of q(z|x): `Family(dim, *, options)`."""


@hookspec
def unweave_estimators() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name estimators of terms over a batch of codes: `Estimator(dim, *, options)`."""


@hookspec
def unweave_costs() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name reconstruction costs: `Cost(*, options)`."""


@hookspec
def unweave_architectures() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name pairs of encoder and decoder: `build(image_shape, dim, outputs, *, options)`."""


@hookspec
def unweave_methods() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name methods: `function(*, options)` that gives an `unweave.Method`."""


@hookspec
def unweave_objectives() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name objectives, which say who descends which loss: `Objective(parts, *, options)`."""


@hookspec
def unweave_optimizers() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name optimizers: `optimizer(parameters, lr, *, options)`."""


@hookspec
def unweave_metrics() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name metrics of arrays: `metric(codes, factors, *, options)`."""


@hookspec
def unweave_datasets() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name data sets: `Dataset(*, options)`."""


@hookspec
def unweave_executors() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name executors of many runs: `Executor(*, options)`."""


@hookspec
def unweave_run_start(run: Run) -> None:
    """Observe that a run starts or is resumed."""


@hookspec
def unweave_run_log(run: Run, step: int, scalars: Mapping[str, float]) -> str | None:
    """Observe the scalars of a log step; return `"stop"` to ask that the run end."""


@hookspec
def unweave_run_end(run: Run, outcome: str) -> None:
    """Observe that training ended: `finished`, `stopped` (by a signal) or `failed`."""


@hookspec
def unweave_commands(app: typer.Typer) -> None:
    """Add commands to the command line."""
