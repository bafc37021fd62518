"""Suggestions for a setting that does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unweave.errors import ConfigError, UnknownNameError, quote, unknown_name
from unweave.options import options_of_entry, refuse_positional
from unweave.registry import Entry, Registry

MEANT = {
    "lr": "learning_rate",
    "rate": "learning_rate",
    "grad_clip": "clip_norm",
    "gradient_clip": "clip_norm",
    "clip": "clip_norm",
    "max_norm": "clip_norm",
    "weight_decay": "optimizer=adamw:weight_decay=...",
    "amsgrad": "optimizer=adam:amsgrad=true",
    "momentum": "optimizer=sgd:momentum=...",
    "betas": "optimizer=adam:betas=...",
    "eps": "optimizer=adam:eps=...",
    "epochs": "steps (an epoch has N / batch_size of them)",
    "iterations": "steps",
    "batch": "batch_size",
    "z_dim": "dim",
    "latent_dim": "dim",
    "latents": "dim",
    "dataset": "data",
    "network": "architecture",
    "model": "architecture or method",
    "validation": "holdout",
    "test_size": "holdout",
    "early_stopping": "stop_after",
    "patience": "stop_after",
    "resume": "the option --resume RUN, or unweave.resume(run)",
    "device": "the option --device, or unweave.train(device=...)",
    "out": "the option --out, or unweave.train(out=...)",
    "threads": "the variable OMP_NUM_THREADS",
    "workers": "the option --executor processes:workers=N of `unweave sweep`",
    "scheduler": "learning_rate=cosine(...), steps(...) or exponential(...)",
}
"""Names of settings in other programs, and the setting here that does the same."""


def unknown_setting(
    registry: Registry,
    entry: Entry,
    key: str,
    options: Mapping[str, Any],
    settings: tuple[str, ...],
) -> UnknownNameError:
    """Suggest a setting of the same meaning, else methods that have it, else similar names."""
    refuse_positional(entry, key)
    what = f"setting of method {entry.name}"
    if meant := MEANT.get(key.lower().replace("-", "_")):
        return UnknownNameError(f"unknown {what} {quote(key)}; did you mean {meant}?")
    having = [e.name for e in registry.entries("method") if key in _options_or_none(e)]
    if having:
        return UnknownNameError(
            f"unknown {what} {quote(key)}; methods that have it: {', '.join(having)}. "
            f"{entry.name} has: {', '.join(sorted(options)) or 'no option'}"
        )
    return unknown_name(what, key, [*options, *settings])


def _options_or_none(entry: Entry) -> Mapping[str, Any]:
    try:
        return options_of_entry(entry)
    except ConfigError:
        return {}
