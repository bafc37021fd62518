"""Types of the options of pictures that name a part of the experiment, which must be there."""

from __future__ import annotations

from typing import Annotated, Any


class Role:
    """What an option names: a measure, a setting of the grid, a run, or a place of the grid."""

    def __init__(self, what: str) -> None:
        self.what = what


MeasureLabel = Annotated[str, Role("measure")]
GridSetting = Annotated[str, Role("setting of the grid")]
RunLabel = Annotated[str, Role("run")]
Place = Annotated[dict[str, Any], Role("place")]
