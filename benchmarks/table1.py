"""The whole of table 1 of Gaujac, Feige and Barber, as published: 64 x 64, 300,000 steps, 5 seeds.

    python benchmarks/table1.py

trains for nine minutes and stops with checkpoints; the same command continues, until the table is
there. Runs of one method, its seeds and weights, are one ensemble. It wants a GPU: without one it
says so, and `--device cpu` has it work all the same.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from unweave.errors import UnweaveError, message_of
from unweave.executors import Serial
from unweave.experiment.comparison import Comparison
from unweave.experiment.layout import as_text
from unweave.experiment.page import write_comparison
from unweave.experiment.sweep import StoppedError, sweep
from unweave.reproduce.recipe import Recipe, read_recipe

RECIPE = "tcwae-table1"
FULL = {"data": "dsprites", "steps": 300_000, "checkpoint_every": 10_000}
SCALE = 16
"""Pixels of the published images for one of the recipe's, by which its weights are divided."""
WIDTH = 1000
"""Units of the published critics."""


def full_size(changes: dict[str, Any]) -> Recipe:
    """Return the recipe with the published sizes and weights instead of a sixteenth of them."""
    recipe = read_recipe(RECIPE, {**FULL, **changes})
    runs = [
        variant.model_copy(update={"settings": _published(variant.settings)})
        for variant in recipe.runs
    ]
    weights = [SCALE * float(weight) for weight in recipe.grid["weight"]]
    return recipe.model_copy(
        update={"runs": runs, "grid": {"weight": weights}, "seeds": list(range(5))}
    )


def _published(settings: dict[str, Any]) -> dict[str, Any]:
    """Undo what the recipe makes smaller: weights that are not part of the grid, and critics."""
    original = dict(settings)
    for name in ("alpha", "gamma"):
        if isinstance(original.get(name), float):
            original[name] *= SCALE
    if "critic_width" in original:
        original["critic_width"] = WIDTH
    if "terms" in original:
        original["terms"] = [_published_term(term) for term in original["terms"]]
    return original


def _published_term(term: dict[str, Any]) -> dict[str, Any]:
    weights = {
        name: weight * SCALE if isinstance(weight, float) else weight
        for name, weight in term["weights"].items()
    }
    options = dict(term.get("options", {}))
    if "width" in options:
        options["width"] = WIDTH
    return {**term, "weights": weights, **({"options": options} if options else {})}


@contextlib.contextmanager
def stopping_after(minutes: float) -> Iterator[None]:
    """End a sweep as SIGTERM does, with checkpoints, when the time is over."""
    timer = threading.Timer(60 * minutes, os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        signal.signal(signal.SIGTERM, before)


def main(arguments: list[str] | None = None) -> None:
    """Train a piece, and print the table when there is nothing left to train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=minutes, default=9.0, help="of one piece")
    parser.add_argument("--together", type=count, default=15, help="runs of one ensemble")
    parser.add_argument("--out", type=Path, default=Path("runs/table1"))
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--set", type=setting, action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args(arguments)
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print("there is no CUDA device here; --device cpu trains on the processor, for weeks")
        return
    try:
        recipe = full_size({"precision": options.precision, **dict(options.set)})
        with stopping_after(options.minutes):
            results = sweep(
                recipe, options.out, Serial(), device=options.device, together=options.together
            )
    except (StoppedError, KeyboardInterrupt) as stop:
        print(str(stop) or "stopped before the first step; the same command continues")
        return
    except (UnweaveError, ValueError, OSError) as error:
        parser.error(message_of(error))
    comparison = Comparison(results)
    print(as_text(comparison))
    print(write_comparison(comparison, options.out))


def minutes(text: str) -> float:
    if not 0 < float(text) < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text}")
    return float(text)


def count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return int(text)


def setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE, as steps=1000, got {text[:80]!r}")
    return key, value


if __name__ == "__main__":
    main()
