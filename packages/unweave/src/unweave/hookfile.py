"""Read and check the entries that a hook file registers. Imports no torch."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from unweave import hookspecs
from unweave.errors import ConfigError, PluginError, closest_first, describe, quote

KINDS = (
    "prior",
    "flow",
    "posterior",
    "estimator",
    "cost",
    "architecture",
    "method",
    "objective",
    "optimizer",
    "metric",
    "dataset",
    "executor",
)


NAME = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")


TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@dataclass(frozen=True)
class Entry:
    """A registered name, its distribution and its target."""

    kind: str
    name: str
    target: str
    distribution: str
    version: str

    @property
    def qualified(self) -> str:
        """The spelling that never clashes: `dist:name`."""
        return f"{self.distribution}:{self.name}"

    def __str__(self) -> str:
        """Name the kind, the registered name, the distribution and its version."""
        return f"{self.kind} {self.name} of {self.distribution} {self.version}"

    def load(self) -> Any:
        """Import the target.

        Raises
        ------
        ConfigError
            If the module or the object in it cannot be imported.
        """
        module, _, path = self.target.partition(":")
        try:
            return functools.reduce(getattr, path.split("."), importlib.import_module(module))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise ConfigError(
                f"{self} cannot be loaded from {self.target!r}: {describe(error)}"
            ) from error


@dataclass
class Plugin:
    """A distribution with an entry point in the group `unweave`, and the outcome of loading it."""

    distribution: str
    version: str
    status: str = "ok"
    reason: str = ""
    milliseconds: float = 0.0
    entries: list[Entry] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)


def hook_name(kind: str) -> str:
    """Return the name of the hook that registers objects of a kind."""
    return f"{hookspecs.PROJECT}_{kind}s"


def check_module(module: ModuleType) -> None:
    """Raise unless a module is a hook file of an API that this core knows.

    Raises
    ------
    PluginError
        If its API number is not supported, a hook is misspelt, or one lacks its decorator.
    """
    api = getattr(module, "UNWEAVE_API", None)
    supported = (hookspecs.UNWEAVE_API - 1, hookspecs.UNWEAVE_API)
    if not isinstance(api, int):
        raise PluginError(f"{module.__name__} has no integer UNWEAVE_API")
    if api not in supported:
        age = "newer: upgrade unweave" if api > supported[1] else "older: upgrade the plugin"
        raise PluginError(
            f"it is written for API {api}, this unweave has {supported[1]}; it is {age}"
        )
    hooks = [name for name in vars(hookspecs) if name.startswith("unweave_")]
    for name, value in vars(module).items():
        if name not in hooks and _looks_like_hook(name, value):
            raise PluginError(
                f"it has no hook {name!r}; did you mean {closest_first(name, hooks)[0]!r}?"
            )
        if name in hooks and not hasattr(value, f"{hookspecs.PROJECT}_impl"):
            raise PluginError(f"{name} lacks the decorator @hookimpl")


def _looks_like_hook(name: str, value: object) -> bool:
    return callable(value) and (
        hasattr(value, f"{hookspecs.PROJECT}_impl") or name.startswith("unweave_")
    )


def entries_of(module: ModuleType, plugin: Plugin) -> list[Entry]:
    """Call the naming hooks of a hook file and list what they register.

    Raises
    ------
    PluginError
        If a hook raises, or does not return a mapping of names to targets.
    """
    entries = []
    for kind in KINDS:
        hook = getattr(module, hook_name(kind), None)
        if hook is None:
            continue
        try:
            mapping = hook()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginError(f"{hook_name(kind)} raised {describe(error)}") from error
        _check_mapping(hook_name(kind), mapping)
        entries += [
            Entry(kind, name, target, plugin.distribution, plugin.version)
            for name, target in mapping.items()
        ]
    return entries


def _check_mapping(hook: str, mapping: object) -> None:
    if not isinstance(mapping, Mapping):
        raise PluginError(
            f"{hook} must return a mapping from name to 'module:object', "
            f"got {type(mapping).__name__}"
        )
    for name, target in mapping.items():
        if not (isinstance(name, str) and NAME.fullmatch(name)):
            raise PluginError(
                f"{hook} returned the name {quote(name)}; expected lower case, like 'my-name'"
            )
        if not (isinstance(target, str) and TARGET.fullmatch(target)):
            raise PluginError(
                f"{hook} points {name!r} at {quote(target)}; expected 'module:object'"
            )
