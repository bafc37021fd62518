"""Files from strangers: a valid file, its path, its mutations, and its reader."""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hypothesis.strategies import SearchStrategy
from PIL import Image

from torture.mutations import arrays, hdf5, pictures, tensors, trees
from torture.states import RECIPE, STUDY


@dataclass(frozen=True)
class Subject:
    """A kind of file.

    path : path of the file, in the folder of the run or of the data.
    files : strategy of its content.
    read : function that reads the file and what depends on it.
    after : command that reads the file; it runs for some of the accepted files.
    """

    name: str
    path: Path
    files: SearchStrategy[bytes]
    read: Callable[[], object]
    after: tuple[str, ...] = ()


def make_data(folder: Path) -> None:
    """Write small valid data of every format."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 16, 16, 1), dtype=np.uint8)
    factors = np.stack([np.arange(24) % 3, np.arange(24) % 4], axis=1)
    for name in ("images", "good"):
        np.savez(folder / f"{name}.npz", images=images, factors=factors)
    with h5py.File(folder / "images.h5", "w") as file:
        file["images"], file["factors"] = images, factors
    with h5py.File(folder / hdf5.SECRET, "w") as file:
        file["secret"] = np.full((24, 4), hdf5.SECRET_NUMBER, "f4")
    (folder / "idx").mkdir(exist_ok=True)
    digits = rng.integers(0, 256, (24, 28, 28), dtype=np.uint8)
    for stem in ("train", "t10k"):
        _write_idx(folder / "idx" / f"{stem}-images-idx3-ubyte", digits)
        _write_idx(folder / "idx" / f"{stem}-labels-idx1-ubyte", np.arange(24) % 10)
    (folder / "pictures").mkdir(exist_ok=True)
    for number in range(3):
        Image.fromarray(images[number, :, :, 0]).save(folder / "pictures" / f"{number}.png")


def _write_idx(path: Path, array: Any) -> None:
    array = np.asarray(array, np.uint8)
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


def subjects(run: Path, data: Path) -> list[Subject]:
    """List the files of a finished run and of data."""
    return [*_of_run(run), *_of_data(run, data)]


def _of_run(run: Path) -> list[Subject]:
    from unweave.checkpoint import load_checkpoint
    from unweave.configfile import digest
    from unweave.density import read_density
    from unweave.evaluate import read_scores
    from unweave.registry import registry
    from unweave.report.dimensions import read_codes
    from unweave.trained import Trained

    checkpoint = max((run / "checkpoints").iterdir())
    whole = Trained.open(run, device="cpu")

    def configuration() -> None:
        network = Trained.open(run, device="cpu")
        network.image_facts()
        network.decode(np.zeros((1, network.config.dim), np.float32))

    def weights() -> None:
        load_checkpoint(run / "checkpoints", digest(whole.config))
        network = Trained.open(run, device="cpu")
        network.decode(np.zeros((1, 4), np.float32))
        assert network.cost is not None

    def density() -> None:
        read_density(run / "density.safetensors", registry())
        Trained.open(run, device="cpu").prior_codes(4, source="density")

    lines = [json.loads(line) for line in (run / "scalars.jsonl").read_text().splitlines()]
    with h5py.File(run / "codes.h5") as file:
        table = {name: np.asarray(file[name]) for name in file}
        about = dict(file.attrs)
    config = tomllib.loads((run / "config.toml").read_text())
    scores = json.loads((run / "scores.json").read_text())
    report = ("report", str(run), "--device", "cpu")
    resume = ("train", "--resume", str(run), "-q", "--device", "cpu")
    return [
        Subject("config.toml", run / "config.toml", trees.toml_files(config), configuration,
                ("sample", str(run), "--n", "2", "--device", "cpu")),
        Subject("scalars.jsonl", run / "scalars.jsonl", trees.json_lines(lines), whole.scalars,
                report),
        Subject("scores.json", run / "scores.json", trees.json_files(scores),
                lambda: read_scores(whole), report),
        Subject("codes.h5", run / "codes.h5", hdf5.hdf5_files(table, about),
                lambda: read_codes(Trained.open(run, device="cpu")), report),
        Subject("codes.h5 in unweave-metrics", run / "codes.h5", hdf5.hdf5_files(table, about),
                lambda: _score(run / "codes.h5")),
        Subject("checkpoint", checkpoint, tensors.tensor_files(checkpoint.read_bytes()), weights,
                resume),
        Subject("density", run / "density.safetensors",
                tensors.tensor_files((run / "density.safetensors").read_bytes()), density,
                ("sample", str(run), "--n", "2", "--device", "cpu")),
    ]  # fmt: skip


def _score(path: Path) -> None:
    from unweave_metrics.codetable.reading import read_code_table
    from unweave_metrics.evaluate import evaluate

    table = read_code_table(path)
    evaluate(table.codes, table.factors, metrics=["mig"], jobs=1)


def _of_data(run: Path, data: Path) -> list[Subject]:
    from unweave.experiment.checks import check_experiment
    from unweave.experiment.definition import Experiment
    from unweave.experiment.toml_reader import read_definition
    from unweave.lock import holding
    from unweave.reproduce.recipe import check_recipe, read_recipe
    from unweave_data import load

    with np.load(data / "images.npz") as file:
        members = {name: file[name] for name in file}
    with h5py.File(data / "images.h5") as file:
        tables = {name: np.asarray(file[name]) for name in file}
    study = {"data": [f"npz:path={data / 'good.npz'},factors=factors"], **STUDY}
    picture = data / "pictures" / "1.png"
    idx = data / "idx" / "train-images-idx3-ubyte"
    digits = np.frombuffer(idx.read_bytes()[16:], np.uint8).reshape(24, 28, 28)

    def reader(name: str, **options: Any) -> Callable[[], None]:
        def read() -> None:
            data_set = load(name, **options)
            images = data_set.images(np.arange(min(4, len(data_set))))
            data_set.stored()
            _refuse_secret(images)

        return read

    def lock() -> None:
        with holding(data / ".lock", f"another process holds {data}"):
            pass

    return [
        Subject("study", data / "study.toml", trees.toml_files(study),
                lambda: check_experiment(read_definition(data / "study.toml", Experiment))),
        Subject("recipe", data / "recipe.toml", trees.toml_files(study | RECIPE),
                lambda: check_recipe(read_recipe(str(data / "recipe.toml")))),
        Subject("lock", data / ".lock",
                trees.json_files({"host": "elsewhere", "pid": 1, "started": "1"}), lock),
        Subject("hdf5 data", data / "images.h5", hdf5.hdf5_files(tables, {}),
                reader("hdf5", path=data / "images.h5", factors="factors")),
        Subject("npz data", data / "images.npz", arrays.npz_files(members),
                reader("npz", path=data / "images.npz", factors="factors")),
        Subject("npz vectors", data / "images.npz", arrays.npz_files(
                    {"vectors": np.random.default_rng(1).normal(size=(24, 5))}),
                reader("vectors", path=data / "images.npz")),
        Subject("idx data", idx, arrays.idx_files(digits), reader("mnist", path=data / "idx")),
        Subject("packed idx", data / "idx" / "train-labels-idx1-ubyte.gz",
                arrays.idx_files(np.arange(24) % 10).map(gzip.compress),
                reader("mnist", path=data / "idx")),
        Subject("picture", picture, pictures.png_files(picture.read_bytes()),
                reader("images", path=data / "pictures", resolution=16)),
    ]  # fmt: skip


def _refuse_secret(images: Any) -> None:
    if (np.asarray(images) == hdf5.SECRET_NUMBER).any():
        raise AssertionError("the reader followed a link to another file; it must refuse the link")
