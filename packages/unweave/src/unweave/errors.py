"""Errors that a user can act upon: each message is one sentence."""

from __future__ import annotations

import contextlib
import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

LONGEST_LIST = 1000
"""Most characters that an error spends on the known names."""

PLAIN = {
    "int": "a whole number", "float": "a number", "bool": "true or false", "string": "text",
    "list": "a list", "tuple": "a list", "dict": "a table", "model": "a table",
    "dataclass": "a table", "path": "a path", "finite_number": "a finite number",
}  # fmt: skip
"""What pydantic expected, by the first word of its error type, or by the whole type."""


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
    """Return an error's class and its message on one line, at most 300 characters."""
    text = message_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def message_of(error: BaseException, length: int = 300) -> str:
    """Return the message of an error on one line."""
    try:
        return shorten(" ".join(str(error).split()), length)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "its message cannot be shown"


@contextlib.contextmanager
def blaming(who: str, when: str = "") -> Iterator[None]:
    """Turn any error that other people's code raises in the block into one sentence.

    Errors of unweave and Ctrl-C pass; `sys.exit` does not, because a plugin must not end the
    program.

    Parameters
    ----------
    who
        The registered thing, with its distribution.
    when
        Put in brackets at the end, as in "at step 7".

    Raises
    ------
    ConfigError
        In place of the error.
    """
    try:
        yield
    except (UnweaveError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        raise ConfigError(f"{who} raised {describe(error)}{when and f' ({when})'}") from error


def quote(value: object, length: int = 80) -> str:
    """Show a value as Python writes it, shortened if it is too long."""
    try:
        return shorten(repr(value), length)
    except KeyboardInterrupt:
        raise
    except BaseException:  # an integer of more digits than Python shows, or a stranger's __repr__
        return f"a value of type {type(value).__name__} that cannot be shown"


def shorten(value: object, length: int = 80) -> str:
    """Show a value, shortened if it is too long."""
    text = value if isinstance(value, str) else quote(value, length)
    return text if len(text) <= length else f"{text[: length - 3]}..."


def printable(text: str) -> str:
    r"""Return a text with its control characters escaped, so that a terminal does not obey them.

    Examples
    --------
    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def closest_first(name: str, names: Iterable[str]) -> list[str]:
    """Sort known names by similarity to a mistyped one, the closest match first.

    A name that begins with the typed words is closer than one that only looks similar.

    Examples
    --------
    >>> closest_first("tcwae", ["cwae", "tcwae-gan", "vae"])
    ['tcwae-gan', 'cwae', 'vae']
    """
    name = name[:100].lower()

    def likeness(candidate: str) -> tuple[bool, float]:
        begun = candidate.lower().startswith(f"{name}-")
        return begun, difflib.SequenceMatcher(None, name, candidate.lower()).ratio()

    return sorted(sorted(names), key=likeness, reverse=True)


def expected_by(problem: Mapping[str, Any]) -> str:
    """Say in plain words what was expected, for one problem that pydantic found.

    A message of our own, or of an unusual type, is returned unchanged.

    Examples
    --------
    >>> expected_by({"type": "int_parsing", "msg": "Input should be a valid integer, ..."})
    'expected a whole number'
    >>> expected_by({"type": "greater_than", "msg": "Input should be greater than 0"})
    'expected a value greater than 0'
    """
    kind, said = str(problem["type"]), str(problem["msg"])
    plain = PLAIN.get(kind) or PLAIN.get(kind.partition("_")[0])
    if plain:
        return f"expected {plain}"
    if " should have " in said:
        return f"expected {said.partition(' should have ')[2].partition(' after')[0]}"
    what = said.removeprefix("Input should be ")
    if what == said:
        return said.removeprefix("Value error, ")
    return expected(what)


def expected(what: str) -> str:
    """Turn what was wanted, a type or a bound such as `greater than 0`, into a clause."""
    return f"expected {'a value ' * (' than ' in what)}{what}"


def unknown_name(what: str, name: str, names: Iterable[str], hint: str = "") -> UnknownNameError:
    """Build the error for a name that is not among the known ones.

    Examples
    --------
    >>> str(unknown_name("prior", "norml", ["student-t", "normal"]))
    "unknown prior 'norml'; did you mean 'normal'? Known: normal, student-t"
    """
    ordered = [shorten(one) for one in closest_first(name, names)]
    if not ordered:
        return UnknownNameError(f"unknown {what} {quote(name)}; none is registered{hint}")
    return UnknownNameError(
        f"unknown {what} {quote(name)}; did you mean {ordered[0]!r}? "
        f"Known: {_listed(ordered)}{hint}"
    )


def _listed(names: list[str]) -> str:
    """Join names, only the first ones if they are too many for a sentence."""
    ends = itertools.accumulate(len(name) + 2 for name in names)
    count = sum(end <= LONGEST_LIST for end in ends)
    more = f", and {len(names) - count:,} more" if count < len(names) else ""
    return ", ".join(names[:count]) + more
