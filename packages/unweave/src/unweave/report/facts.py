"""Facts about a run: size, device, time, versions and command."""

from __future__ import annotations

import math
import platform
import shlex
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import torch

from unweave.errors import shorten
from unweave.progress import duration
from unweave.protocols import member
from unweave.training_time import Time, read_times

if TYPE_CHECKING:
    from unweave.trained import Trained

MOST_TERMS = 24
MOST_LINES = 1000
"""Most log lines of a chart; of more lines, evenly spaced ones are used."""


def read_log(run: Trained) -> tuple[list[float], dict[str, list[float]]]:
    """Return the steps and the terms of the log; a term that a line lacks is NaN there."""
    lines = run.scalars()
    lines = lines[:: math.ceil(len(lines) / MOST_LINES)] if len(lines) > MOST_LINES else lines
    names = list(dict.fromkeys(name for line in lines for name in line if name != "step"))
    names = names[:MOST_TERMS]
    return [line["step"] for line in lines], {
        name: [line.get(name, math.nan) for line in lines] for name in names
    }


def describe_run(run: Trained) -> list[tuple[str, str]]:
    """List what a reader asks of a run: name and value."""
    times = read_times(run.path, run.step)
    rows = [
        ("method", run.config.method),
        ("data", f"{run.dataset.name}, {len(run.dataset):,} rows of {_shape(run)}"),
        ("about the data", str(member(run.dataset, "note"))),
        ("parameters", _parameters(run)),
        ("steps", steps_text(run)),
        ("training time", training_time(times)),
        ("trained on", trained_on(times)),
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
    names = {name for name, _ in rows}
    here = [(name, _installed(name)) for name in ("unweave-metrics", "numpy")]
    rows += [(name, text) for name, text in here if text and name not in names]
    return [*rows, ("torch", torch.__version__), ("python", platform.python_version())]


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def command(run: Trained) -> str:
    """Return the command that repeats the run."""
    return f"unweave train --config {shlex.quote(str(run.config_path))} --out runs/again"


def training_time(times: Sequence[Time]) -> str:
    """Say how long training took as it was recorded; empty where it was not."""
    if not times:
        return ""
    last = times[-1]
    return duration(last.seconds) + (f" after step {last.since:,}" if last.since else "")


def trained_on(times: Sequence[Time]) -> str:
    """Name the devices of training, one after the other; empty where none was recorded."""
    return ", then ".join(dict.fromkeys(map(_hardware, times)))


def _hardware(time: Time) -> str:
    processes = f"; {time.processes} processes" if time.processes > 1 else ""
    others = f"; {time.together} runs at once" if time.together > 1 else ""
    return f"{shorten(time.device)}{processes}{others}"


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
