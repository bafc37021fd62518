"""The results of an experiment: its rows, by kind of run and grid point."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.errors import ConfigError, UnweaveError
from unweave.experiment.definition import Experiment, place_text, short
from unweave.experiment.rows import Row, not_measured
from unweave.protocols import member

if TYPE_CHECKING:
    from unweave.trained import Trained


@dataclass(frozen=True)
class Group:
    """The runs of one kind at one grid point, which differ only in their seeds.

    Attributes
    ----------
    rows
        In the order of the seeds, finished or not.
    """

    label: str
    place: dict[str, Any]
    rows: list[Row]

    @property
    def title(self) -> str:
        """Name the group, as in "vae, beta 4"."""
        return place_text(self.label, self.place)

    def values(self, measure: str) -> dict[int, float]:
        """Collect a measure by seed, if it is known."""
        by_seed = {row.seed: row.value(measure) for row in self.rows}
        return {seed: value for seed, value in by_seed.items() if math.isfinite(value)}

    def at(self, where: Mapping[str, Any]) -> bool:
        """Whether the group has the settings of `where`, or stands for all values of a setting.

        A kind of run that does not take a setting of the grid is the same at all of its values.
        """
        return all(
            name not in self.place or short(self.place[name]) == short(value)
            for name, value in where.items()
        )


@dataclass(frozen=True)
class FirstRun:
    """A finished run that stands for its kind in a picture.

    Attributes
    ----------
    run
        Opened.
    """

    label: str
    place: dict[str, Any]
    seed: int
    run: Trained

    @property
    def where(self) -> str:
        """Say which grid values and seed it has, as in "beta 4, seed 0"."""
        return place_text("", {**self.place, "seed": self.seed}).removeprefix(", ")

    @property
    def title(self) -> str:
        """Name the run on one line, as in "vae, beta 4, seed 0"."""
        return f"{self.label}, {self.where}"

    @property
    def lines(self) -> str:
        """Name the run on two lines, for narrow panels."""
        return f"{self.label}\n{self.where}"


@dataclass(frozen=True)
class Results:
    """The rows of an experiment.

    Attributes
    ----------
    folder
        Where its files lie.
    rows
        One per job, in the order of the jobs.
    """

    experiment: Experiment
    folder: Path
    rows: list[Row]

    def groups(self) -> list[Group]:
        """List the kinds of run at every grid point, in the order of the experiment."""
        by_place: dict[tuple[str, str], Group] = {}
        for row in self.rows:
            key = (row.run, place_text("", row.place))
            by_place.setdefault(key, Group(row.run, row.place, [])).rows.append(row)
        order = {variant.label: number for number, variant in enumerate(self.experiment.runs)}
        groups = sorted(by_place.values(), key=lambda group: order.get(group.label, len(order)))
        for group in groups:
            group.rows.sort(key=lambda row: row.seed)
        return groups

    def at(self, run: str, where: Mapping[str, Any]) -> list[Row]:
        """List the rows of one kind of run at one place of the grid.

        Raises
        ------
        ConfigError
            If the experiment has no such run.
        """
        rows = [row for g in self.groups() if g.label == run and g.at(where) for row in g.rows]
        if not rows:
            raise ConfigError(f"experiment {self.experiment.name} has no run {run!r} at {where}")
        return rows

    def values(self, measure: str, run: str, where: Mapping[str, Any]) -> list[float]:
        """Collect a measure over the seeds of one kind of run at one place, where it is known."""
        values = [row.value(measure) for row in self.at(run, where)]
        return [value for value in values if math.isfinite(value)]

    def first_runs(
        self, where: Mapping[str, Any] | None = None, run: str = ""
    ) -> Iterator[FirstRun]:
        """Open the first finished run of every kind that has one.

        Parameters
        ----------
        where
            Only runs with these values of the grid.
        run
            Only this kind of run.
        """
        for group, row in self._first_rows(where or {}, run):
            yield FirstRun(group.label, group.place, row.seed, open_run(row))

    def _first_rows(self, where: Mapping[str, Any], run: str) -> Iterator[tuple[Group, Row]]:
        labels = set()
        for group in self.groups():
            if not group.at(where) or run not in ("", group.label):
                continue
            for row in group.rows:
                if row.finished and group.label not in labels:
                    labels.add(group.label)
                    yield group, row

    def data_sets(self) -> list[tuple[str, str]]:
        """List the data sets that finished runs were trained on: name and note.

        Runs and data that cannot be opened here are left out.
        """
        sets: dict[str, tuple[str, str]] = {}
        for _, row in self._first_rows({}, ""):
            with contextlib.suppress(UnweaveError):
                run = open_run(row)
                if (spec := repr(run.config.data)) not in sets:
                    sets[spec] = run.dataset.name, str(member(run.dataset, "note"))
        return list(dict.fromkeys(sets.values()))

    def failures(self) -> list[tuple[Row, str]]:
        """List the runs that are not finished or not fully measured, with the reason if known."""
        reasons = [row.reason or not_measured(row, self.experiment) for row in self.rows]
        return [
            (row, reason)
            for row, reason in zip(self.rows, reasons, strict=True)
            if reason or not row.finished
        ]


def open_run(row: Row) -> Trained:
    """Open the run of a row."""
    from unweave.trained import Trained

    return Trained.open(row.folder)
