from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fresh import call_unweave

NAMES = ("UNWEAVE_SHARED", "UNWEAVE_REPOSITORY")


def _folder(name: str, fallback: Path) -> Path | None:
    path = Path(os.environ.get(name, fallback))
    return path if path.is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data and reference values."""
    repository = Path(__file__).resolve().parent.parent
    folder = _folder("UNWEAVE_SHARED", repository.parent / "shared")
    if folder is None:
        if os.environ.get("UNWEAVE_REQUIRE_ALL") == "1":
            pytest.fail("the folder `shared` with real data is not there")
        pytest.skip("the folder `shared` with real data is not beside the repository")
    return folder


@pytest.fixture
def unweave(tmp_path_factory):
    """Run the command line in a process of its own."""

    def call(*arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess:
        folder = tmp_path_factory.mktemp("said")
        done = call_unweave(folder, *arguments, **environment)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call
