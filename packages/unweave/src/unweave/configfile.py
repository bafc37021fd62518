"""A configuration as TOML, as a digest, and as a list of the registered objects that it names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from unweave.config import build_method
from unweave.files import expanded
from unweave.options import parse_spec
from unweave.registry import Entry, Registry
from unweave.train_config import FIELDS, SPECS, TrainConfig


def config_text(registry: Registry, config: TrainConfig, **recorded: Any) -> str:
    """Write a resolved configuration as TOML that `make_config` reads back.

    Parameters
    ----------
    recorded
        Further tables or lists, of those in `NOT_SETTINGS`.
    """
    values = config.known()
    table: dict[str, Any] = {}
    for name in FIELDS:
        if name in SPECS and name in values:
            table[name] = {"name": values[name]["name"], **_plain(values[name]["options"])}
        elif name in values:
            table[name] = _plain(values[name])
    table |= _plain(values["options"])
    entries = used_entries(registry, config)
    table["versions"] = {e.distribution: e.version for e in entries}
    table["resolved"] = {
        kind: [e.qualified for e in entries if e.kind == kind]
        for kind in ("cost", "estimator", "objective")
    }
    table |= _plain(recorded)
    scalars = {key: value for key, value in table.items() if not isinstance(value, dict)}
    return tomli_w.dumps(scalars | {k: v for k, v in table.items() if isinstance(v, dict)})


def digest(config: TrainConfig) -> str:
    """Hash what determines a run, except its length and what is logged and kept."""
    free = {
        "steps", "log_every", "checkpoint_every", "validate_every", "evaluate_every", "keep_best",
        "stop_after", "compile",
    }  # fmt: skip
    content = _comparable({k: v for k, v in config.known().items() if k not in free})
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _comparable(value: Any) -> Any:
    """Reduce paths to file names, because data and runs may be moved, and make 1 and 1.0 equal."""
    if isinstance(value, Mapping):
        return {key: _comparable(item) for key, item in value.items() if item is not None}
    if isinstance(value, tuple | list):
        return [_comparable(item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return value.name if isinstance(value, Path) else value


def used_entries(registry: Registry, config: TrainConfig) -> list[Entry]:
    """List the registered objects that a run is made of."""
    method = build_method(registry, config)
    entry = registry.lookup("method", config.method)
    home = entry.distribution
    spoken = [("cost", method.cost), ("objective", method.objective)]
    spoken += [("estimator", term.estimator) for term in method.terms]
    of_method = [registry.lookup(kind, parse_spec(text)[0], home) for kind, text in spoken]
    of_settings = [registry.lookup(kind, getattr(config, f).name) for f, kind in SPECS.items()]
    return [entry, *of_method, *of_settings]


def _plain(value: Any) -> Any:
    """Turn paths into absolute texts, and leave out None, which TOML lacks."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(expanded(value).resolve()) if isinstance(value, Path) else value
