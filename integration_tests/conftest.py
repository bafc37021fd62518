from __future__ import annotations

import functools
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


@pytest.fixture(scope="session", autouse=True)
def frames_rendered_once():
    """Render the small frames of dSprites once per process, not for each run that a test makes."""
    dsprites = pytest.importorskip("unweave_data.rendered.dsprites")
    render_all = dsprites.render_all
    small = functools.cache(lambda resolution: render_all(resolution, None))

    def render(resolution, progress=None):
        return small(resolution) if resolution < 64 else render_all(resolution, progress)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dsprites, "render_all", render)
        yield


@pytest.fixture(scope="session", autouse=True)
def caches_of_the_session(tmp_path_factory):
    """Keep what commands keep between calls out of the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNWEAVE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def unweave(tmp_path_factory):
    """Run the command line in a process of its own."""

    def call(
        *arguments: str, code: int = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        folder = tmp_path_factory.mktemp("said")
        process = call_unweave(folder, *arguments, **environment)
        assert process.returncode == code, process.stdout + process.stderr
        assert "Traceback" not in process.stderr
        return process

    return call


@pytest.fixture
def command(capsys):
    """Run the command line in this process, which has loaded and rendered what it needs."""
    from unweave.commands import main

    def call(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        process = subprocess.CompletedProcess(
            arguments, ended.value.code or 0, *capsys.readouterr()
        )
        assert process.returncode == code, process.stdout + process.stderr
        assert "Traceback" not in process.stderr
        return process

    return call
