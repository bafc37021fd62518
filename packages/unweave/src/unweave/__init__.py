"""Learn disentangled representations with (Wasserstein) autoencoders, and judge them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unweave.api import Run, resume, train
    from unweave.experiment.table import read_experiment
    from unweave.method import Method, Schedule, Term, Weight

__version__ = "0.1.0"

_PUBLIC = {
    "Method": "method:Method",
    "Run": "api:Run",
    "Schedule": "method:Schedule",
    "Term": "method:Term",
    "Weight": "method:Weight",
    "read_experiment": "experiment.table:read_experiment",
    "resume": "api:resume",
    "train": "api:train",
}

__all__ = ["Method", "Run", "Schedule", "Term", "Weight", "read_experiment", "resume", "train"]


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for, so that `import unweave` imports no torch."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'unweave' has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].partition(":")
    return getattr(importlib.import_module(f"unweave.{module}"), attribute)
