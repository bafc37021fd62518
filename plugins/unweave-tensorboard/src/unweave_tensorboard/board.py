"""The event files of one run: their content and tags."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
RECORDS = ("continued", "images", "versions")
"""Tables of config.toml that are records, not settings."""
Setting = str | float | bool


class Board:
    """An event file in the folder `tensorboard` of a run directory.

    Parameters
    ----------
    run : Path
        The run directory.
    purge_step : int, optional
        TensorBoard drops the events of earlier files from this step on.
    suffix : str
        End of the name of the event file.
    """

    def __init__(self, run: Path, *, purge_step: int | None = None, suffix: str = "") -> None:
        self.run = run
        self._writer: Any = SummaryWriter(
            str(run / FOLDER), purge_step=purge_step, filename_suffix=suffix
        )

    def write_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Write the terms of a log step as `train/TERM`; `validation/TERM` keeps its name."""
        for name, value in scalars.items():
            self._writer.add_scalar(name if "/" in name else f"train/{name}", value, step)

    def write_picture(self, tag: str, step: int, picture: NDArray[np.uint8]) -> None:
        """Write a picture, uint8, shape (h, w, c)."""
        self._writer.add_image(tag, picture, step, dataformats="HWC")

    def write_codes(self, step: int, codes: NDArray[np.float32]) -> None:
        """Write one histogram `codes/zN` per dimension of codes (n, D)."""
        for number, column in enumerate(codes.T, 1):
            self._writer.add_histogram(f"codes/z{number}", column, step)

    def write_scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Write scores as `evaluation/NAME`, without undefined ones, which are NaN."""
        for name, value in scores.items():
            if math.isfinite(value):
                self._writer.add_scalar(f"evaluation/{name}", value, step)

    def write_settings(self) -> None:
        """Write the settings of config.toml as the hyper-parameters of the session."""
        start = plugin_data_pb2.SessionStartInfo()
        for name, value in settings(self.run).items():
            _set(start.hparams[name], value)
        self._write_session(metadata.SESSION_START_INFO_TAG, session_start_info=start)

    def write_outcome(self, outcome: str) -> None:
        """Write that the session finished or failed; nothing if it stopped and may continue."""
        if outcome == "stopped":
            return
        status = "STATUS_SUCCESS" if outcome == "finished" else "STATUS_FAILURE"
        end = plugin_data_pb2.SessionEndInfo(status=api_pb2.Status.Value(status))
        self._write_session(metadata.SESSION_END_INFO_TAG, session_end_info=end)

    def flush(self) -> None:
        """Write all pending events, so that a killed process loses none."""
        self._writer.flush()

    def close(self) -> None:
        """Write all pending events and close the file."""
        self._writer.close()

    def _write_session(self, tag: str, **message: Any) -> None:
        # `SummaryWriter.add_hparams` would write the settings into a separate folder, as a second
        # run without curves, and it cannot mark a session as failed.
        content = plugin_data_pb2.HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION, **message)
        value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(content))
        self._writer.file_writer.add_summary(Summary(value=[value]))


def has_events(run: Path) -> bool:
    """Tell whether a run has an event file."""
    return any((run / FOLDER).glob("events.out.tfevents.*"))


def settings(run: Path) -> dict[str, Setting]:
    """Read the settings of a run in the form of TensorBoard: a flat table of numbers and text.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "config.toml").write_text("dim = 4\\n[prior]\\nname = 'normal'")
    >>> settings(folder)
    {'dim': 4, 'prior.name': 'normal'}
    """
    table = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))
    return dict(_flat({name: table[name] for name in table if name not in RECORDS}, ""))


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Setting]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, bool | int | float) else str(value)


def _set(field: Any, value: Setting) -> None:
    # Booleans come first: in Python they are integers too.
    if isinstance(value, bool):
        field.bool_value = value
    elif isinstance(value, str):
        field.string_value = value
    else:
        field.number_value = value
