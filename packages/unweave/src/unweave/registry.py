"""Discovery and look-up of everything that plugins register. Imports no torch.

pluggy's own entry-point loader drops second entry points of one name, accepts misspelt hooks
and dies of one bad import; here a broken plugin is recorded with its reason and costs nobody
else anything.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pluggy

from unweave import hookspecs, owners
from unweave import options as _options
from unweave.errors import (
    ClashError,
    ConfigError,
    PluginError,
    PluginWarning,
    UnknownNameError,
    blaming,
    describe,
    message_of,
    quote,
)
from unweave.errors import unknown_name as unknown_name_error
from unweave.hookfile import KINDS, Entry, Plugin, check_module, entries_of
from unweave.protocols import REQUIRED

__all__ = ["KINDS", "OURS", "Entry", "Plugin", "Registry", "registry"]

OURS = (
    "unweave",
    "unweave-data",
    "unweave-estimators",
    "unweave-flows",
    "unweave-metrics",
    "unweave-priors",
)
"""The distributions in which a name that a method or a default speaks is looked for."""
QUOTES = "'\""


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class Registry:
    """What is registered in one environment.

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
        self._discover()

    def entries(self, kind: str) -> list[Entry]:
        """List what is registered of one kind, sorted by name."""
        found = (entry for plugin in self.plugins for entry in plugin.entries)
        return sorted((e for e in found if e.kind == kind), key=lambda e: (e.name, e.distribution))

    def names(self, kind: str) -> list[str]:
        """List spellings that look up without a clash: short where unique, else qualified."""
        entries = self.entries(kind)
        short = [entry.name for entry in entries]
        return [e.name if short.count(e.name) == 1 else e.qualified for e in entries]

    def lookup(self, kind: str, name: str, home: str | None = None) -> Entry:
        """Find what a name, short or qualified, stands for.

        Parameters
        ----------
        home
            The distribution of the method or default that speaks the name; what it registers
            itself comes first, then what unweave's own distributions register. A name that a
            user types has no home.

        Raises
        ------
        UnknownNameError
            If nobody registered it; the message lists the known names and the broken plugins.
        ClashError
            If more than one distribution registered it and the spelling is the short one.
        """
        entries = self.entries(kind)
        found = [entry for entry in entries if name in (entry.name, entry.qualified)]
        if home is not None and len(found) > 1:
            at_home = [e for e in found if e.distribution == home]
            found = at_home or [e for e in found if e.distribution in OURS] or found
        if len(found) == 1:
            return found[0]
        if found:
            owners = " and ".join(f"{e.distribution} {e.version}" for e in found)
            spellings = " or ".join(repr(e.qualified) for e in found)
            raise ClashError(f"{kind} {name!r} is registered by {owners}; write {spellings}")
        raise self._unknown(kind, name)

    def _unknown(self, kind: str, name: str) -> UnknownNameError:
        distribution, colon, _ = name.rpartition(":")
        if colon and distribution not in {plugin.distribution for plugin in self.plugins}:
            advice = f"install {quote(distribution).strip(QUOTES)}"
            if self._only is not None:
                advice += ", or name it in UNWEAVE_PLUGINS"
            return UnknownNameError(
                f"{kind} {quote(name)} comes from a plugin that is not here: "
                f"{advice}{self._broken_hint()}"
            )
        return unknown_name_error(kind, name, self.names(kind), self._broken_hint())

    def build(
        self,
        kind: str,
        spec: Any,
        *arguments: Any,
        home: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        """Look a name up, check its options, call it, and check what it gives.

        Parameters
        ----------
        spec
            Text `name:key=value,...`, or an object with `name` and `options`.
        arguments
            What an object of this kind is called with before its options.
        home
            As in `lookup`.
        options
            More options, before those of the spec.

        Raises
        ------
        ConfigError
            If the name or an option is unknown, the object refuses what it gets or raises, or
            lacks what an object of its kind must have.
        """
        name, given = _options.parse_spec(spec) if isinstance(spec, str) else (
            spec.name, dict(spec.options)
        )  # fmt: skip
        entry = self.lookup(kind, name, home)
        built = _options.build(entry, *arguments, options={**(options or {}), **given})
        for member in REQUIRED.get(kind, ()):
            with blaming(str(entry), f"when asked for {member!r}"):
                if not hasattr(built, member):
                    raise ConfigError(
                        f"{entry} gives an object without {member!r}, which every {kind} has"
                    )
        owners.remember(built, str(entry))
        return built

    def observe(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Call an observer hook; one that raises is reported and the run continues.

        Returns pairs of a distribution and what its observer returned.
        """
        answers = []
        for owner, call in self._implementations(hook, arguments):
            try:
                answers.append((owner, call()))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                _warn(f"observer {hook} of {owner} failed: {describe(error)}; the run continues")
        return answers

    def add_commands(self, make: Callable[[], Any]) -> list[tuple[str, Any]]:
        """Let every plugin add commands to an application of its own, so that none changes another.

        Returns pairs of a distribution with its version and its application.

        Parameters
        ----------
        make
            Makes an empty application.
        """
        added = []
        for impl in self._manager.hook.unweave_commands.get_hookimpls():
            plugin = self._plugin(impl.plugin_name)
            app = make()
            try:
                impl.function(**({"app": app} if impl.argnames else {}))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._reject(plugin.distribution, f"unweave_commands raised {describe(error)}")
            else:
                added.append((f"{plugin.distribution} {plugin.version}", app))
        return added

    def _plugin(self, name: str) -> Plugin:
        """Find a plugin by the name under which one of its hook files is registered."""
        return next(p for p in self.plugins if p.distribution == name.partition("[")[0])

    def _implementations(
        self, hook: str, arguments: Mapping[str, Any]
    ) -> Iterator[tuple[str, Callable[[], Any]]]:
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            wanted = {name: arguments[name] for name in impl.argnames}
            yield impl.plugin_name, functools.partial(impl.function, **wanted)

    def _discover(self) -> None:
        seen: set[str] = set()
        wanted = None if self._only is None else {_normalized(name) for name in self._only}
        for distribution in importlib.metadata.distributions():
            points = [p for p in distribution.entry_points if p.group == hookspecs.PROJECT]
            # What is first on the path shadows a second copy of the same distribution.
            name = _normalized(distribution.metadata["Name"] or "") if points else ""
            if not name or name in seen or (wanted is not None and name not in wanted):
                continue
            seen.add(name)
            self._load(Plugin(name, distribution.version), points)
        self.plugins.sort(key=lambda plugin: plugin.distribution)
        for name in sorted((wanted or set()) - seen):
            self.plugins.append(Plugin(name, "-"))
            self._reject(name, "UNWEAVE_PLUGINS names it, but no such plugin is installed")

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
            self._reject(plugin.distribution, reason)
        plugin.milliseconds = 1000 * (time.perf_counter() - start)

    def _reject(self, distribution: str, reason: str) -> None:
        plugin = self._plugin(distribution)
        plugin.status, plugin.reason, plugin.entries = "broken", reason, []
        for name, module in list(self._manager.list_name_plugin()):
            if name.partition("[")[0] == plugin.distribution and module is not None:
                self._manager.unregister(module)
        message = f"plugin {plugin.distribution} {plugin.version} is left out: {reason}"
        if self._strict:
            raise PluginError(message)
        _warn(message)

    def _broken_hint(self) -> str:
        broken = [p for p in self.plugins if p.status == "broken"]
        listed = "; ".join(f"{p.distribution} {p.version} ({p.reason})" for p in broken)
        return f" (left out as broken: {listed})" if broken else ""


def _warn(message: str) -> None:
    warnings.warn(message, PluginWarning, stacklevel=3)


@functools.cache
def registry() -> Registry:
    """Discover once and return what is registered in this environment.

    `UNWEAVE_PLUGINS=a,b` loads only those distributions (empty: none), and
    `UNWEAVE_STRICT_PLUGINS=1` raises for a broken one.
    """
    listed = os.environ.get("UNWEAVE_PLUGINS")
    only = None if listed is None else tuple(n for n in re.split(r"[,\s]+", listed) if n)
    return Registry(only, strict=os.environ.get("UNWEAVE_STRICT_PLUGINS") == "1")
