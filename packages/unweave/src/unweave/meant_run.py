"""Suggest a run directory for a path that is not one."""

from __future__ import annotations

import shlex
from pathlib import Path

from unweave.errors import closest_first


def meant_run(path: Path) -> str:
    """Suggest a run directory inside a path, or one with a similar name.

    Parameters
    ----------
    path
        A path that is not a run directory.

    Returns
    -------
    str
        The end of an error message; empty if there is no such run directory.
    """
    if runs := _runs_in(path):
        return f"; name a run directory in it, such as {shlex.quote(str(path / runs[0]))}"
    if path.exists() or not (runs := _runs_in(path.parent)):
        return ""
    closest = path.parent / closest_first(path.name, runs)[0]
    return f"; did you mean {shlex.quote(str(closest))}?"


def _runs_in(folder: Path) -> list[str]:
    return sorted(file.parent.name for file in folder.glob("*/config.toml"))
