from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

from unweave.commands import main
from unweave.registry import registry

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

torch.set_num_threads(1)


def write_distribution(folder: Path, name: str, hooks: str, version: str = "1.0") -> None:
    """Lay a distribution with a hook file on a path, without pip."""
    module = "_hooks_" + name.replace("-", "_")
    sys.modules.pop(module, None)  # another test may have loaded a module of this name
    (folder / f"{module}.py").write_text(hooks)
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[unweave]\n{name} = {module}\n")


@pytest.fixture(scope="session")
def toy_path(tmp_path_factory):
    """A folder with the toy plugin, for sys.path and PYTHONPATH."""
    from toy import HOOKS

    folder = tmp_path_factory.mktemp("toy")
    write_distribution(folder, "toy", HOOKS)
    (folder / "toy.py").write_text((HERE / "toy.py").read_text())
    return folder


@pytest.fixture(autouse=True)
def toy(toy_path, monkeypatch):
    """Every test sees the core and the toy plugin, and nothing else that is installed."""
    monkeypatch.syspath_prepend(toy_path)
    monkeypatch.setenv("UNWEAVE_PLUGINS", "unweave,toy")
    # Processes that a test starts run the same tree as the test.
    monkeypatch.setenv("PYTHONPATH", str(toy_path), prepend=os.pathsep)
    registry.cache_clear()
    yield
    registry.cache_clear()


@pytest.fixture(autouse=True)
def subnormal_numbers():
    """Training switches them off for the process; the tests after it need them."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def sketched(monkeypatch):
    """Figures of a report are empty files: rendering them takes most of its time."""

    def save(figure, path):
        path.touch()
        return path

    monkeypatch.setattr("unweave.plots.style.save_figure", save)


@pytest.fixture
def undrawn(monkeypatch):
    """Comparisons and outcomes have no figures: drawing takes most of the time of a small sweep."""
    for module in ("experiment.page", "reproduce.reproduction"):
        monkeypatch.setattr(f"unweave.{module}.draw_all", lambda *_: [])


@pytest.fixture
def toy_note(monkeypatch):
    """The toy set says something about itself, which commands and pages repeat."""
    monkeypatch.setattr("toy.ToyImages.note", "64 places, each twice")


@pytest.fixture
def settings():
    """A run that takes a second."""
    return {
        "data": "toy-images", "prior": "toy-normal", "dim": 4, "batch_size": 16, "steps": 20,
        "log_every": 5, "checkpoint_every": 10, "architecture": "mlp:widths=32",
    }  # fmt: skip


@pytest.fixture
def call(capsys):
    def run(*arguments, code=0):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert (stop.value.code or 0) == code, out + err
        return out + err

    return run
