"""Checks that every hook file must pass."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from unweave_testing.check import Check

REGISTRY_HOOKS = (
    "unweave_architectures",
    "unweave_costs",
    "unweave_datasets",
    "unweave_estimators",
    "unweave_executors",
    "unweave_flows",
    "unweave_methods",
    "unweave_metrics",
    "unweave_objectives",
    "unweave_optimizers",
    "unweave_posteriors",
    "unweave_priors",
)
OTHER_HOOKS = (
    "unweave_commands",
    "unweave_run_end",
    "unweave_run_log",
    "unweave_run_start",
)
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def plugin_checks() -> list[Check]:
    """List the checks of hook files; in place of a factory they take the hook file's module name.

    - `api`: `UNWEAVE_API` is a positive integer.
    - `hooks`: the hook file has at least one hook, and every hook is one of unweave's.
    - `mappings`: hooks that register names return a dict from names to `"module:object"`.
    - `light`: the hook file imports nothing but pluggy and the standard library.
    - `targets`: every registered object can be imported and called.
    - `options`: every keyword-only parameter of such an object has an annotation that can be
      resolved.
    - `entry-point`: an installed distribution has an entry point to the module in the group
      `unweave`.

    Examples
    --------
    >>> from unweave_testing import plugin_checks
    >>> [check.name for check in plugin_checks()][:3]
    ['api', 'hooks', 'mappings']
    """
    return [
        Check("api", _api),
        Check("hooks", _hooks),
        Check("mappings", _mappings),
        Check("light", _light),
        Check("targets", _targets),
        Check("options", _options),
        Check("entry-point", _entry_point),
    ]


def _api(name: str) -> None:
    number = getattr(importlib.import_module(name), "UNWEAVE_API", None)
    assert type(number) is int, f"UNWEAVE_API must be an integer, got {number!r}"
    assert number >= 1, f"UNWEAVE_API must be at least 1, got {number}"


def _hook_functions(module: ModuleType) -> dict[str, Any]:
    """Return the functions with pluggy's hook marker of unweave, by name."""
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isroutine(value) and hasattr(value, "unweave_impl")
    }


def _hooks(name: str) -> None:
    hooks = _hook_functions(importlib.import_module(name))
    assert hooks, f"{name} has no function decorated with HookimplMarker('unweave')"
    unknown = sorted(set(hooks) - {*REGISTRY_HOOKS, *OTHER_HOOKS})
    all_hooks = ", ".join((*REGISTRY_HOOKS, *OTHER_HOOKS))
    assert not unknown, f"unknown hooks {', '.join(unknown)}; known hooks: {all_hooks}"


def _registry_hooks(name: str) -> Iterator[tuple[str, Any]]:
    """Yield each hook that registers names, and the mapping that it returns."""
    for hook, function in _hook_functions(importlib.import_module(name)).items():
        if hook in REGISTRY_HOOKS:
            yield hook, function()


def _mappings(name: str) -> None:
    for hook, mapping in _registry_hooks(name):
        assert isinstance(mapping, dict), f"{hook} must return a dict, got {type(mapping).__name__}"
        for key, target in mapping.items():
            assert isinstance(key, str), f"{hook}: names must be text, got {key!r}"
            assert NAME.fullmatch(key), (
                f"{hook}: names must be lower case, words joined by '-', got {key!r}"
            )
            assert isinstance(target, str), (
                f"{hook}: the target of {key} must be text, got {target!r}"
            )
            assert TARGET.fullmatch(target), (
                f"{hook}: the target of {key} must be 'module:object', got {target!r}"
            )


def _light(name: str) -> None:
    program = (
        "import sys; import pluggy; before = set(sys.modules); "
        f"import {name}; print(*(set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", program]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, f"{name} cannot be imported: {process.stderr.strip()[-300:]}"
    roots = {module.split(".")[0] for module in process.stdout.split()}
    heavy = sorted(roots - {name.split(".")[0], *sys.stdlib_module_names})
    assert not heavy, (
        f"{name} imports {', '.join(heavy)}; a hook file must import nothing but pluggy and the "
        "standard library"
    )


def _objects(name: str) -> Iterator[tuple[str, Any]]:
    """Yield every registered target and its object."""
    for _, mapping in _registry_hooks(name):
        for target in mapping.values():
            module, attribute = target.split(":")
            yield target, getattr(importlib.import_module(module), attribute)


def _targets(name: str) -> None:
    for target, value in _objects(name):
        assert callable(value), f"{target} must be callable, got {type(value).__name__}"


def _options(name: str) -> None:
    for target, value in _objects(name):
        function = value.__init__ if inspect.isclass(value) else value
        hints = typing.get_type_hints(function)
        for parameter in inspect.signature(value).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY:
                assert parameter.name in hints, (
                    f"option {parameter.name} of {target} needs a type annotation"
                )


def _entry_point(name: str) -> None:
    points = importlib.metadata.entry_points(group="unweave")
    modules = sorted(point.value for point in points)
    assert name in modules, (
        f"no installed distribution has an entry point to {name} in the group unweave, found "
        f"{', '.join(modules) or 'none'}; add it to pyproject.toml and install the distribution"
    )
