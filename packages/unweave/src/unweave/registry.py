"""Look-up of everything that plugins register. Imports no torch."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from unweave import options as _options
from unweave import owners
from unweave.discovery import Discovery, warn
from unweave.errors import (
    ClashError,
    ConfigError,
    UnknownNameError,
    blaming,
    describe,
    quote,
)
from unweave.errors import unknown_name as unknown_name_error
from unweave.hookfile import KINDS, Entry, Plugin
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
"""The distributions in which names of methods and defaults are looked up."""
FROM_PYTHON = "unweave:given"
"""What stands in a run's configuration for data or networks that came from Python."""
QUOTES = "'\""


class Registry(Discovery):
    """All that is registered in one environment: look-up by kind and name, observers, commands."""

    def entries(self, kind: str) -> list[Entry]:
        """List what is registered of one kind, sorted by name."""
        every = (entry for plugin in self.plugins for entry in plugin.entries)
        return sorted((e for e in every if e.kind == kind), key=lambda e: (e.name, e.distribution))

    def names(self, kind: str) -> list[str]:
        """List unambiguous names: short if unique, else qualified."""
        return list(self._spellings(kind))

    def choices(self, kind: str) -> list[str]:
        """List the spellings that a user may type: all but what stands for an object of Python."""
        spellings = self._spellings(kind).items()
        return [name for name, entry in spellings if entry.qualified != FROM_PYTHON]

    def _spellings(self, kind: str) -> dict[str, Entry]:
        entries = self.entries(kind)
        short = [entry.name for entry in entries]
        return {e.name if short.count(e.name) == 1 else e.qualified: e for e in entries}

    def lookup(self, kind: str, name: str, home: str | None = None) -> Entry:
        """Find the object that a name, short or qualified, is registered for.

        Parameters
        ----------
        home
            The distribution of the method or default that uses the name. Its own registrations
            come first, then those of unweave's distributions. A name that a user types has no
            home.

        Raises
        ------
        UnknownNameError
            If nobody registered it; the message lists the known names and the broken plugins.
        ClashError
            If more than one distribution registered it and the spelling is the short one.
        """
        entries = self.entries(kind)
        matches = [entry for entry in entries if name in (entry.name, entry.qualified)]
        if home is not None and len(matches) > 1:
            at_home = [e for e in matches if e.distribution == home]
            matches = at_home or [e for e in matches if e.distribution in OURS] or matches
        if len(matches) == 1:
            return matches[0]
        if matches:
            owners = " and ".join(f"{e.distribution} {e.version}" for e in matches)
            spellings = " or ".join(repr(e.qualified) for e in matches)
            raise ClashError(f"{kind} {name!r} is registered by {owners}; write {spellings}")
        raise self._unknown(kind, name)

    def _unknown(self, kind: str, name: str) -> UnknownNameError:
        distribution, colon, _ = name.rpartition(":")
        registered, _, rest = name.partition(":")
        if colon and any(registered == entry.name for entry in self.entries(kind)):
            return UnknownNameError(
                f"{kind} {registered} takes options as {registered}:key=value, got {quote(rest)}"
            )
        if colon and distribution not in {plugin.distribution for plugin in self.plugins}:
            advice = f"install {quote(distribution).strip(QUOTES)}"
            if self._only is not None:
                advice += ", or name it in UNWEAVE_PLUGINS"
            return UnknownNameError(
                f"{kind} {quote(name)} comes from a plugin that is not installed: "
                f"{advice}{self._broken_hint()}"
            )
        hint = self._broken_hint()
        if kind == "dataset" and Path(name).exists():
            hint += "; files of your own are read by a data set, as in images:path=FOLDER"
        return unknown_name_error(kind, name, self.choices(kind), hint)

    def build(
        self,
        kind: str,
        spec: Any,
        *arguments: Any,
        home: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        """Look up a name, check its options, call the object, and check the result.

        Parameters
        ----------
        spec
            Text `name:key=value,...`, or an object with `name` and `options`.
        arguments
            Positional arguments of objects of this kind.
        home
            As in `lookup`.
        options
            Further options; those of the spec override them.

        Raises
        ------
        ConfigError
            If the name or an option is unknown, the object raises, or it lacks a member that its
            kind must have.
        """
        name, settings = _options.parse_spec(spec) if isinstance(spec, str) else (
            spec.name, dict(spec.options)
        )  # fmt: skip
        entry = self.lookup(kind, name, home)
        built = _options.build(entry, *arguments, options={**(options or {}), **settings})
        for member in REQUIRED.get(kind, ()):
            with blaming(str(entry), f"when asked for {member!r}"):
                if not hasattr(built, member):
                    raise ConfigError(
                        f"{entry} gives an object without {member!r}, which every {kind} has"
                    )
        owners.remember(built, str(entry))
        return built

    def observe(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Call an observer hook; if an observer raises, a warning says so and the run continues.

        Return pairs of a distribution and the result of its observer.
        """
        answers = []
        for owner, call in self._implementations(hook, arguments):
            try:
                answers.append((owner, call()))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._report(hook, owner, error)
        return answers

    def add_commands(self, make: Callable[[], Any]) -> list[tuple[str, Any]]:
        """Let every plugin add commands to a separate application, so that none changes another.

        Return pairs of a distribution with its version, and its application.

        Parameters
        ----------
        make
            Makes an empty application.
        """
        added = []
        for impl in self._manager.hook.unweave_commands.get_hookimpls():
            plugin = self.plugin_of(impl.plugin_name)
            app = make()
            try:
                impl.function(**({"app": app} if impl.argnames else {}))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self.reject(plugin.distribution, f"unweave_commands raised {describe(error)}")
            else:
                added.append((f"{plugin.distribution} {plugin.version}", app))
        return added

    def _report(self, hook: str, owner: str, error: BaseException) -> None:
        """Warn of an observer that failed; of a missing package only once."""
        if not (isinstance(error, ModuleNotFoundError) and error.name):
            warn(f"observer {hook} of {owner} failed: {describe(error)}; the run continues")
            return
        lack = owner, error.name.partition(".")[0]
        if lack not in self._lacks:
            self._lacks.add(lack)
            warn(
                f"{owner} does not observe this run: the package {lack[1]!r}, which it needs, "
                f"is not installed; install it, or uninstall {owner}"
            )

    def _implementations(
        self, hook: str, arguments: Mapping[str, Any]
    ) -> Iterator[tuple[str, Callable[[], Any]]]:
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            keywords = {name: arguments[name] for name in impl.argnames}
            yield impl.plugin_name, functools.partial(impl.function, **keywords)


@functools.cache
def registry() -> Registry:
    """Return the registry of this environment; plugins are discovered at the first call.

    `UNWEAVE_PLUGINS=a,b` loads only these distributions (empty: none), and
    `UNWEAVE_STRICT_PLUGINS=1` raises for a broken one.
    """
    listed = os.environ.get("UNWEAVE_PLUGINS")
    only = None if listed is None else tuple(n for n in re.split(r"[,\s]+", listed) if n)
    return Registry(only, strict=os.environ.get("UNWEAVE_STRICT_PLUGINS") == "1")
