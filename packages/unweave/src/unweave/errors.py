"""Errors that a user can act upon: each message is one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UnweaveError(Exception):
    """Base of every error that the command line prints as one sentence."""


class ConfigError(UnweaveError, ValueError):
    """An argument, option or file of the user is not what was expected."""


class UnknownNameError(ConfigError):
    """A name that nobody registered."""


class ClashError(ConfigError):
    """A name that more than one distribution registered."""


class PluginError(UnweaveError):
    """A plugin is broken and `UNWEAVE_STRICT_PLUGINS=1` is set."""


class PluginWarning(UserWarning):
    """A broken plugin was left out, or an observer failed."""


class RunError(ConfigError):
    """A run directory cannot be used as asked."""


class NonFiniteError(UnweaveError, ArithmeticError):
    """A term of the loss stopped being finite."""


def describe(error: BaseException) -> str:
    """Name an error's class and what it says on one line, at most 300 characters of it."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "it cannot be shown as text"
    return f"{type(error).__name__}: {shorten(text, 300)}" if text else type(error).__name__


def shorten(value: object, length: int = 80) -> str:
    """Show a value, or its first characters where it is longer."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= length else f"{text[: length - 3]}..."


def closest_first(name: str, known: Iterable[str]) -> list[str]:
    """Sort known names by likeness to a mistyped one, the closest match first."""

    def likeness(candidate: str) -> float:
        return difflib.SequenceMatcher(None, name.lower(), candidate.lower()).ratio()

    return sorted(sorted(known), key=likeness, reverse=True)


def unknown_name(what: str, name: str, known: Iterable[str], hint: str = "") -> UnknownNameError:
    """Build the error for a name that is not among the known ones.

    >>> str(unknown_name("prior", "norml", ["student-t", "normal"]))
    "unknown prior 'norml'; did you mean 'normal'? Known: normal, student-t"
    """
    ordered = closest_first(name, known)
    if not ordered:
        return UnknownNameError(f"unknown {what} {name!r}; there is none registered{hint}")
    return UnknownNameError(
        f"unknown {what} {name!r}; did you mean {ordered[0]!r}? Known: {', '.join(ordered)}{hint}"
    )
