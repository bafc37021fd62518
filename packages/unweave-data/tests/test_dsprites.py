import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from narrowing import present
from numpy.typing import NDArray

from unweave_data import load
from unweave_data.rendered.dsprites import render
from unweave_data.rendered.dsprites_fill import fill_few, fill_many
from unweave_data.rendered.dsprites_geometry import FACTOR_SIZES, FRAMES, corners, grid_corners

# The mean pixel that others published of the original set, 0.042494423521889584, times its
# 737,280 x 64 x 64 pixels.
GENUINE_LIT = 128_328_862
ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1).astype(np.uint8)


@pytest.fixture(scope="module")
def rendered():
    data = load("dsprites")
    render(np.arange(30_001))  # which compiles what draws many
    calls = []
    start = time.process_time()
    data.stored(lambda count, total: calls.append((count, total)))
    seconds = time.process_time() - start
    return data, calls, seconds


def seconds_to_copy(bits):
    """Processor time that numpy needs to unpack the same bits and to pack them again."""
    start = time.process_time()
    for block in np.array_split(bits, 64):
        np.packbits(np.unpackbits(block, axis=1), axis=1)
    return time.process_time() - start


@pytest.fixture(scope="module")
def genuine(shared_data):
    frames: dict[int, NDArray[np.uint8]] = {}
    for name in ("dsprites_downsampled", "dsprites_subset"):
        with np.load(shared_data / "dsprites-genuine" / f"{name}.npz", allow_pickle=False) as file:
            bits = np.packbits(file["imgs"].reshape(-1, 4096), axis=1)
            frames.update(zip(file["original_dataset_indices"].tolist(), bits, strict=True))
    index = np.array(sorted(frames))
    return index, np.array([frames[i] for i in index.tolist()])


def test_all_frames_in_time_and_memory(rendered):
    data, calls, seconds = rendered
    bits = data.stored()
    assert bits.shape == (FRAMES, 512)
    assert bits.dtype == np.uint8
    assert bits.nbytes + data.factors.nbytes + data.factor_values.nbytes <= 500e6
    assert seconds < 8 * seconds_to_copy(bits)
    assert calls[-1] == (FRAMES, FRAMES)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert data.stored() is bits


def test_frames_equal_the_genuine_ones(rendered, genuine):
    index, frames = genuine
    wrong = ONES[rendered[0].stored()[index] ^ frames].sum(axis=1)
    assert len(index) == 64_834
    assert (wrong > 0).sum() <= 9
    assert wrong.max() <= 1


def test_lit_pixels_of_the_whole_set(rendered):
    bits = rendered[0].stored()
    lit = sum(int(ONES[block].sum(dtype=np.int64)) for block in np.array_split(bits, 64))
    assert abs(lit - GENUINE_LIT) <= 2


def test_first_and_last_orientation_are_the_same(rendered):
    grid = rendered[0].stored().reshape(3, 6, 40, -1)
    assert (grid[:, :, 0] == grid[:, :, 39]).all()


def test_images_before_and_after_storing_are_equal(rendered):
    index = np.random.default_rng(0).integers(FRAMES, size=700)
    fresh = load("dsprites").images(index)
    assert fresh.dtype == np.uint8
    assert set(np.unique(fresh)) == {0, 255}
    assert (rendered[0].images(index) == fresh).all()


def test_many_images_are_rendered_as_few_are(rendered):
    index = np.random.default_rng(1).integers(FRAMES, size=30_001)
    assert (render(index) == rendered[0].stored()[index]).all()


def test_first_batch_of_a_fresh_process_needs_no_compiler():
    script = (
        "import sys, time, numpy, numpy.random; numpys = time.process_time()\n"
        "from unweave_data import load; load('dsprites').images(range(64))\n"
        "print(time.process_time() / numpys)\n"
        "print([m for m in ('numba', 'h5py', 'sklearn', 'PIL', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    ratio, loaded = done.stdout.decode().splitlines()
    assert loaded == "[]"
    assert float(ratio) < 8  # compiling took ten times as long as loading numpy


def test_factors_are_those_of_the_original(shared_data):
    data = load("dsprites")
    with np.load(shared_data / "dsprites-genuine" / "dsprites_subset.npz") as file:
        index = file["original_dataset_indices"]
        np.testing.assert_array_equal(present(data.factors)[index], file["latents_classes"])
        np.testing.assert_allclose(
            present(data.factor_values)[index], file["latents_values"], atol=1e-12
        )
    assert data.factor_names == ("shape", "scale", "orientation", "position_x", "position_y")
    assert data.factor_sizes == FACTOR_SIZES
    assert present(data.factors).dtype == np.uint8
    assert "9 of 64,834" in data.note


def inside(x, y, resolution):
    """Decide for each pixel centre alone, by the sign of cross products."""
    pitch = 64 * 256 // resolution
    centre = np.arange(resolution) * pitch + pitch // 2
    xc, yc = centre[None, :, None], centre[:, None, None]
    x0, y0, x1, y1 = np.roll(x, 1), np.roll(y, 1), x, y
    x0, y0, x1, y1 = np.where(y0 > y1, [x1, y1, x0, y0], [x0, y0, x1, y1])
    reached = (x0 - xc) * (y1 - y0) + (yc - y0) * (x1 - x0) <= 0
    return ((y0 < yc) & (yc <= y1) & reached).sum(axis=2) % 2


@pytest.mark.parametrize("resolution", [16, 32, 64, 128])
def test_both_fillings_equal_a_decision_pixel_by_pixel(resolution):
    rng = np.random.default_rng(resolution)
    polygons = rng.integers(0, 64 * 4, (2, 30, 7)).astype(np.int32) * 64  # many ties
    for x, y in ((polygons[0], polygons[1]), corners(np.array([[2, 5, 7, 3, 9]]))):
        truth = [inside(*xy, resolution) for xy in zip(x.astype(int), y.astype(int), strict=True)]
        expected = np.packbits(np.array(truth, np.uint8).reshape(len(x), -1), axis=1)
        assert (fill_few(x, y, resolution) == expected).all()
        assert (fill_many(x, y, resolution) == expected).all()


@pytest.mark.parametrize("resolution", [16, 32, 128])
def test_other_resolutions_show_the_same_picture(resolution):
    data = load("dsprites", resolution=resolution)
    index = np.random.default_rng(2).integers(FRAMES, size=200)
    small, full = data.images(index), load("dsprites").images(index)
    assert small.shape == (200, resolution, resolution, 1)
    area = small.mean(axis=(1, 2, 3)) / full.mean(axis=(1, 2, 3))
    assert abs(area.mean() - 1) < 0.02
    columns = (small.astype(float) * (np.arange(resolution) + 0.5)[:, None]).sum(axis=(1, 2, 3))
    centre = columns / small.sum(axis=(1, 2, 3), dtype=float) * 64 / resolution
    truth = (full.astype(float) * (np.arange(64) + 0.5)[:, None]).sum(axis=(1, 2, 3))
    assert np.abs(centre - truth / full.sum(axis=(1, 2, 3), dtype=float)).max() < 64 / resolution
    assert f"{resolution} x {resolution}" in data.note


def test_small_resolution_is_stored_whole():
    data = load("dsprites", resolution=16)
    index = np.random.default_rng(3).integers(FRAMES, size=100)
    assert present(data.stored()).shape == (FRAMES, 32)
    assert (data.images(index) == load("dsprites", resolution=16).images(index)).all()


def test_grid_of_positions_equals_frames_one_by_one():
    classes = np.indices((32, 32)).reshape(2, -1).T
    classes = np.concatenate([np.tile([1, 2, 3], (1024, 1)), classes], axis=1)
    for grid, single in zip(grid_corners(1, 2, 3), corners(classes), strict=True):
        assert (grid == single).all()


@pytest.mark.parametrize(
    ("name", "size", "sizes"),
    [("downsampled", 46_080, (3, 6, 10, 16, 16)), ("subset", 20_000, (3, 6, 40, 32, 32))],
)
def test_genuine_npz_is_read(shared_data, name, size, sizes):
    path = shared_data / "dsprites-genuine" / f"dsprites_{name}.npz"
    data = load("dsprites", path=path)
    assert (len(data), data.factor_sizes, data.bits, data.note) == (size, sizes, 1, "")
    assert present(data.stored()).shape == (size, 512)
    index = np.random.default_rng(4).integers(size, size=50)
    with np.load(path) as file:
        assert (data.images(index)[..., 0] == file["imgs"][index] * 255).all()
        assert (present(data.factors)[index] == file["latents_classes"][index]).all()
        assert (present(data.factor_values)[index] == file["latents_values"][index]).all()


class Explosive:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def original(n=6):
    """Make the members of the original file, for its first n frames: six latents, a pickle."""
    data = load("dsprites")
    index = np.arange(n) * 100_003
    colour = np.zeros((n, 1), int)
    return index, {
        "imgs": data.images(index)[..., 0] // 255,
        "latents_classes": np.hstack([colour, present(data.factors)[index].astype(np.int64)]),
        "latents_values": np.hstack([colour + 1.0, present(data.factor_values)[index]]),
    }


def check_original(data, index):
    whole = load("dsprites")
    assert data.factor_names == whole.factor_names
    assert (data.images(np.arange(len(index))) == whole.images(index)).all()
    assert (data.factors == present(whole.factors)[index]).all()
    assert (data.factor_values == present(whole.factor_values)[index]).all()


def test_original_npz_has_a_colour_and_a_pickle(tmp_path):
    index, members = original()
    metadata = np.empty((), object)
    metadata[()] = Explosive()
    np.savez_compressed(tmp_path / "d.npz", metadata=metadata, **members)
    check_original(load("dsprites", path=tmp_path / "d.npz"), index)


def test_original_hdf5(tmp_path):
    index, members = original()
    with h5py.File(tmp_path / "d.hdf5", "w") as file:
        file.create_dataset("imgs", data=members["imgs"], chunks=(4, 2, 4), compression="gzip")
        file["latents/classes"] = members["latents_classes"]
        file["latents/values"] = members["latents_values"]
    check_original(load("dsprites", path=str(tmp_path / "d.hdf5")), index)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"imgs": np.zeros((6, 32, 32), np.uint8)}, "(n, 64, 64)"),
        ({"imgs": np.zeros((6, 64, 64), np.float32)}, "float32"),
        ({"imgs": np.full((6, 64, 64), 7, np.uint8)}, "only 0 and 1"),
        ({"latents_classes": np.zeros((5, 6), int)}, "latents_classes"),
        ({"latents_classes": np.full((6, 6), 40)}, "classes"),
        ({"latents_classes": np.full((6, 6), -1)}, "-1"),
        ({"latents_classes": np.zeros((6, 6))}, "float64"),
        ({"latents_values": np.full((6, 6), np.nan)}, "NaN"),
        ({"latents_values": np.array([Explosive()] * 6)}, "Python objects"),
    ],
)
def test_wrong_members_are_refused(tmp_path, complaint, change, words):
    path = tmp_path / "d.npz"
    np.savez(path, **{**original()[1], **change})
    message = complaint(load, "dsprites", path=path)
    assert words in message
    assert str(path) in message


def test_missing_member_is_refused(tmp_path, complaint):
    _, members = original()
    np.savez(tmp_path / "d.npz", imgs=members["imgs"])
    assert "latents_classes" in complaint(load, "dsprites", path=tmp_path / "d.npz")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["imgs"] = members["imgs"]
    assert "latents/classes" in complaint(load, "dsprites", path=tmp_path / "d.h5")


def test_wrong_options_are_refused(tmp_path, complaint):
    assert "16, 32, 64, 128" in complaint(load, "dsprites", resolution=48)
    assert "got '64'" in complaint(load, "dsprites", resolution="64")
    assert "leave out path" in complaint(load, "dsprites", path=tmp_path, resolution=32)
    assert "directory" in complaint(load, "dsprites", path=tmp_path)
    assert "does not exist" in complaint(load, "dsprites", path=tmp_path / "none.npz")
