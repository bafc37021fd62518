"""`unweave train`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unweave.commands.app import Device, completed
from unweave.commands.exit_codes import EXIT_INTERRUPTED
from unweave.errors import ConfigError, quote
from unweave.launch import in_job, launch, leads, processes_of_job, way_on

if TYPE_CHECKING:
    from unweave.api import Run
    from unweave.progress import Progress


def train(
    context: typer.Context,
    method: Annotated[
        str | None,
        typer.Argument(
            help="a method; `unweave methods` lists them", autocompletion=completed("method")
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="a data set, NAME or NAME:key=value,...; `unweave data` lists them",
            autocompletion=completed("dataset"),
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="any other setting; may be given more than once"
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="a TOML file of settings")] = None,
    out: Annotated[Path | None, typer.Option(help="the run directory, new or empty")] = None,
    seed: Annotated[str | None, typer.Option(metavar="N", help="seed of the run")] = None,
    steps: Annotated[str | None, typer.Option(metavar="N", help="number of training steps")] = None,
    device: Device = "auto",
    devices: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="number of processes that share every batch, one per GPU"
        ),
    ] = 1,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="a run to continue; with --steps, beyond its end"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="show no progress")] = False,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="append progress as text to this file")
    ] = None,
) -> None:
    """Train a method on a data set into a run directory."""
    if devices > 1 and not in_job():
        raise typer.Exit(launch(devices, context.obj))
    from unweave.settings import in_plain_spelling, parse_settings, read_settings

    options = {"data": data, "seed": seed, "steps": steps, "method": method}
    settings: dict[str, Any] = in_plain_spelling(read_settings(config)) if config else {}
    settings |= parse_settings(setting or [], options)
    from unweave.progress import Silent, TrainingProgress

    progress: Progress = Silent() if quiet else TrainingProgress()
    if log is not None and leads():
        from unweave.commands.log_file import LogFile

        progress = LogFile(log, progress)
    if resume is not None:
        if set(settings) - {"steps"} or out:
            raise ConfigError(
                "--resume continues a run as it was; give it --steps, --device and no other setting"
            )
        _finish(_resume(resume, steps, device, progress), progress)
        return
    if "method" not in settings:
        raise ConfigError(
            "name a method, like `unweave train tcwae-mws`; `unweave methods` lists them"
        )
    for name, option in {"out": "out", "device": "device", "progress": "quiet"}.items():
        if name in settings:
            raise ConfigError(f"{name} is not a setting of a run; give it as the option --{option}")
    from unweave.api import train as run_training

    _finish(run_training(**settings, out=out, device=device, progress=progress), progress)


def _resume(path: Path, steps: str | None, device: str, progress: Progress) -> Run:
    from unweave.api import resume as resume_training

    if steps is not None and not steps.isdecimal():
        raise ConfigError(f"--steps must be a whole number, got {quote(steps)}")
    number = None if steps is None else int(steps)
    return resume_training(path, steps=number, device=device, progress=progress)


def _finish(run: Run, progress: Progress) -> None:
    if not leads():
        raise typer.Exit(EXIT_INTERRUPTED if run.outcome == "stopped" else 0)
    path = shlex.quote(str(run.path))
    if run.outcome == "stopped":
        print(f"stopped; {way_on(run.path, processes_of_job())}", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED)
    print(run.path)
    progress.say(f"next: unweave evaluate {path}, then unweave report {path}")
