"""Commands of the campaign of kills: training runs of every kind of state, and all others.

Each takes about a second.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "integration_tests"))
STEPS, LONGER = 20, 24
TRAINING = {
    "dim": 4, "batch_size": 8, "steps": STEPS, "log_every": 2, "checkpoint_every": 3,
    "architecture": "conv64:width=0.25",
}  # fmt: skip
EXTRA: dict[str, dict[str, Any]] = {
    "held-out": {
        "method": "vae", "holdout": 32, "validate_every": 6, "keep_best": "validation/loss",
    },
    "scored": {"method": "vae", "evaluate_every": 12},
}  # fmt: skip
SLOW = ("view",)
"""States whose data sets take long to open."""
STUDY = {
    "title": "Two methods", "seeds": 2,
    "settings": {"dim": 4, "batch_size": 8, "steps": 12, "log_every": 3, "checkpoint_every": 4,
                 "architecture": "mlp:widths=16"},
    "runs": [{"label": "vae", "settings": {"method": "vae"}},
             {"label": "beta-vae", "settings": {"method": "beta-vae", "beta": 4}}],
    "measures": {"error": "squared-error", "loss": "log loss"},
    "pictures": [{"kind": "violins", "name": "seeds", "options": {"measures": ["error"]}}],
}  # fmt: skip
RECIPE = {
    "source": "the campaign", "differs": "in everything",
    "expect": [{"claim": "it learns", "measure": "error", "run": "vae", "published": 1.0,
                "tolerance": 1e9}],
}  # fmt: skip


@dataclass(frozen=True)
class Task:
    """A command that changes files.

    arguments : of the command; `{run}` is its folder.
    again : arguments of the command that continues after a kill; empty for the same command.
    begins : the finished run with which it starts; empty for none.
    """

    name: str
    arguments: tuple[str, ...]
    again: tuple[str, ...] = ()
    begins: str = ""


def write_data(folder: Path) -> Path:
    """Write 256 images of a square at varying places, with two factors, as npz."""
    places = np.arange(256) % 64
    factors = np.stack([places // 8, places % 8], axis=1)
    images = np.zeros((256, 16, 16), np.uint8)
    for image, (row, column) in zip(images, factors, strict=True):
        image[row : row + 8, column : column + 8] = 200 + 5 * row
    path = folder / "squares.npz"
    np.savez(path, images=images, factors=factors)
    return path


def states() -> dict[str, dict[str, Any]]:
    """Return the settings of every state: those of the tests of resume, and more."""
    from test_resume import CASES

    return {name: case for name, case in CASES.items() if name not in SLOW} | EXTRA


def write_inputs(folder: Path) -> None:
    """Write the configurations of all states, a study and a recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    data = f"npz:path={write_data(folder)},factors=factors"
    for name, case in states().items():
        settings = TRAINING | {"data": data} | case
        (folder / f"{name}.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
    study = {"data": [data], **STUDY}
    (folder / "study.toml").write_text(tomli_w.dumps(study), encoding="utf-8")
    (folder / "recipe.toml").write_text(tomli_w.dumps(study | RECIPE), encoding="utf-8")


def tasks(inputs: Path) -> list[Task]:
    """List the commands to kill."""
    cpu = ("--device", "cpu")
    resume = ("train", "--resume", "{run}", "-q", *cpu)
    training = [
        Task(f"train {name}", ("train", "--config", str(inputs / f"{name}.toml"), "--out", "{run}",
                               "-q", *cpu), resume)
        for name in states()
    ]  # fmt: skip
    longer = [
        Task(f"longer {name}", (*resume, "--steps", str(LONGER)), begins=name)
        for name in ("convolutions", "critic", "three-players", "memory-bank")
    ]
    commands = {
        "evaluate": ("evaluate", "{run}", "--metrics", "mig,sap", *cpu),
        "report": ("report", "{run}", *cpu),
        "figures": ("figures", "{run}"),
        "density": ("fit-density", "{run}", "--flow", "maf:transforms=1,hidden=8,epochs=2", *cpu),
        "sample": ("sample", "{run}", "--n", "16", *cpu),
        "traverse": ("traverse", "{run}", "--steps", "3", *cpu),
        "encode": ("encode", "{run}", "--out", "{run}/table.npz", *cpu),
        "export": ("export", "{run}"),
    }
    others = [Task(name, words, begins="convolutions") for name, words in commands.items()]
    many = [
        Task(f"{name} {executor}", (name, str(inputs / f"{file}.toml"), "--out", "{run}",
                                    "--executor", executor))
        for name, file in (("sweep", "study"), ("reproduce", "recipe"))
        for executor in ("serial", "processes:workers=2")
    ]  # fmt: skip
    return [*training, *longer, *others, *many]
