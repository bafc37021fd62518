"""Metrics of one code table, in one call of the package of metrics if it is installed."""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.codetable import CodeTable, rows_of
from unweave.errors import ConfigError, UnweaveError, blaming, message_of, quote
from unweave.metrics_package import HOME, Evaluation, apart, evaluation_of
from unweave.options import build, check_options
from unweave.other_processes import begin, threads_of_each
from unweave.protocols import Dataset
from unweave.registry import Entry, Registry
from unweave.trained import Trained

IMAGE_ROWS = 2000
"""Number of images for metrics of images, the first rows of the table."""
RESAMPLES = 1000
"""Largest number of resamples of an interval."""
LARGEST_SENT = 1 << 28
"""Most bytes of arrays that are sent to other processes; larger ones are scored here."""
ALL_CORES = -1
ACTIVE = "active"
"""Suffix of a score of the active dimensions alone."""

Called = tuple[str, "Call"]


class Arrays:
    """The arguments of metrics, by name; images are decoded only if a metric needs them."""

    def __init__(self, run: Trained, table: CodeTable, dataset: Dataset) -> None:
        self._run, self._table, self._dataset = run, table, dataset

    def get(self, name: str, needs: Sequence[str]) -> NDArray[Any]:
        """Return an array; only its first rows if the metric also needs images."""
        rows = slice(IMAGE_ROWS if of_images(needs) else None)
        if name == "codes":
            return self._table.codes[rows]
        if name == "std":
            return self._table.std[rows]
        if name == "factors":
            return self._factors[rows]
        return self._pictures[name]

    @functools.cached_property
    def _factors(self) -> NDArray[Any]:
        """The factors that vary over the encoded images, shape (n, K')."""
        factors = rows_of(self._dataset.factors, self._table.index)
        assert factors is not None
        if not self._differ.any():
            raise ConfigError("every factor is the same in all encoded images")
        return factors[:, self._differ]

    @functools.cached_property
    def _differ(self) -> NDArray[np.bool_]:
        """Return which factors vary over the encoded images, shape (K,); (0,) without factors."""
        factors = rows_of(self._dataset.factors, self._table.index)
        found = np.zeros(0, bool) if factors is None else (factors != factors[:1]).any(0)
        return np.asarray(found, bool)

    @property
    def constant_factors(self) -> tuple[str, ...]:
        """Names of the factors that are constant over the encoded images."""
        names = self._dataset.factor_names if len(self._differ) else ()
        return tuple(name for name, differs in zip(names, self._differ, strict=True) if not differs)

    @functools.cached_property
    def _pictures(self) -> dict[str, NDArray[Any]]:
        images = self._dataset.images(self._table.index[:IMAGE_ROWS])
        decoded = self._run.decode(self._table.codes[:IMAGE_ROWS])
        return {"images": images / np.float32(255), "reconstructions": decoded / np.float32(255)}


@dataclass(frozen=True)
class ActiveCodes:
    """Some dimensions of a code table: their `columns`, and the arrays of these alone."""

    columns: Sequence[int]
    arrays: Arrays

    @property
    def width(self) -> int:
        """Return the number of dimensions."""
        return len(self.columns)


def of_images(needs: Sequence[str]) -> bool:
    """Whether a metric with these needs uses images."""
    return bool({"images", "reconstructions"} & set(needs))


@dataclass(frozen=True)
class Call:
    """A metric with its options, ready for arrays."""

    entry: Entry
    options: Mapping[str, Any]
    needs: tuple[str, ...]

    def arguments(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Return its arguments by name."""
        return {need: arrays.get(need, self.needs) for need in self.needs}


class Failed(float):
    """A score that could not be computed: NaN, with a reason."""

    reason: str

    def __new__(cls, reason: str) -> Failed:
        """Make one."""
        made = super().__new__(cls, math.nan)
        made.reason = reason
        return made


def score_table(
    calls: Sequence[Called],
    arrays: Arrays,
    names: Registry,
    *,
    seed: int,
    resamples: int,
    part: ActiveCodes | None = None,
    pool: Executor | None = None,
) -> dict[str, Any]:
    """Compute metrics of arrays; one that fails gives a `Failed`, and the others go on.

    Metrics with equal options share one call of the package of metrics, with its histograms and
    resamples; this includes metrics of other distributions. Without that package each is called
    alone, and there are no intervals.

    Parameters
    ----------
    seed
        Seed of all that metrics draw.
    resamples
        Largest number of resamples for intervals; 0 for none.
    part
        Dimensions for which metrics of codes are computed as well, each as ``name/active`` after
        ``name``.
    pool
        Processes for the package of metrics, if it has all the metrics; by default this one.
    """
    evaluation = evaluation_of(names)
    found: dict[str, Any] = {}
    for (drawn, options), group in _groups(calls, seed):
        if evaluation is None:
            found |= _each(group, arrays, part)
        else:
            settings = {"seed": drawn, "bootstrap": resamples, **options}
            found |= _together(group, arrays, evaluation, settings, part, pool)
    for name, score in found.items():
        if isinstance(score, Failed):
            warnings.warn(f"no score {name}: {score.reason}", stacklevel=3)
    order = (row for name, _ in calls for row in (name, f"{name}/{ACTIVE}"))
    return {row: found[row] for row in order if row in found}


def _groups(
    calls: Sequence[Called], seed: int
) -> list[tuple[tuple[int, dict[str, Any]], dict[str, Call]]]:
    """Group the metrics that can share a call: those with equal rows, seeds and options."""
    groups: dict[str, tuple[tuple[int, dict[str, Any]], dict[str, Call]]] = {}
    for name, call in calls:
        options: dict[str, Any] = {}
        if call.entry.distribution == HOME:
            checked = check_options(call.entry, call.options)
            options = {key: checked[key] for key in checked if key in call.options}
        common = (int(options.pop("seed", seed)), options)
        key = repr((of_images(call.needs), common))
        groups.setdefault(key, (common, {}))[1][name] = call
    return list(groups.values())


def _each(group: Mapping[str, Call], arrays: Arrays, part: ActiveCodes | None) -> dict[str, Any]:
    """Compute metrics one by one."""
    found = {name: _guarded(call, arrays) for name, call in group.items()}
    if part is not None:
        of_codes = {name: call for name, call in group.items() if "codes" in call.needs}
        found |= {f"{n}/{ACTIVE}": _guarded(c, part.arrays) for n, c in of_codes.items()}
    return found


def _together(
    group: Mapping[str, Call],
    arrays: Arrays,
    evaluation: Evaluation,
    settings: Mapping[str, Any],
    part: ActiveCodes | None,
    pool: Executor | None,
) -> dict[str, Any]:
    """Compute metrics in one call; if an array is missing that one needs, compute each alone."""
    needs = list(dict.fromkeys(need for call in group.values() for need in call.needs))
    try:
        of_needs = {need: arrays.get(need, needs) for need in ["codes", *needs]}
    except UnweaveError:
        return _each(group, arrays, part)
    functions = {
        name: call.entry.load() if call.entry.distribution == HOME else _Stranger(call, place)
        for place, (name, call) in enumerate(group.items())
    }
    options = dict(settings) if part is None else {**settings, "subsets": {ACTIVE: part.columns}}
    if any(isinstance(function, _Stranger) for function in functions.values()):
        pool = None  # what a stranger's score carries may not be fit to be sent
    try:
        table = _evaluated(list(functions.values()), evaluation, {**of_needs, **options}, pool)
    except (ValueError, TypeError) as error:  # arrays that no metric could use
        return {n: Failed(f"{c.entry}: {message_of(error)}") for n, c in group.items()}
    found: dict[str, Any] = {}
    for name, call in group.items():
        for suffix in ("", f"/{ACTIVE}"):  # the package leaves out what lacks an array
            row = f"{functions[name].__name__}{suffix}"
            if row in table:
                width = of_needs["codes"].shape[1] if part is None or not suffix else part.width
                found[f"{name}{suffix}"] = _score(call, functions[name], table[row], row, width)
    return found


def _evaluated(
    functions: list[Any],
    evaluation: Evaluation,
    given: Mapping[str, Any],
    pool: Executor | None,
) -> Mapping[str, Any]:
    """Evaluate metrics; with other processes, groups that share no computation run at once."""
    sent = sum(array.nbytes for array in given.values() if isinstance(array, np.ndarray))
    if pool is None or sent > LARGEST_SENT:
        return evaluation(metrics=functions, progress=False, **given)
    shares = apart(functions)
    jobs = threads_of_each() if len(shares) > 1 else ALL_CORES
    begun = [
        begin(pool, evaluation, metrics=share, progress=False, jobs=jobs, **given)
        for share in shares
    ]
    return {row: score for result in begun for row, score in result().items()}


def _score(call: Call, function: Any, score: Any, row: str, width: int) -> Any:
    """Return a score as it is stored, or the failure of another distribution's metric."""
    if isinstance(function, _Stranger):
        return function.score_of(score, width)
    if math.isnan(score) and not score.settings:
        reason = "; ".join(score.notes).removeprefix(f"{row}: ")
        return Failed(f"{call.entry}: {reason}")
    return score


class _Stranger:
    """A metric of another distribution, in the form that the package of metrics calls.

    An error becomes a score without a value, which is not resampled. The declared cost,
    `seconds_per_million`, is passed on: it and the sizes of the arrays determine the number of
    resamples, and the clock never does.
    """

    def __init__(self, call: Call, place: int) -> None:
        self._call = call
        # By the number of codes that it was given: all of them, and the active ones.
        self._first: dict[int, Any] = {}
        self.__name__ = f"metric_{place}"
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in call.needs])
        declared = getattr(call.entry.load(), "seconds_per_million", None)
        if declared is not None:
            self.seconds_per_million = _checked_cost(call.entry, declared)

    def __call__(self, **arrays: Any) -> float:
        width = arrays["codes"].shape[1] if "codes" in arrays else 0
        if isinstance(self._first.get(width), Failed):
            return math.nan
        score = _guarded_with(self._call, [arrays[need] for need in self._call.needs])
        self._first.setdefault(width, score)
        return float(score)

    def score_of(self, score: Any, width: int) -> Any:
        """Return its score of all rows and `width` codes, with the interval."""
        first = self._first[width if "codes" in self._call.needs else 0]
        return first if score.interval is None else _Interval(first, score.interval)


def _checked_cost(entry: Entry, declared: Any) -> float:
    """Return the declared cost of a metric; infinite, for no interval, if it is invalid."""
    number = isinstance(declared, Real) and not isinstance(declared, bool)
    if number and declared >= 0:
        return float(declared)
    warnings.warn(
        f"{entry}: seconds_per_million must be a number of at least 0, got {quote(declared)}; the "
        "score has no interval",
        stacklevel=3,
    )
    return math.inf


class _Interval(float):
    """A score of another distribution's metric, with an interval."""

    interval: tuple[float, float]

    def __new__(cls, score: Any, interval: tuple[float, float]) -> _Interval:
        """Make one, and keep the other attributes of the score."""
        made = super().__new__(cls, float(score))
        made.__dict__.update(getattr(score, "__dict__", {}), interval=interval)
        return made


def _guarded(call: Call, arrays: Arrays) -> Any:
    """Compute a score; any error becomes a score without a value."""
    try:
        arguments = list(call.arguments(arrays).values())
    except UnweaveError as error:
        return Failed(str(error))
    return _guarded_with(call, arguments)


def _guarded_with(call: Call, arguments: Sequence[NDArray[Any]]) -> Any:
    try:
        score = build(call.entry, *arguments, options=call.options)
        _check_number(str(call.entry), score)
    except UnweaveError as error:
        return Failed(str(error))
    return score


def _check_number(owner: str, score: Any) -> None:
    """Raise unless a score is one number, or behaves as one."""
    shape = getattr(score, "shape", ())
    if isinstance(score, bool | str | bytes) or not hasattr(score, "__float__") or shape != ():
        what = f" of shape {shape}" if shape else ""
        raise ConfigError(f"{owner} must give one number, got {type(score).__name__}{what}")
    with blaming(owner, "when its score was read as a number"):
        float(score)
