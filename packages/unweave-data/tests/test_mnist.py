import gzip
import struct

import numpy as np
import pytest
from narrowing import present

from unweave_data import load
from unweave_data.containers.idx import read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array):
    code = CODES[array.dtype.str[1:]]
    head = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def members():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 28, 28), dtype=np.uint8)
    labels = rng.permutation(np.arange(12, dtype=np.uint8) % 10)
    return images, labels


def write(folder, images, labels, split="train", suffix=""):
    pack = gzip.compress if suffix else bytes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{split}-images-idx3-ubyte{suffix}").write_bytes(pack(images))
    (folder / f"{split}-labels-idx1-ubyte{suffix}").write_bytes(pack(labels))
    return folder


@pytest.mark.parametrize("dtype", sorted(CODES))
def test_every_dtype_of_the_format(tmp_path, dtype):
    array = np.random.default_rng(1).normal(0, 50, (3, 4, 5)).astype(dtype)
    (tmp_path / "a").write_bytes(idx(array))
    (tmp_path / "b").write_bytes(gzip.compress(idx(array)))
    for name in "ab":
        found = read_idx(tmp_path / name)
        assert found.dtype == array.dtype
        assert (found == array).all()


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_set_from_a_folder(tmp_path, members, name, suffix, split):
    prefix = {"train": "train", "test": "t10k"}[split]
    write(tmp_path, idx(members[0]), idx(members[1]), prefix, suffix)
    data = load(name, path=tmp_path, split=split)
    assert (data.name, data.image_shape, data.factor_sizes) == (name, (28, 28, 1), (10,))
    assert (data.images([3, 0])[..., 0] == members[0][[3, 0]]).all()
    assert (present(data.factors)[:, 0] == members[1]).all()
    assert (present(data.stored())[..., 0] == members[0]).all()


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
def test_resized_images(tmp_path, name):
    """A constant image stays so; of others the mean stays, and a fine pattern of its own size."""
    images = np.zeros((3, 28, 28), np.uint8)
    images[1], images[2, 10:18, 10:18] = 130, 255
    write(tmp_path, idx(images), idx(np.arange(3, dtype=np.uint8)))
    data = load(name, path=tmp_path, resolution=32)
    assert (data.image_shape, data.note) == ((32, 32, 1), "resized from 28 x 28 to 32 x 32")
    large = data.images(np.arange(3))
    assert (large[0].max(), large[1].min(), large[1].max()) == (0, 130, 130)
    assert large[2].mean() == pytest.approx(images[2].mean(), rel=0.02)
    # Pixel i of 32 is pixel 28 / 32 i of 28, so the square is a little more than 9 wide.
    assert np.flatnonzero(large[2, 16, :, 0] > 127).tolist() == list(range(11, 21))
    assert (present(data.factors)[:, 0] == [0, 1, 2]).all()
    same = load(name, path=tmp_path, resolution=28)
    assert (same.note, same.images([2])[0, :, :, 0].tolist()) == ("", images[2].tolist())


def test_real_mnist(shared_data, monkeypatch):
    monkeypatch.setenv("UNWEAVE_DATA", str(shared_data))
    train, test = load("mnist"), load("mnist", split="test")
    assert (len(train), len(test)) == (60_000, 10_000)
    # Counts of the ten digits, and the mean pixel, as published for the training set.
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(present(train.factors)[:, 0]).tolist() == counts
    assert present(train.stored()).mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert present(test.factors)[:5, 0].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.parametrize("folder", ["fashion-mnist", "FashionMNIST/raw"])
def test_environment_variable_is_searched(tmp_path, members, monkeypatch, folder):
    write(tmp_path / folder, idx(members[0]), idx(members[1]))
    monkeypatch.setenv("UNWEAVE_DATA", str(tmp_path))
    assert len(load("fashion-mnist")) == 12


def test_names_with_dots_are_found(tmp_path, members):
    (tmp_path / "train-images.idx3-ubyte").write_bytes(idx(members[0]))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(members[1]))
    assert len(load("mnist", path=tmp_path)) == 12


def cut(data):
    return data[:-7]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (cut, "truncated"),
        (lambda data: data + b"x", "longer"),
        (lambda data: b"\x01" + data[1:], "magic number"),
        (lambda data: data[:2] + b"\x07" + data[3:], "magic number"),
        (lambda data: data[:3] + b"\x09" + data[4:], "magic number"),
        (lambda data: b"", "truncated"),
        (lambda data: data[:9], "truncated"),
        (lambda data: data[:4] + b"\xff" * 12 + data[16:], "memory"),
        (lambda data: data[:4] + b"\x00\x20\x00\x00" + data[8:], "declares 1.6 GB"),
        (lambda data: cut(gzip.compress(data)), "cannot be read"),
        (lambda data: gzip.compress(cut(data)), "truncated"),
        (lambda data: b"\x1f\x8b" + data, "cannot be read"),
        (lambda data: idx(np.zeros((12, 28, 28), np.float32)), "float32"),
        (lambda data: idx(np.zeros((12, 784), np.uint8)), "3 axes"),
        (lambda data: idx(np.zeros((11, 28, 28), np.uint8)), "got 11 images and 12 labels"),
        (lambda data: idx(np.zeros((0, 28, 28), np.uint8)), "0 images"),
    ],
)
def test_spoilt_images_are_refused(tmp_path, members, complaint, spoil, words):
    write(tmp_path, spoil(idx(members[0])), idx(members[1]))
    before = sorted(tmp_path.iterdir())
    message = complaint(load, "mnist", path=tmp_path)
    assert words in message
    assert str(tmp_path) in message
    assert sorted(tmp_path.iterdir()) == before


def test_a_bomb_is_unpacked_no_further_than_declared(tmp_path, members, complaint):
    bomb = gzip.compress(idx(members[0]) + bytes(50_000_000))
    write(tmp_path, bomb, idx(members[1]))
    assert "longer" in complaint(load, "mnist", path=tmp_path)


def test_labels_out_of_range_are_refused(tmp_path, members, complaint):
    write(tmp_path, idx(members[0]), idx(members[1] + np.uint8(5)))
    assert "0 to 9" in complaint(load, "mnist", path=tmp_path)


def test_wrong_places_and_options_are_refused(tmp_path, complaint):
    assert "UNWEAVE_DATA" in complaint(load, "mnist")
    assert "train-images-idx3-ubyte" in complaint(load, "mnist", path=tmp_path)
    assert "does not exist" in complaint(load, "mnist", path=tmp_path / "none")
    (tmp_path / "file").write_bytes(b"")
    assert "is a file" in complaint(load, "mnist", path=tmp_path / "file")
    assert "train, test" in complaint(load, "mnist", path=tmp_path, split="valid")
    assert "from 8 to" in complaint(load, "mnist", path=tmp_path, resolution=4)
