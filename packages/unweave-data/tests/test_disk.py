"""Sets that stay on the disk: rows past h5py, unpacking that survives a kill."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from narrowing import present

from unweave_data import load
from unweave_data.containers import unpack
from unweave_data.containers.hdf5 import Hdf5Rows, open_hdf5
from unweave_data.containers.rows import PackedRows, RawRows
from unweave_data.stack import DiskImages

IMAGES = np.random.default_rng(0).integers(0, 256, (250, 8, 6, 3), dtype=np.uint8)
INDEX = np.random.default_rng(1).integers(250, size=90)

LAYOUTS = {
    "contiguous": ({}, RawRows),
    "one": ({"chunks": (1, 8, 6, 3)}, RawRows),
    "hundred": ({"chunks": (100, 8, 6, 3)}, RawRows),
    "one-packed": ({"chunks": (1, 8, 6, 3), "compression": "gzip"}, PackedRows),
    "hundred-packed": ({"chunks": (100, 8, 6, 3), "compression": "gzip"}, PackedRows),
    "shuffled": ({"chunks": (7, 8, 6, 3), "compression": "gzip", "shuffle": True}, PackedRows),
    "checked": ({"chunks": (7, 8, 6, 3), "fletcher32": True}, Hdf5Rows),
    "lzf": ({"chunks": (7, 8, 6, 3), "compression": "lzf"}, Hdf5Rows),
    "split": ({"chunks": (7, 4, 6, 3)}, Hdf5Rows),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", ["u1", "<u2", ">f4"])
def test_rows_of_every_layout_are_h5pys(tmp_path, name, dtype):
    how, kind = LAYOUTS[name]
    images = IMAGES.astype(dtype)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("images", data=images, **how)
    with open_hdf5(tmp_path / "x.h5", "a test") as file:
        rows = file.rows("images")
    assert type(rows) is kind
    found = rows.read(INDEX)
    assert found.dtype == np.dtype(dtype)
    assert (found == images[INDEX]).all()
    assert rows.read(np.zeros(0, np.int64)).shape == (0, 8, 6, 3)


def test_chunks_that_were_never_written_are_left_to_h5py(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        made = file.create_dataset("images", (40, 8, 8), np.uint8, chunks=(10, 8, 8), fillvalue=7)
        made[:10] = 1
    data = load("hdf5", path=tmp_path / "x.h5", in_memory=False)
    assert data.images([0, 39])[:, 0, 0, 0].tolist() == [1, 7]


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_rows_of_numpys_files(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    if kind == "npy":
        np.save(path, IMAGES)
    else:
        np.savez(path, a=np.arange(5), images=IMAGES)
    data = load(kind, path=path, in_memory=False)
    assert data.stored() is None
    assert isinstance(data, DiskImages)
    assert (data.images(INDEX) == IMAGES[INDEX]).all()
    batch = data.images(INDEX)
    batch[:] = 0
    assert (data.images(INDEX) == IMAGES[INDEX]).all()


@pytest.mark.parametrize("how", [{}, {"chunks": (50, 8, 6, 3), "compression": "gzip"}])
def test_many_threads_read_the_same(tmp_path, how):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("images", data=IMAGES, **how)
    data = load("hdf5", path=tmp_path / "x.h5", in_memory=False)
    parts = [np.random.default_rng(i).integers(250, size=40) for i in range(60)]
    with ThreadPoolExecutor(8) as pool:
        for part, found in zip(parts, pool.map(data.images, parts), strict=True):
            assert (found == IMAGES[part]).all()


def test_packed_images_are_unpacked_once(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", images=IMAGES, factors=np.arange(250) % 5)
    folder = tmp_path / "unpacked"
    options = {"path": tmp_path / "x.npz", "unpack": folder}
    data = load("npz", **options)
    (made,) = folder.iterdir()
    time_made = made.stat().st_mtime_ns
    assert (data.images(INDEX) == IMAGES[INDEX]).all()
    assert (load("npz", **options).images(INDEX) == IMAGES[INDEX]).all()
    assert made.stat().st_mtime_ns == time_made
    assert (np.load(made) == IMAGES).all()
    np.savez_compressed(tmp_path / "x.npz", images=IMAGES[:100], factors=np.arange(100) % 5)
    assert len(load("npz", **options)) == 100
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("in_order", ["npz"])
def test_packed_npz_cannot_be_read_in_any_order(tmp_path, complaint, in_order):
    np.savez_compressed(tmp_path / "x.npz", images=IMAGES)
    message = complaint(load, in_order, path=tmp_path / "x.npz", in_memory=False)
    assert "unpack=" in message


@pytest.mark.parametrize("cut", [0, 50, 200, 20_000, 36_000])
def test_a_partial_file_is_gone_on_with(tmp_path, monkeypatch, cut):
    monkeypatch.setattr(unpack, "_STRIDE", 1000)
    np.savez_compressed(tmp_path / "x.npz", images=IMAGES)
    load("npz", path=tmp_path / "x.npz", unpack=tmp_path / "a")
    (whole,) = (tmp_path / "a").iterdir()
    content = whole.read_bytes()
    partial = whole.with_suffix(".npy.partial")
    # What lies beyond the last whole stride may be anything after a crash.
    partial.write_bytes(content[: cut // 1000 * 1000] + bytes([7]) * (cut % 1000))
    whole.unlink()
    load("npz", path=tmp_path / "x.npz", unpack=tmp_path / "a")
    assert whole.read_bytes() == content
    assert not partial.exists()


def test_two_processes_do_not_write_one_file(tmp_path, complaint):
    fcntl = pytest.importorskip("fcntl")
    np.savez_compressed(tmp_path / "x.npz", images=IMAGES)
    load("npz", path=tmp_path / "x.npz", unpack=tmp_path / "a")
    (whole,) = (tmp_path / "a").iterdir()
    whole.unlink()
    with whole.with_suffix(".npy.partial").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        message = complaint(load, "npz", path=tmp_path / "x.npz", unpack=tmp_path / "a")
    assert "another process" in message


KILLED = """
import sys
from unweave_data import load
print("begun", flush=True)
load("npz", path=sys.argv[1], unpack=sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
def test_unpacking_survives_kills(tmp_path):
    images = np.random.default_rng(0).integers(0, 4, (15_000, 32, 32, 3), dtype=np.uint8)
    np.savez_compressed(tmp_path / "x.npz", images=images)
    command = [sys.executable, "-c", KILLED, str(tmp_path / "x.npz"), str(tmp_path / "a")]
    for trial in range(6):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            present(process.stdout).readline()
            time.sleep(0.1 + 0.1 * trial)
            os.kill(process.pid, signal.SIGKILL)
        assert not list((tmp_path / "a").glob("*.npy"))[1:]
    data = load("npz", path=tmp_path / "x.npz", unpack=tmp_path / "a")
    index = np.arange(0, 15_000, 7)
    assert (data.images(index) == images[index]).all()


def test_folders_of_images_are_unpacked(tmp_path, formats):
    options = formats.images(tmp_path / "in") if (tmp_path / "in").mkdir() is None else {}
    whole = load("images", **options)
    lazy = load("images", **options, in_memory=False)
    kept = load("images", **options, unpack=tmp_path / "out")
    every = np.arange(4)
    for data in (lazy, kept):
        assert data.stored() is None
        assert (data.images(every) == whole.images(every)).all()
    assert (
        load("images", **{**options, "resolution": 8}, unpack=tmp_path / "out").image_shape[0] == 8
    )
