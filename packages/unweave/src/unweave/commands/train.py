"""`unweave train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unweave.commands.app import EXIT_INTERRUPTED, completed
from unweave.errors import ConfigError

if TYPE_CHECKING:
    from unweave.run import Run


def train(
    method: Annotated[
        str | None,
        typer.Argument(help="see `unweave methods`", autocompletion=completed("method")),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="NAME or NAME:key=value,...; see `unweave data`",
            autocompletion=completed("dataset"),
        ),
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="any other setting")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="settings as TOML")] = None,
    out: Annotated[Path | None, typer.Option(help="the run directory, new or empty")] = None,
    seed: Annotated[str | None, typer.Option(metavar="N")] = None,
    steps: Annotated[str | None, typer.Option(metavar="N")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")] = "auto",
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="continue a run that was stopped")
    ] = None,
) -> None:
    """Train a method on a data set into a run directory."""
    from unweave.config import parse_settings, read_settings

    given = {"data": data, "seed": seed, "steps": steps, "method": method}
    settings: dict[str, Any] = read_settings(config) if config else {}
    settings |= parse_settings(setting or [])
    settings |= {key: value for key, value in given.items() if value is not None}
    if resume is not None:
        if settings or out:
            raise ConfigError("--resume continues a run as it was; give it no other setting")
        _finish(_resume(resume, device))
        return
    if "method" not in settings:
        raise ConfigError("name a method, like `unweave train tcwae-mws`; `unweave methods` lists")
    from unweave.api import train as run_training
    from unweave.progress import TrainingProgress

    _finish(run_training(**settings, out=out, device=device, progress=TrainingProgress()))


def _resume(path: Path, device: str) -> Run:
    from unweave.api import resume_training
    from unweave.progress import TrainingProgress

    return resume_training(path, device=device, progress=TrainingProgress())


def _finish(run: Run) -> None:
    if run.outcome == "stopped":
        print(f"stopped; continue with: unweave train --resume {run.path}", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED)
    print(run.path)
