"""Errors that a user can act upon: each message is one sentence."""

from __future__ import annotations

import contextlib
import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

LONGEST_LIST = 1000
"""Characters of the known names in a sentence."""

PLAIN = {
    "int": "a whole number", "float": "a number", "bool": "true or false", "string": "text",
    "list": "a list", "tuple": "a list", "dict": "a table", "model": "a table",
    "dataclass": "a table", "path": "a path", "finite_number": "a finite number",
}  # fmt: skip
"""What pydantic wanted, by the first word of its kind of error, or by the whole kind."""


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
    text = message_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def message_of(error: BaseException, length: int = 300) -> str:
    """Return what an error says on one line, however it is written."""
    try:
        return shorten(" ".join(str(error).split()), length)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "its message cannot be shown"


@contextlib.contextmanager
def blaming(who: str, when: str = "") -> Iterator[None]:
    """Turn whatever other people's code raises in the block into one sentence.

    Errors of unweave and the user's interrupt pass; `sys.exit` and the like do not, for a plugin
    must not end the program.

    Parameters
    ----------
    who
        The registered thing, with its distribution.
    when
        Ends the sentence, as in "at step 7".

    Raises
    ------
    ConfigError
        In place of what was raised.
    """
    try:
        yield
    except (UnweaveError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        raise ConfigError(f"{who} raised {describe(error)}{when and ' '}{when}") from error


def quote(value: object, length: int = 80) -> str:
    """Show a value as Python writes it, its first characters where that is longer."""
    try:
        return shorten(repr(value), length)
    except KeyboardInterrupt:
        raise
    except BaseException:  # an integer of more digits than Python shows, or a stranger's __repr__
        return f"a value of type {type(value).__name__} that cannot be shown"


def shorten(value: object, length: int = 80) -> str:
    """Show a value, or its first characters where it is longer."""
    text = value if isinstance(value, str) else quote(value, length)
    return text if len(text) <= length else f"{text[: length - 3]}..."


def printable(text: str) -> str:
    r"""Return a text whose control characters, which a terminal would obey, are written out.

    Examples
    --------
    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def closest_first(name: str, names: Iterable[str]) -> list[str]:
    """Sort known names by likeness to a mistyped one, the closest match first.

    A name of which the first words were typed is closer than one that only looks alike.

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
    """Say in plain words what was expected, of one problem that pydantic found.

    A problem that is a sentence of our own, or none of the usual ones, is returned as it is.

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
    """Say what was wanted, a kind of thing or `greater than` and the like, as a clause."""
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
    """Join names, the first ones where they are too many for a sentence."""
    ends = itertools.accumulate(len(name) + 2 for name in names)
    count = sum(end <= LONGEST_LIST for end in ends)
    more = f", and {len(names) - count:,} more" if count < len(names) else ""
    return ", ".join(names[:count]) + more
