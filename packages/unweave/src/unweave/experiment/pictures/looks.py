"""How a kind of run looks: the same colour in every picture of an experiment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from unweave.experiment.definition import Experiment
from unweave.plots.style import PALETTE

DASHES: tuple[Any, ...] = (
    "-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (9, 3)), (0, (3, 1, 1, 1, 1, 1)),
)  # fmt: skip
MARKERS = "os^DvP*X"


class Look(NamedTuple):
    """Colour, line style and marker of matplotlib."""

    colour: str
    dashes: Any
    marker: str

    @property
    def zorder(self) -> float:
        """Which lines lie above: those with more gaps, so that equal lines all show."""
        return 2 + 0.01 * DASHES.index(self.dashes)


class Looks:
    """The looks of an experiment's lines: the colour is the kind of run's.

    Labels beyond the colours repeat them with another line style and marker.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._labels = [variant.label for variant in experiment.runs]

    def colour(self, label: str) -> str:
        """Return the colour of a kind of run."""
        return self.of(label).colour

    def of(self, label: str) -> Look:
        """Return the look of a kind of run, when one line shows all of it."""
        number = self._number(label)
        return Look(
            PALETTE[number % len(PALETTE)],
            DASHES[number % len(DASHES)],
            MARKERS[number % len(MARKERS)],
        )

    def lines(self, labels: Iterable[str]) -> list[Look]:
        """Return the looks of lines by their labels; a label may have several, as of grid values.

        Those of one colour differ by line style, and beyond those by marker: 54 looks of a colour.
        """
        taken: dict[str, int] = {}
        looks = []
        for label in labels:
            colour = self.colour(label)
            number = taken[colour] = taken.get(colour, -1) + 1
            markers = ("", *MARKERS)
            marker = markers[number // len(DASHES) % len(markers)]
            looks.append(Look(colour, DASHES[number % len(DASHES)], marker))
        return looks

    def _number(self, label: str) -> int:
        return self._labels.index(label) if label in self._labels else len(self._labels)
