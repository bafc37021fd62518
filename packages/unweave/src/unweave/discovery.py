"""Find the installed plugins, and leave broken ones out.

pluggy's own entry-point loader drops a second entry point of the same name, accepts misspelt hooks
and fails at one bad import. Here a broken plugin is recorded with its reason, and the others still
work.
"""

from __future__ import annotations

import importlib.metadata
import re
import time
import warnings

import pluggy

from unweave import hookspecs
from unweave.errors import PluginError, PluginWarning, describe, message_of
from unweave.hookfile import Plugin, check_module, entries_of


class Discovery:
    """The plugins of one environment, with what each registers.

    Parameters
    ----------
    only
        Names of distributions to load; None loads all, an empty tuple none.
    strict
        Raise for a broken plugin instead of leaving it out.
    """

    def __init__(self, only: tuple[str, ...] | None = None, strict: bool = False) -> None:
        self.plugins: list[Plugin] = []
        self._only = only
        self._strict = strict
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._lacks: set[tuple[str, str]] = set()
        self._discover()

    def plugin_of(self, name: str) -> Plugin:
        """Find a plugin by the name under which one of its hook files is registered."""
        return next(p for p in self.plugins if p.distribution == name.partition("[")[0])

    def _discover(self) -> None:
        names: set[str] = set()
        selection = None if self._only is None else {_normalized(name) for name in self._only}
        for distribution in importlib.metadata.distributions():
            points = [p for p in distribution.entry_points if p.group == hookspecs.PROJECT]
            # What is first on the path shadows a second copy of the same distribution.
            name = _normalized(distribution.metadata["Name"] or "") if points else ""
            if not name or name in names or (selection is not None and name not in selection):
                continue
            names.add(name)
            self._load(Plugin(name, distribution.version), points)
        self.plugins.sort(key=lambda plugin: plugin.distribution)
        for name in sorted((selection or set()) - names):
            self.plugins.append(Plugin(name, "-"))
            self.reject(name, "UNWEAVE_PLUGINS names it, but no such plugin is installed")

    def _load(self, plugin: Plugin, points: list[importlib.metadata.EntryPoint]) -> None:
        self.plugins.append(plugin)
        start = time.perf_counter()
        try:
            for number, point in enumerate(points):
                plugin.modules.append(point.module)
                module = point.load()
                check_module(module)
                suffix = f"[{number}]" if number else ""
                self._manager.register(module, name=plugin.distribution + suffix)
                plugin.entries += entries_of(module, plugin)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            reason = message_of(error) if isinstance(error, PluginError) else describe(error)
            self.reject(plugin.distribution, reason)
        plugin.milliseconds = 1000 * (time.perf_counter() - start)

    def reject(self, distribution: str, reason: str) -> None:
        """Record a plugin as broken and forget what it registered; raise if strict."""
        plugin = self.plugin_of(distribution)
        plugin.status, plugin.reason, plugin.entries = "broken", reason, []
        for name, module in list(self._manager.list_name_plugin()):
            if name.partition("[")[0] == plugin.distribution and module is not None:
                self._manager.unregister(module)
        message = f"plugin {plugin.distribution} {plugin.version} is left out: {reason}"
        if self._strict:
            raise PluginError(message)
        warn(message)

    def _broken_hint(self) -> str:
        broken = [p for p in self.plugins if p.status == "broken"]
        listed = "; ".join(f"{p.distribution} {p.version} ({p.reason})" for p in broken)
        return f" (left out as broken: {listed})" if broken else ""


def warn(message: str) -> None:
    """Warn of a plugin, at the line that called the caller."""
    warnings.warn(message, PluginWarning, stacklevel=3)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
