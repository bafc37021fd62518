"""What is known of a run beside its numbers: size, device, time, versions, commands."""

from __future__ import annotations

import math
import platform
import shlex
from typing import TYPE_CHECKING

import torch

from unweave.progress import duration

if TYPE_CHECKING:
    from unweave.trained import Trained

MOST_TERMS = 24
MOST_LINES = 1000
"""Log lines that a chart gets; more of them are thinned out evenly."""


def read_log(run: Trained) -> tuple[list[float], dict[str, list[float]]]:
    """Return the steps and the terms of the log; a term that a line lacks is NaN there."""
    lines = run.scalars()
    lines = lines[:: math.ceil(len(lines) / MOST_LINES)] if len(lines) > MOST_LINES else lines
    names = list(dict.fromkeys(name for line in lines for name in line if name != "step"))
    names = [name for name in names if name not in TIMES][:MOST_TERMS]
    return [line["step"] for line in lines], {
        name: [line.get(name, math.nan) for line in lines] for name in names
    }


TIMES = ("seconds", "time")
"""Keys of the log that are not terms."""


def describe_run(run: Trained) -> list[tuple[str, str]]:
    """List what a reader asks of a run: name and value."""
    rows = [
        ("method", run.config.method),
        ("data", f"{run.dataset.name}, {len(run.dataset):,} rows of {_shape(run)}"),
        ("parameters", _parameters(run)),
        ("training time", training_time(run)),
        ("steps", steps_text(run)),
        ("device of this report", device_text(run)),
    ]
    return [(name, text) for name, text in rows if text]


def steps_text(run: Trained) -> str:
    """Say how many of the steps are done."""
    return f"{run.step:,} of {run.config.steps:,}"


def versions(run: Trained) -> list[tuple[str, str]]:
    """List the versions of the distributions that made the run, and of what runs them now."""
    from unweave.settings import read_settings

    entries = read_settings(run.config_path).get("versions", {})
    rows = [(str(k), str(v)) for k, v in entries.items()] if isinstance(entries, dict) else []
    return [*rows, ("torch", torch.__version__), ("python", platform.python_version())]


def command(run: Trained) -> str:
    """Return the command that repeats the run."""
    return f"unweave train --config {shlex.quote(str(run.config_path))} --out runs/again"


def training_time(run: Trained) -> str:
    """Say how long training took: as logged, else between the run's first and last file."""
    for line in reversed(run.scalars()):
        if values := [line[key] for key in TIMES if key in line]:
            return duration(values[0])
    times = [path.stat().st_mtime for path in run.checkpoints.glob("*")]
    if not times:
        return ""
    seconds = max(times) - run.config_path.stat().st_mtime
    return f"about {duration(seconds)}, from the first file to the last" if seconds > 0 else ""


def device_text(run: Trained) -> str:
    """Name the device that the networks lie on."""
    if run.device.type == "cuda":
        return f"{run.device}, {torch.cuda.get_device_name(run.device)}"
    return f"{run.device}, {platform.machine()}"


def _parameters(run: Trained) -> str:
    counts = [
        sum(p.numel() for p in module.parameters())
        for module in (run.model.encoder, run.model.decoder)
    ]
    return f"{counts[0]:,} in the encoder, {counts[1]:,} in the decoder"


def _shape(run: Trained) -> str:
    height, width, colours = run.dataset.image_shape
    if run.continuous:
        return f"{height * width * colours} numbers"
    return f"{height} x {width} pixels" + (f", {colours} colours" if colours > 1 else "")
