"""The seconds that training took, and its device: a record beside the log.

The log of two equal trainings is equal; their times are not, so they have a file of their own.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Annotated

import pydantic

from unweave.files import append_line, write_text

NAME = "times.jsonl"
LARGEST_LINE = 1000
"""Characters of the longest line that is read."""
Count = Annotated[int, pydantic.Field(ge=1)]


class Time(pydantic.BaseModel):
    """One line of the record.

    Attributes
    ----------
    step
        Steps done by then.
    seconds
        That the steps after `since` took, with logs, scores and checkpoints between them, without
        the pauses between sessions.
    since
        The step from which time was recorded: 0 but for runs that were begun without a record.
    device
        `cpu`, or kind and name of a GPU.
    processes
        That shared every batch.
    together
        Runs that were trained at once on the device.
    """

    model_config = pydantic.ConfigDict(frozen=True)
    step: Annotated[int, pydantic.Field(ge=0)]
    seconds: Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
    since: Annotated[int, pydantic.Field(ge=0)] = 0
    device: str
    processes: Count = 1
    together: Count = 1


def read_times(folder: Path, step: float = math.inf) -> list[Time]:
    """Read a run's record up to a step; lines that are none of a record are passed over."""
    try:
        with (folder / NAME).open(encoding="utf-8", errors="replace") as file:
            lines = [_line(text) for text in file if text.endswith("\n")]
    except OSError:
        return []
    return [line for line in lines if line is not None and line.step <= step]


def _line(text: str) -> Time | None:
    try:
        return Time.model_validate_json(text) if len(text) <= LARGEST_LINE else None
    except pydantic.ValidationError:
        return None


class Stopwatch:
    """Records how long a run has been trained, from now on and in earlier sessions together.

    What was recorded beyond the step that training goes on from is dropped, as in the log.

    Parameters
    ----------
    folder
        The run directory.
    step
        Where training goes on.
    device, processes, together
        As in `Time`.
    """

    def __init__(
        self, folder: Path, step: int, device: str, processes: int = 1, together: int = 1
    ) -> None:
        self._path = folder / NAME
        earlier = read_times(folder, step)
        text = "".join(f"{line.model_dump_json()}\n" for line in earlier)
        if self._path.is_file() and text != self._path.read_text("utf-8", errors="replace"):
            write_text(self._path, text)
        nothing = Time(step=step, seconds=0, since=step, device=device)
        last = earlier[-1] if earlier else nothing
        here = {"device": device, "processes": processes, "together": together}
        self._last, self._before = last.model_copy(update=here), last.seconds
        self._begun = time.monotonic()

    def note(self, step: int) -> None:
        """Record the time of a step, once."""
        if step > self._last.step:
            seconds = round(self._before + time.monotonic() - self._begun, 3)
            self._last = self._last.model_copy(update={"step": step, "seconds": seconds})
            append_line(self._path, self._last.model_dump_json())
