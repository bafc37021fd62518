"""Compare the groups of an experiment: the best, the differences, and their significance."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.experiment.definition import place_text, short
from unweave.experiment.measures import better, bounds
from unweave.experiment.results import Group, Results
from unweave.experiment.statistics import (
    Summary,
    Test,
    holm,
    paired_test,
    ranks,
    summarise,
)

Claim = tuple[tuple[str, Mapping[str, Any]], tuple[str, Mapping[str, Any]]]
"""Two kinds of run, each with a place of the grid."""


@dataclass(frozen=True)
class Contrast:
    """Two groups compared in one measure, by the seeds that both have.

    Attributes
    ----------
    difference
        Mean of first - second.
    p
        p-value of the paired test.
    corrected
        p after Holm, over all contrasts of the measure.
    pairs
        Number of seeds that both have.
    in_claim
        Whether a claim is about the two groups.
    """

    measure: str
    first: Group
    second: Group
    difference: float
    p: float
    corrected: float
    pairs: int
    in_claim: bool


@dataclass(frozen=True)
class Comparison:
    """The groups of an experiment, compared in all of its measures.

    Attributes
    ----------
    test
        `t` or `sign-flip`.
    claims
        Pairs of kinds of run, each with its place, that are compared whatever differs.
    """

    results: Results
    test: Test = "t"
    claims: tuple[Claim, ...] = ()

    @functools.cached_property
    def groups(self) -> list[Group]:
        """The kinds of run at every grid point."""
        return self.results.groups()

    @property
    def measures(self) -> list[str]:
        """The labels of the measures."""
        return list(self.results.experiment.measures)

    @functools.cached_property
    def data_sets(self) -> list[tuple[str, str]]:
        """The names and notes of the data sets of finished runs."""
        return self.results.data_sets()

    def better(self, measure: str) -> str:
        """Say which direction is better: `higher`, `lower` or `neither`."""
        return better(self.results.experiment, measure)

    @functools.cached_property
    def summaries(self) -> dict[str, list[Summary]]:
        """Mean, deviation and interval by measure, in the order of the groups."""
        experiment = self.results.experiment
        return {
            measure: [
                summarise(list(group.values(measure).values()), bounds(experiment, measure))
                for group in self.groups
            ]
            for measure in self.measures
        }

    def best(self, measure: str) -> list[bool]:
        """Mark the best group, and those within one standard error of the difference from it."""
        summaries = self.summaries[measure]
        sign = {"higher": -1.0, "lower": 1.0}.get(self.better(measure), math.nan)
        costs = [sign * summary.mean for summary in summaries]
        if all(math.isnan(cost) for cost in costs):
            return [False] * len(summaries)
        first = int(np.nanargmin(costs))
        return [
            place == first
            or costs[place] - costs[first] <= _error(summaries[place], summaries[first])
            for place in range(len(summaries))
        ]

    @functools.cached_property
    def contrasts(self) -> list[Contrast]:
        """Paired comparisons, measure by measure: of what differs in one thing, or is in a claim.

        That is kinds of run at one place of the grid, and neighbours along one of its settings.
        Where no pair is of that sort, all groups are compared.
        """
        pairs = pairs_of(self.groups, self.results.experiment.grid, self.claims)
        return [
            contrast for measure in self.measures for contrast in self._contrasts(measure, pairs)
        ]

    def _contrasts(self, measure: str, pairs: list[tuple[Group, Group]]) -> Iterator[Contrast]:
        differences = []
        for first, second in pairs:
            a, b = first.values(measure), second.values(measure)
            seeds = sorted(a.keys() & b.keys())
            ours, theirs = [a[seed] for seed in seeds], [b[seed] for seed in seeds]
            difference = float(np.mean(ours) - np.mean(theirs)) if seeds else math.nan
            differences.append((difference, paired_test(ours, theirs, self.test), len(seeds)))
        corrected = holm([p for _, p, _ in differences])
        for (first, second), (difference, p, n), q in zip(
            pairs, differences, corrected, strict=True
        ):
            is_claim = _is_claim(first, second, self.claims)
            yield Contrast(measure, first, second, difference, p, q, n, is_claim)

    def mean_ranks(self, measure: str) -> tuple[list[str], NDArray[np.float64]]:
        """Rank the kinds of run within every grid point and seed that all of them have.

        A kind that does not take a setting of the grid is ranked at each of its values.

        Returns
        -------
        labels : of the kinds.
        ranks : float array, shape (blocks, kinds).
        """
        labels = list(dict.fromkeys(group.label for group in self.groups))
        blocks: dict[tuple[str, int], dict[str, float]] = {}
        for place in _largest_places(self.groups):
            for group in self.groups:
                if group.place.keys() <= place.keys() and group.at(place):
                    for seed, value in group.values(measure).items():
                        blocks.setdefault((place_text("", place), seed), {})[group.label] = value
        whole = [block for block in blocks.values() if block.keys() == set(labels)]
        table = np.array([[block[label] for label in labels] for block in whole], np.float64)
        return labels, ranks(table.reshape(len(whole), len(labels)), self.better(measure))


def _largest_places(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """List the grid points of the groups, without those that are a part of another."""
    places = list({place_text("", group.place): group.place for group in groups}.values())
    return [p for p in places if not any(p.keys() < other.keys() for other in places)]


def pairs_of(
    groups: list[Group], grid: Mapping[str, Sequence[Any]], claims: Sequence[Claim] = ()
) -> list[tuple[Group, Group]]:
    """Pair the groups that differ in one thing, and those that a claim is about."""
    neighbours = {name: _neighbours(values) for name, values in grid.items()}
    every = list(itertools.combinations(groups, 2))
    pairs = [
        (first, second)
        for first, second in every
        if _differ_in_one(first, second, neighbours) or _is_claim(first, second, claims)
    ]
    return pairs or every


def _differ_in_one(
    first: Group, second: Group, neighbours: Mapping[str, set[frozenset[str]]]
) -> bool:
    names, others = first.place.keys(), second.place.keys()
    changes = [
        (name, frozenset((short(first.place[name]), short(second.place[name]))))
        for name in first.place
        if name in others and short(first.place[name]) != short(second.place[name])
    ]
    if first.label != second.label:
        return not changes and (names <= others or others <= names)
    return (
        names == others and len(changes) == 1 and changes[0][1] in neighbours.get(changes[0][0], ())
    )


def _neighbours(values: Sequence[Any]) -> set[frozenset[str]]:
    """Pair the values of a setting with the next larger one, or the next in the list of texts."""
    try:
        ordered = sorted(values, key=float)
    except (TypeError, ValueError):
        ordered = list(values)
    return {frozenset(map(short, pair)) for pair in itertools.pairwise(ordered)}


def _is_claim(first: Group, second: Group, claims: Sequence[Claim]) -> bool:
    def is_about(run: str, where: Mapping[str, Any], group: Group) -> bool:
        return group.label == run and group.at(where)

    return any(
        (is_about(*one, first) and is_about(*other, second))
        or (is_about(*one, second) and is_about(*other, first))
        for one, other in claims
    )


def _error(first: Summary, second: Summary) -> float:
    """Return the standard error of a difference of means; 0 if it is unknown."""
    errors = [0.0 if math.isnan(s.error) else s.error for s in (first, second)]
    return math.hypot(*errors)
