"""The facts about each metric: its inputs, the meaning of its score, its interval."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from unweave_metrics._arrays import quoted
from unweave_metrics._column_names import with_names
from unweave_metrics._guard import guarded
from unweave_metrics._options import real
from unweave_metrics._signatures import accepted, array_names
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.intervals.strategy import Strategy
from unweave_metrics.presets import presets_of

UNIT = (0.0, 1.0)
UPWARD = (0.0, float("inf"))
ANY = (-float("inf"), float("inf"))

# What `evaluate` can hand to a metric.
ARRAYS = ("codes", "factors", "images", "reconstructions")

# What a stranger's metric is taken to cost that does not say: as much as a small model's fit.
SECONDS_PER_MILLION = 0.5
PER_MILLION = real(0.0, float("inf"), "at least 0")

# What a stranger's metric may declare of its scores.
ENDS = {"higher": "high", "lower": "low", "neither": "-"}
NUMBER = real(*ANY, "two numbers")

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Entry:
    """All facts about one metric, for the hooks, lists, pages, defaults and checks.

    `best` is ``"high"``, ``"low"`` or ``"-"`` if neither is better; `bounds` are the smallest and
    largest value; `usual` metrics are computed by default; `threads` says whether several may run
    at once; `family` names the group of settings that presets fix; `cost`, `rewards`, `misses` and
    `with_rows` (the effect of more rows on the score) are texts for the pages. `undefined` says
    when the score is NaN or infinite by definition: a note on such a score repeats it, and if it is
    empty, such a score is refused.
    """

    function: Callable[..., Any]
    summary: str
    interval: Strategy
    best: str = "high"
    bounds: tuple[float, float] = UNIT
    usual: bool = False
    threads: bool = True
    family: str = ""
    cost: str = ""
    rewards: str = ""
    misses: str = ""
    with_rows: str = ""
    undefined: str = ""

    @property
    def name(self) -> str:
        """Return the name that users type."""
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    @property
    def kind(self) -> str:
        """Return its kind, the name of its module; ``"other"`` for other people's functions."""
        package, _, rest = self.function.__module__.partition(".")
        return rest.partition(".")[0] if package == "unweave_metrics" else "other"

    @property
    def target(self) -> str:
        """Return its place, as ``module:name``."""
        return f"{self.function.__module__}:{self.name}"

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the names of the arrays that it takes."""
        return array_names(self.function)

    @property
    def of_table(self) -> bool:
        """Whether one table of arrays is enough to call it."""
        return set(self.needs) <= set(ARRAYS)

    @property
    def presets(self) -> tuple[str, ...]:
        """Return the presets that fix some of its settings."""
        return presets_of(self.family)

    @property
    def citation(self) -> str:
        """Return the references of its docstring as one line."""
        text = inspect.getdoc(self.function) or ""
        match = re.search(r"References\n-+\n(.*?)(\n\n|\Z)", text, re.DOTALL)
        return " ".join(match[1].split()) if match else ""

    def arguments(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arrays that it takes: those it needs, and `std` if it accepts it."""
        names = [*self.needs, *accepted(self.function, {"std": None})]
        return {name: arrays[name] for name in names if name in arrays}


CATALOGUE: dict[str, Entry] = {}


def metric(summary: str, *, interval: Strategy, **facts: Any) -> Callable[[Function], Function]:
    """Add a function to the catalogue.

    It then also accepts frames and words, and `_options.RULES` check its options.

    Parameters
    ----------
    summary
        A few words.
    interval
        The method of its interval.
    facts
        The other fields of `Entry`.
    """

    def enter(function: Function) -> Function:
        entered = cast(Function, guarded(with_names(function), facts.get("undefined", "")))
        entry = Entry(entered, summary, interval, **facts)
        CATALOGUE[entry.name] = entry
        return entered

    return enter


def entry_of(function: Callable[..., Any]) -> Entry:
    """Return the entry of a function; other people's functions are resampled by subsets.

    What their scores mean they declare as attributes: ``function.better`` is ``"higher"`` (the
    default), ``"lower"`` or ``"neither"``, and ``function.bounds`` are the smallest and the largest
    value. The number of subsets follows from the sizes of the arrays and from the declared cost per
    million numbers, ``function.seconds_per_million``; nothing is timed.

    Raises
    ------
    TypeError, ValueError
        For a function whose argument names are unknown, or a wrong declaration.
    """
    ours = CATALOGUE.get(getattr(function, "__name__", ""))
    if ours is not None and ours.function is function:
        return ours
    declared = getattr(function, "seconds_per_million", SECONDS_PER_MILLION)
    entry = Entry(function, "", Subsets(), threads=False)
    _check_signature(entry)
    seconds = PER_MILLION(declared, f"seconds_per_million of {entry.name}")
    best = _best_end(getattr(function, "better", "higher"), entry.name)
    bounds = _bounds(getattr(function, "bounds", ANY), entry.name)
    return replace(entry, interval=Subsets(seconds=seconds), best=best, bounds=bounds)


def _best_end(declared: Any, name: str) -> str:
    if not (isinstance(declared, str) and declared in ENDS):
        raise ValueError(
            f"better of {name} must be one of {', '.join(ENDS)}, got {quoted(declared)}"
        )
    return ENDS[declared]


def _bounds(declared: Any, name: str) -> tuple[float, float]:
    if not isinstance(declared, tuple | list) or len(declared) != 2:
        raise TypeError(f"bounds of {name} must be two numbers, got {quoted(declared)}")
    low, high = (NUMBER(end, f"bounds of {name}") for end in declared)
    if low > high:
        raise ValueError(f"bounds of {name} must be in ascending order, got {quoted(declared)}")
    return low, high


def _check_signature(entry: Entry) -> None:
    """Refuse a function whose argument names are unknown, such as one written in C."""
    try:
        inspect.signature(entry.function)
    except (ValueError, TypeError):
        raise TypeError(
            f"metrics must be functions with known argument names, those of {entry.name} are "
            "unknown; wrap it in a function of codes and factors"
        ) from None


def listed(metrics: Any) -> list[Any]:
    """Return the requested metrics as a list.

    Raises
    ------
    TypeError
        For anything but a name, a function or a list of them.
    ValueError
        For an empty list.
    """
    if isinstance(metrics, str) or callable(metrics):
        return [metrics]
    if isinstance(metrics, Mapping | bytes) or not isinstance(metrics, Iterable):
        raise TypeError(f"metrics must be a list of names or functions, got {quoted(metrics)}")
    choices = list(metrics)
    if not choices:
        raise ValueError(
            "metrics must name at least one metric, got none; leave metrics out for the usual ones"
        )
    return choices


def entry_for(metric: str | Callable[..., Any]) -> Entry:
    """Return the entry of a metric's name or of any function."""
    return entry_of(metric) if callable(metric) else find_metric(metric)


def find_metric(name: str) -> Entry:
    """Return the entry of a metric, whose name may have ``_`` or ``-``.

    Raises
    ------
    TypeError
        For anything but a text.
    ValueError
        For an unknown metric; the message lists the known ones, the closest first.

    Examples
    --------
    >>> find_metric("factor-vae").summary
    'FactorVAE score'
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a metric must be text, got {quoted(name)}")
    spelling = name.strip().lower().replace("-", "_")
    if spelling in CATALOGUE and CATALOGUE[spelling].of_table:
        return CATALOGUE[spelling]
    if spelling in CATALOGUE:
        raise ValueError(f"{spelling} compares several arrays: call unweave_metrics.{spelling}")
    names = [entry.name for entry in CATALOGUE.values() if entry.of_table]
    close = difflib.get_close_matches(spelling, names, n=len(names), cutoff=0.5)
    others = [other for other in names if other not in close]
    raise ValueError(f"no metric is called {quoted(name)}; known: {', '.join(close + others)}")


def best_end(row: str) -> str:
    """Return which end of a score is better; ``"-"`` for neither, and for unknown scores.

    Examples
    --------
    >>> best_end("mig/active"), best_end("mine")
    ('high', '-')
    """
    name = row.partition("/")[0]
    return CATALOGUE[name].best if name in CATALOGUE else "-"
