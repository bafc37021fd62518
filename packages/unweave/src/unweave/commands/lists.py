"""Tables for people: what is registered. Imports no torch unless a listed thing does."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from unweave.errors import ConfigError
from unweave.options import misplaced_options, options_of, options_of_entry
from unweave.registry import KINDS, Plugin, Registry, registry
from unweave.tables import table

if TYPE_CHECKING:
    from unweave.method import Term


SLOW_MILLISECONDS = 500.0
"""Longest import time of a hook file that is no fault: every command waits for it."""


def list_plugins() -> str:
    """List distributions with status, milliseconds, and the names they register or the fault."""
    rows = []
    for plugin in registry().plugins:
        names = "  ".join(
            f"{kind}: {', '.join(of_kind)}"
            for kind in KINDS
            if (of_kind := [e.name for e in plugin.entries if e.kind == kind])
        )
        milliseconds = f"{plugin.milliseconds:.1f}"
        what = plugin.reason or names or "observers and commands only"
        rows.append((plugin.distribution, plugin.version, plugin.status, milliseconds, what))
    if not rows:
        return "no plugin is loaded"
    return table(("distribution", "version", "status", "ms", "names, or the fault"), rows)


def check_plugins() -> list[str]:
    """Import every target and check its options; return a sentence for each problem."""
    problems = [
        f"{p.distribution} {p.version}: {p.reason}" for p in registry().plugins if p.status != "ok"
    ]
    for plugin in registry().plugins:
        who = f"{plugin.distribution} {plugin.version}"
        if _imports_torch(plugin):
            problems.append(f"{who}: its hook file imports torch; name targets as text instead")
        elif plugin.milliseconds > SLOW_MILLISECONDS:
            problems.append(f"{who}: its hook file takes {plugin.milliseconds:.0f} ms to import")
    for kind in KINDS:
        for entry in registry().entries(kind):
            try:
                options_of_entry(entry)
                misplaced = misplaced_options(entry)
                registry().lookup(kind, entry.name)
            except ConfigError as error:
                problems.append(str(error))
            else:
                problems += [
                    f"{entry}: option {name!r} is not keyword-only; put it behind the *"
                    for name in misplaced
                ]
    return problems


def _imports_torch(plugin: Plugin) -> bool:
    """Whether the hook files alone, in a new interpreter, import torch."""
    if plugin.status != "ok" or plugin.distribution == "unweave":
        return False
    code = f"import sys, {', '.join(plugin.modules)}; sys.exit('torch' in sys.modules and 77)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    return process.returncode == 77


def list_methods(name: str | None = None) -> str:
    """List the methods with their options, or one of them in full."""
    catalogue = registry()
    names = catalogue.names("method") if name is None else [name]
    entries = [catalogue.lookup("method", text) for text in names]
    if name is None:
        rows = [
            (n, _first_line(e.load()), _options(e.load()))
            for n, e in zip(names, entries, strict=True)
        ]
        return table(("method", "what it minimises", "options"), rows)
    target = entries[0].load()
    method = catalogue.build("method", entries[0].qualified)
    parts: list[tuple[str, ...]] = [("", "cost", "1", method.cost)]
    for term in method.terms:
        options = _plain_options(term.options)
        parts += [
            (term.estimator, _term_text(key, term), _weight(weight), options)
            for key, weight in _weights(term).items()
        ]
    return "\n".join(
        [
            inspect.getdoc(target) or "",
            f"options: {_options(target)}",
            f"posterior: {method.posterior}; prior: {method.prior}",
            table(("estimator", "term", "weight", ""), parts),
        ]
    )


def list_data(text: str | None = None) -> str:
    """List the data sets, or open one and describe it.

    A set that is named without options and cannot be opened so is told about instead: what file it
    wants, where that is looked for, and its options.
    """
    catalogue = registry()
    if text is None:
        return "\n\n".join(_about(name, catalogue) for name in catalogue.choices("dataset"))
    try:
        dataset = catalogue.build("dataset", text)
    except ConfigError:
        target = catalogue.lookup("dataset", text).load() if "=" not in text else None
        if not hasattr(target, "about"):
            raise
        return _about(text, catalogue)
    height, width, colours = dataset.image_shape
    what = f"images of {height} x {width} x {colours}"
    if dataset.bits == 32:
        what = f"vectors of {height * width * colours}"
    lines = [f"{dataset.name}: {len(dataset):,} {what}"]
    lines += [dataset.note] if dataset.note else []
    if not dataset.factor_names:
        return "\n".join([*lines, "factors: not known"])
    sizes = list(zip(dataset.factor_names, map(str, dataset.factor_sizes), strict=True))
    return "\n".join([*lines, table(("factor", "classes"), sizes)])


def _about(name: str, catalogue: Registry) -> str:
    """Describe a data set by its `about`, if it has one, and list its options."""
    target = catalogue.lookup("dataset", name).load()
    about = getattr(target, "about", None)
    text = str(about.text()) if about is not None else f"{name}: {_first_line(target)}"
    return "\n  ".join([*text.split("\n"), f"options: {_options(target)}"])


def _first_line(target: Any) -> str:
    return (inspect.getdoc(target) or "").partition("\n")[0]


def _options(target: Any) -> str:
    parts = []
    for name, option in options_of(target).items():
        default = "" if option.default is inspect.Parameter.empty else f"={option.default}"
        parts.append(f"{name}{default}")
    return "  ".join(parts) or "none"


def _weights(term: Term) -> Mapping[str, float | str]:
    if isinstance(term.weights, Mapping):
        return term.weights
    return {"every term": term.weights}


def _term_text(name: str, term: Term) -> str:
    return f"|{name} - {_weight(term.targets[name])}|" if name in term.targets else name


def _plain_options(options: Any) -> str:
    return "  ".join(f"{key}={value}" for key, value in options.items())


def _weight(weight: float | str) -> str:
    from unweave.method import Schedule

    schedule = Schedule.parse(weight)
    return f"{schedule.end:g}" if schedule.start == schedule.end else str(weight)
