"""Intervals of any score: for this package's by their own strategies, for others by resampling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from unweave_metrics._arrays import check_choice, quoted
from unweave_metrics._foreign import to_numpy
from unweave_metrics._options import check_options
from unweave_metrics._signatures import accepted
from unweave_metrics.catalogue import ANY, CATALOGUE, Entry
from unweave_metrics.intervals.draws import length
from unweave_metrics.intervals.interval import METHODS, POPULATION, SAME_SIZE
from unweave_metrics.intervals.replication import call_metric, with_intervals
from unweave_metrics.intervals.rows import Rows, Subsets
from unweave_metrics.intervals.strategy import Call, Strategy
from unweave_metrics.score import Score, score_of

SCHEMES = ("subsets", "rows")

# Resamples of a call that leaves their number open, where time allows and where it hardly does.
USUAL, LEAST = 1000, 5


def bootstrap(
    function: Callable[..., Any],
    *arrays: Any,
    resamples: int | None = None,
    level: float = 0.95,
    scheme: str | None = None,
    method: str | None = None,
    paired: bool = True,
    jobs: int = 1,
    seed: int = 0,
    **options: Any,
) -> Score:
    """Compute a score and its interval by resampling the rows of the arrays.

    A metric of this package is resampled as in `evaluate`, unless `scheme` is given. Any other
    function is called on three quarters of the rows, drawn without replacement, because repeated
    rows mislead some scores; its interval is for tables of this many rows. With ``scheme="rows"``
    it is called on rows drawn with replacement, and its interval is for the whole population, with
    the bias removed.

    Parameters
    ----------
    function
        Takes the arrays, and options by name; returns a float or a `Score`.
    arrays
        Arrays of shape (n, ...), or lists of such arrays with the same rows.
    resamples
        Number of resamples; by default as many as a few seconds allow, at least five.
    level
        Level of the interval.
    scheme
        ``"subsets"`` or ``"rows"``.
    method
        ``"basic"``, ``"centred"`` or ``"percentile"``; only with `scheme`.
    paired
        Whether the rows of all arrays are drawn together; False for sets of different rows.
    jobs
        Number of resamples computed at once on threads; -1: one per core.
    seed
        Seed of every draw.
    options
        Passed to the function.

    Raises
    ------
    ValueError
        For no array, paired arrays of different lengths, an unknown word, fewer than two
        resamples.

    References
    ----------
    B. Efron, "Bootstrap methods: another look at the jackknife", 1979; subsets: D. N. Politis,
    J. P. Romano, M. Wolf, "Subsampling", 1999, sect. 2.3.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=400)
    >>> score = bootstrap(lambda x: x.mean(), x, scheme="rows", resamples=500)
    >>> bool(score.interval[0] < score < score.interval[1])
    True
    """
    if not callable(function):
        raise TypeError(f"function must be callable with the arrays, got {quoted(function)}")
    _check(arrays, resamples, level=level, paired=paired, jobs=jobs, seed=seed)
    entry = _entry_of(function)
    strategy = _strategy(entry, scheme, method, paired)
    if strategy.without:
        raise ValueError(
            f"function must be a score that can be resampled, but {function.__name__} "
            f"has no interval, because {strategy.without}; compare several encoders instead"
        )
    if entry is None:
        call = _call_function(function, arrays, options, strategy)
    else:
        call = _call_metric(entry, arrays, {"seed": seed, **options}, strategy)
    if isinstance(call.strategy, Rows) and call.strategy.paired:
        _check_lengths(call)
    count = resamples or max(call.strategy.count(call, USUAL), LEAST)
    return with_intervals([call], [count], level, seed, jobs)[0]


def _check(arrays: Sequence[Any], resamples: int | None, **settings: Any) -> None:
    """Refuse no arrays, and numbers that make no interval."""
    if not arrays:
        raise ValueError("arrays must hold at least one array, got none")
    check_options({"resamples": resamples, **settings}, frozenset({"resamples"}))


def _check_lengths(call: Call) -> None:
    """Refuse arrays of different rows that are to be drawn together."""
    lengths = [length(a) for name, a in call.arrays.items() if not name.startswith("test_")]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"arrays must have the same rows, got {lengths}; set paired=False for sets of "
            "different rows"
        )


def _entry_of(function: Callable[..., Any]) -> Entry | None:
    """Return the entry of a metric of this package, None of any other function."""
    entry = CATALOGUE.get(getattr(function, "__name__", ""))
    return entry if entry is not None and entry.function is function else None


def _strategy(
    entry: Entry | None, scheme: str | None, method: str | None, paired: bool
) -> Strategy:
    """Return how to resample: the metric's own way unless the caller says otherwise."""
    if scheme is None and method is not None:
        raise ValueError(
            f"method goes with scheme='rows' or 'subsets', got method={method!r} alone"
        )
    if entry is not None and scheme is None:
        return entry.interval
    if check_choice(scheme or "subsets", "scheme", SCHEMES) == "rows":
        method = check_choice(method or "basic", "method", METHODS)
        return Rows(covers=POPULATION, method=method, paired=paired)
    method = check_choice(method or "centred", "method", METHODS)
    return Subsets(covers=SAME_SIZE, method=method, paired=paired)


def _call_metric(
    entry: Entry, arrays: Sequence[Any], options: dict[str, Any], strategy: Strategy
) -> Call:
    """Call a metric of this package."""
    if len(arrays) > len(entry.needs):
        needs = " and ".join(entry.needs)
        raise ValueError(f"{entry.name} takes {needs}, got {len(arrays)} arrays")
    seed = accepted(entry.function, {"seed": options.pop("seed")})
    by_name = dict(zip(entry.needs, arrays, strict=False))
    return call_metric(replace(entry, interval=strategy), by_name, seed | options)


def _read(array: Any, place: int) -> Any:
    """Return an array of rows of anything, or a list of such."""
    if isinstance(array, list | tuple):
        return array
    rows = to_numpy(array, f"array {place}")
    if rows.ndim < 1:
        raise ValueError(f"array {place} must have rows, got a single {type(array).__name__}")
    return rows


def _call_function(
    function: Callable[..., Any], arrays: Sequence[Any], options: dict[str, Any], strategy: Strategy
) -> Call:
    """Call anybody's function with its arrays in order."""

    def placed(**keywords: Any) -> Any:
        in_order = [keywords.pop(str(place)) for place in range(len(arrays))]
        return function(*in_order, **keywords)

    by_name = {str(place): _read(array, place) for place, array in enumerate(arrays)}
    result = placed(**by_name, **options)
    name = getattr(function, "__name__", type(function).__name__).strip("<>")
    return Call(placed, by_name, options, score_of(result, name), strategy, ANY, threads=False)
