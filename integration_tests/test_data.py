"""Two methods on data sets of every kind: views, files on the disk, vectors, series, rendered."""

import json
import math

import h5py
import numpy as np
import pytest
from PIL import Image

RNG = np.random.default_rng(0)


def colour(n=80, side=64):
    return RNG.integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def on_disk(folder):
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("images", data=colour(), chunks=(1, 64, 64, 3), compression="gzip")
        file["factors"] = np.arange(80) % 4
    return f"hdf5:path={folder / 'x.h5'},in_memory=false"


def unpacked(folder):
    np.savez_compressed(folder / "x.npz", images=colour(), factors=RNG.random((80, 2)))
    return f"npz:path={folder / 'x.npz'},unpack={folder / 'unpacked'}"


def cifar10(folder):
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        rows = RNG.integers(0, 10, (20, 3073), dtype=np.uint8)
        (folder / f"{name}.bin").write_bytes(rows.tobytes())
    return f"cifar10:path={folder}"


def twelve_bits(folder):
    for i in range(70):
        levels = RNG.integers(0, 4000, (40, 60), dtype=np.uint16)
        Image.fromarray(levels).save(folder / f"{i}.tif")
    return f"images:path={folder},fit=pad,range=percentile,resolution=32"


def cells(folder):
    with h5py.File(folder / "x.h5ad", "w") as file:
        file["X"] = RNG.normal(size=(80, 30)).astype(np.float32)
        file["obs/kind/codes"] = (np.arange(80) % 3).astype(np.int8)
        file["obs/kind/categories"] = np.array(["a", "b", "c"], dtype=object)
        file.create_group("var")
    return f"vectors:path={folder / 'x.h5ad'}"


def series(folder):
    np.save(folder / "x.npy", RNG.normal(size=(80, 24, 2)))
    return f"series:path={folder / 'x.npy'}"


FILES = [on_disk, unpacked, cifar10, twelve_bits, cells, series]
READY = [
    "noisy-dsprites:resolution=16,holdout=100",
    "scream-dsprites:resolution=16,keep=scale > 3",
    "shapes3d-rendered:resolution=16",
    "dsprites:resolution=16,correlate=position_x~position_y:0.2",
]
VECTORS = ("vectors", "series")


@pytest.mark.parametrize("method", ["vae", "tcwae-mws"])
@pytest.mark.parametrize("data", [*FILES, *READY], ids=lambda d: d if d in READY else d.__name__)
def test_a_method_trains_on(data, method, command, tmp_path):
    (tmp_path / "data").mkdir()
    text = data if isinstance(data, str) else data(tmp_path / "data")
    settings = ["dim=3", "batch_size=32", "log_every=4", "architecture=mlp:widths=32"]
    if text.startswith(VECTORS):
        settings.append("cost=l2sq")
    options = [part for setting in settings for part in ("--set", setting)]
    run = tmp_path / "run"
    command("train", method, "--data", text, "--steps", "4", "--out", str(run), *options)
    last = json.loads((run / "scalars.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 4
    assert all(math.isfinite(value) for value in last.values())


def test_a_set_that_has_no_file_is_told_about(command):
    text = command("data", "celeba").stdout
    for words in ("list_attr_celeba.txt", "$UNWEAVE_DATA/celeba", "licence:", "crop=148"):
        assert words in text
    assert "CVPR 2004" in command("data").stdout
    assert "split must be" in command("data", "celeba:split=none", code=2).stderr
