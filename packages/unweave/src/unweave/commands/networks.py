"""Write a run's encoder and decoder for other programs, with a description of their inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unweave import __version__
from unweave.api import Run
from unweave.errors import ConfigError
from unweave.export import SUFFIXES, DecoderNetwork, EncoderNetwork, check_format, export_network
from unweave.files import write_text

EXAMPLES, OTHERS = 2, 5
"""Batch sizes for tracing networks and for comparing a file with the original."""


def export_run(path: Path, out: Path | None, form: str) -> tuple[Path, list[tuple[str, str, str]]]:
    """Write `encoder`, `decoder` and `export.json`; return their folder and rows for a table."""
    file_format, run = check_format(form), Run.open(path)
    folder = out or run.path / "export"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigError(f"folder {folder} cannot be made: {error.strerror}") from error
    height, width, channels = run.facts.image_shape
    images = (channels, height, width)
    model = run.model
    encoder = EncoderNetwork(model.encoder, model.family)
    decoder = DecoderNetwork(model.decoder, _picture(run))
    rows, about = [], _about(run, file_format)
    for network, shape, draw in (
        (encoder, images, torch.rand),
        (decoder, (run.config.dim,), torch.randn),
    ):
        name = type(network).__name__.removesuffix("Network").lower()
        file = folder / f"{name}{SUFFIXES[file_format]}"
        example, other = (_inputs(draw, n, shape) for n in (EXAMPLES, OTHERS))
        difference = export_network(network, example, other, file, file_format)
        rows.append((file.name, ", ".join(network.outputs), f"{difference:.1e}"))
        about[name] = {
            "file": file.name,
            "input": {"name": network.inputs[0], "shape": ["n", *shape]},
            "outputs": list(network.outputs),
            "largest_difference": difference,
        }
    write_text(folder / "export.json", json.dumps(about, indent=2) + "\n")
    return folder, rows


def _picture(run: Run) -> Any:
    """Return the run's map from outputs to pictures, a method of its cost."""
    return run.cost.expected if run.continuous else run.cost.image


def _inputs(draw: Any, n: int, shape: tuple[int, ...]) -> Tensor:
    inputs: Tensor = draw(n, *shape, generator=torch.Generator().manual_seed(n))
    return inputs


def _about(run: Run, form: str) -> dict[str, Any]:
    return {
        "format": form,
        "unweave": __version__,
        "torch": torch.__version__,
        "method": run.config.method,
        "data": run.config.data.name,
        "images": "float32" + ("" if run.continuous else " in [0, 1]"),
    }
