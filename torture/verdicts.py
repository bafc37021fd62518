"""Verdicts on the readers of a file: it is valid, or the error is one sentence of ours."""

from __future__ import annotations

import os
import sys
import traceback
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LONGEST = 1500
"""Largest number of characters in a sentence."""
NEVER = ("pickle.find_class", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn",
         "os.spawn", "socket.connect", "ctypes.dlopen")  # fmt: skip
CHANGING = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink")
PACKAGES = ("unweave", "unweave_data", "unweave_metrics", "unweave_flows", "unweave_priors")
OURS = tuple(f"/{name}/" for name in PACKAGES)


class Watch:
    """Collects forbidden actions of this process, from Python's audit events."""

    def __init__(self, *folders: Path) -> None:
        self.violations: list[str] = []
        self.on = False
        self._folders = (*map(os.fspath, folders), "/dev", "/proc")
        sys.addaudithook(self._audit)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Collect events while the block runs."""
        self.violations, self.on = [], True
        try:
            yield
        finally:
            self.on = False

    def _audit(self, event: str, arguments: Any) -> None:
        if not self.on:
            return
        if event in NEVER or (event in CHANGING and self._is_outside(arguments[0])):
            self._keep(f"{event} {str(arguments)[:80]}")
        elif event == "open" and self._is_written(arguments) and self._is_outside(arguments[0]):
            self._keep(f"open {arguments[0]} for writing")

    def _keep(self, text: str) -> None:
        # numba loads compiled functions from its own cache, which holds pickles.
        if not any("/numba/" in frame.filename for frame in traceback.extract_stack()):
            self.violations.append(text)

    @staticmethod
    def _is_written(arguments: Any) -> bool:
        mode, flags = arguments[1], arguments[2]
        if isinstance(mode, str):
            return bool(set(mode) & set("wax+"))
        return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))

    def _is_outside(self, path: Any) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        real_path = os.path.realpath(os.fsdecode(path))
        return not real_path.startswith(self._folders)


def fault_of(error: BaseException) -> str:
    """Return what is wrong with an error, or "" if it is one sentence of ours."""
    from unweave.errors import UnweaveError

    text = str(error)
    if not isinstance(error, UnweaveError | ValueError | TypeError | OSError | MemoryError):
        return f"{type(error).__name__}: {text[:200]} {_where(error)}"
    if not isinstance(error, UnweaveError) and not _is_ours(error):
        return f"a foreign error, {type(error).__name__}: {text[:200]} {_where(error)}"
    return fault_of_text(text)


def fault_of_text(text: str) -> str:
    """Return what is wrong with a sentence, or "" if nothing is."""
    if len(text) > LONGEST:
        return f"a sentence of {len(text)} characters: {text[:100]}"
    odd = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    if odd:
        return f"control characters {odd!r} in {text[:200]!r}"
    return "" if text.strip() else "an empty sentence"


def _is_ours(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and any(name in frames[-1].filename for name in OURS)


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    mine = [f for f in frames if any(name in f.filename for name in OURS)]
    return f"({Path(mine[-1].filename).name}:{mine[-1].lineno})" if mine else ""
