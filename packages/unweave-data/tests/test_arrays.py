import contextlib
import io
import os
import zipfile

import h5py
import numpy as np
import pytest
from narrowing import present

from unweave_data import ArrayDataset, DataError, load, stack

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (9, 8, 6, 3), dtype=np.uint8)
FACTORS = np.stack([np.arange(9) % 3, np.arange(9) // 3], axis=1)


def save_npz(path, **members):
    np.savez_compressed(path, **members)
    return path


def save_hdf5(path, **members):
    with h5py.File(path, "w") as file:
        for name, array in members.items():
            array = np.asarray(array)
            file[name] = array.astype(object) if array.dtype.kind == "U" else array
    return path


BOTH = pytest.mark.parametrize(("name", "save"), [("npz", save_npz), ("hdf5", save_hdf5)])


@BOTH
def test_images_and_factors(tmp_path, name, save):
    path = save(
        tmp_path / "x",
        images=IMAGES,
        factors=FACTORS,
        factor_values=FACTORS / 2,
        factor_names=np.array(["row", "column"]),
        factor_sizes=np.array([3, 4]),
    )
    path = path if path.exists() else path.with_suffix(".npz")
    data = load(name, path=path)
    assert (data.name, len(data), data.image_shape, data.bits) == (name, 9, (8, 6, 3), 8)
    assert (data.images([8, 1]) == IMAGES[[8, 1]]).all()
    assert (present(data.stored()) == IMAGES).all()
    assert (present(data.factors) == FACTORS).all()
    assert (present(data.factor_values) == FACTORS / 2).all()
    assert (data.factor_names, data.factor_sizes) == (("row", "column"), (3, 4))
    assert data.note == ""


@BOTH
def test_members_by_other_names(tmp_path, name, save):
    path = tmp_path / "x.npz"
    save(path, x=IMAGES, y=FACTORS[:, 0])
    data = load(name, path=path, images="x", factors="y")
    assert present(data.factors).shape == (9, 1)
    assert load(name, path=save(tmp_path / "z.npz", z=IMAGES)).factors is None


@BOTH
@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.moveaxis(IMAGES, 3, 1), "channels moved"),
        (np.ascontiguousarray(np.moveaxis(IMAGES, 3, 1)), "channels moved"),
        (np.asfortranarray(IMAGES), ""),
        (IMAGES / 255.0, "float64 images in [0, 1] rounded"),
        ((IMAGES / np.float32(255)).astype(">f4"), "images in [0, 1] rounded"),
    ],
)
def test_other_layouts_give_the_same_images(tmp_path, name, save, images, words):
    data = load(name, path=save(tmp_path / "x.npz", images=images))
    assert (data.images(np.arange(9)) == IMAGES).all()
    assert words in data.note


@BOTH
@pytest.mark.parametrize("images", [IMAGES[..., 0] > 99, (IMAGES[..., 0] > 99).astype(np.uint8)])
def test_black_and_white_is_kept_as_bits(tmp_path, name, save, images):
    data = load(name, path=save(tmp_path / "x.npz", images=images))
    assert data.bits == 1
    assert data.image_shape == (8, 6, 1)
    assert (present(data.stored()) == np.packbits(images.reshape(9, -1), axis=1)).all()
    assert (data.images([4])[0, ..., 0] == images[4] * 255).all()
    assert "0 and 1 stand for 0 and 255" in data.note


@BOTH
@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"images": IMAGES.astype(np.complex64)}, "complex64"),
        ({"images": IMAGES.astype(np.int64) - 5}, "range="),
        ({"images": IMAGES.astype(np.float32)}, "[0, 1]"),
        ({"images": np.full((2, 8, 8), np.nan)}, "NaN"),
        ({"images": np.full((2, 8, 8), -0.5)}, "-0.5"),
        ({"images": np.zeros((2, 64), np.uint8)}, "(2, 64)"),
        ({"images": np.zeros((2, 80, 80, 40), np.uint8)}, "at most 16 channels"),
        ({"images": np.zeros((2, 3, 8, 3), np.uint8)}, "channels=first"),
        ({"images": np.zeros((0, 8, 8), np.uint8)}, "(0, 8, 8)"),
        ({"a": IMAGES, "b": IMAGES}, "a, b"),
        ({"images": IMAGES, "factors": FACTORS[:5]}, "(9, k)"),
        ({"images": IMAGES, "factors": -FACTORS}, "-2"),
        ({"images": IMAGES, "factors": FACTORS * np.nan}, "NaN"),
        ({"images": IMAGES, "factors": FACTORS * 1j}, "complex"),
        ({"images": IMAGES, "factors": FACTORS, "factor_sizes": np.array([2, 3])}, "(3, 3)"),
        ({"images": IMAGES, "factors": FACTORS, "factor_names": np.array(["a"])}, "2 different"),
        ({"images": IMAGES, "factors": FACTORS, "factor_values": FACTORS[:, :1]}, "(9, 2)"),
    ],
)
def test_unusable_arrays_are_refused(tmp_path, complaint, name, save, members, words):
    path = save(tmp_path / "x.npz", **members)
    message = complaint(load, name, path=path)
    assert words in message
    assert str(path) in message
    assert os.listdir(tmp_path) == ["x.npz"]


@BOTH
def test_no_such_file_or_member(tmp_path, complaint, name, save):
    path = save(tmp_path / "x.npz", images=IMAGES)
    assert "path=" in complaint(load, name)
    assert "does not exist" in complaint(load, name, path=tmp_path / "none")
    assert "directory" in complaint(load, name, path=tmp_path)
    assert "not a regular file" in complaint(load, name, path="/dev/null")
    assert "'wrong'; known: images" in complaint(load, name, path=path, images="wrong")
    assert "'wrong'" in complaint(load, name, path=path, factors="wrong")


@BOTH
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"hello" * 99])
def test_other_files_are_refused(tmp_path, complaint, name, save, content):
    (tmp_path / "x").write_bytes(content)
    assert str(tmp_path / "x") in complaint(load, name, path=tmp_path / "x")


@BOTH
def test_truncated_and_flipped_files_are_refused_or_read(tmp_path, name, save):
    path = save(tmp_path / "x.npz", images=IMAGES, factors=FACTORS)
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(60):
        spoilt = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        spoilt[rng.integers(len(spoilt))] = rng.integers(256)
        path.write_bytes(spoilt)
        with contextlib.suppress(DataError):
            load(name, path=path)


def test_unreadable_file_is_refused(tmp_path, complaint, monkeypatch):
    path = save_npz(tmp_path / "x.npz", images=IMAGES)

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    assert "no permission to read" in complaint(load, "npz", path=path)


def test_pickles_in_an_npz_are_refused(tmp_path, complaint):
    np.savez(tmp_path / "x.npz", images=np.array([{"a": 1}] * 3))
    assert "Python objects" in complaint(load, "npz", path=tmp_path / "x.npz")


def npz_with(path, header_shape, payload):
    stream = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": header_shape}
    np.lib.format.write_array_header_1_0(stream, header)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", stream.getvalue() + payload)
    return path


def test_a_header_that_lies_is_refused(tmp_path, complaint):
    longer = npz_with(tmp_path / "a.npz", (2, 8, 8), bytes(129))
    assert "longer than its header" in complaint(load, "npz", path=longer)
    shorter = npz_with(tmp_path / "b.npz", (2, 8, 8), bytes(127))
    assert "truncated" in complaint(load, "npz", path=shorter)
    huge = npz_with(tmp_path / "c.npz", (10**7, 10**4, 10**4), bytes(127))
    assert "truncated" in complaint(load, "npz", path=huge)


def test_headers_of_python_2_are_read_silently(tmp_path):
    stream = io.BytesIO()
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 4L, 4L), }"
    text += " " * (118 - 1 - len(text)) + "\n"
    stream.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode())
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images.npy", stream.getvalue() + bytes(range(32)))
    assert load("npz", path=tmp_path / "x.npz").images([1])[0, 0, 0] == 16


@pytest.fixture
def on_disk(tmp_path):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (300, 8, 8, 3), dtype=np.uint8)
    with h5py.File(tmp_path / "big.h5", "w") as file:
        file.create_dataset("images", data=images, chunks=(7, 8, 8, 3), compression="gzip")
        file["labels"] = np.linspace(0, 1, 300).round(1)
        file.attrs["factor_names"] = ["hue"]
    return tmp_path / "big.h5", images


def test_large_hdf5_stays_on_disk(on_disk, monkeypatch):
    path, images = on_disk
    monkeypatch.setattr(stack, "LARGE", images.nbytes - 1)
    data = load("hdf5", path=path)
    index = np.random.default_rng(2).integers(300, size=100)
    assert (data.images(index) == images[index]).all()
    assert data.images([]).shape == (0, 8, 8, 3)
    assert data.stored() is None
    assert "from disk" in data.note
    assert (data.factor_names, data.factor_sizes) == (("hue",), (11,))
    assert present(data.factor_values)[-1, 0] == 1
    assert load("hdf5", path=path, in_memory=True).stored() is not None


def test_slow_chunks_are_told(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("images", data=np.zeros((100, 8, 8), np.uint8), chunks=(90, 2, 2))
    assert "chunks of 90" in load("hdf5", path=tmp_path / "x.h5", in_memory=False).note


@pytest.mark.parametrize("ones", [np.uint8(1), 1.0])
def test_what_disk_reveals_late_is_refused(tmp_path, complaint, ones):
    images = np.zeros((2000, 4, 4), np.asarray(ones).dtype)
    images[:, 0, 0] = ones
    images[1001] = 2
    data = load("hdf5", path=save_hdf5(tmp_path / "x.h5", images=images), in_memory=False)
    assert data.images([0]).max() == 255
    assert str(tmp_path) in complaint(data.images, [1001])


def test_file_that_changes_or_goes_is_refused(on_disk, complaint):
    path, _ = on_disk
    data = load("hdf5", path=path, in_memory=False)
    save_hdf5(path, images=IMAGES)
    assert "changed" in complaint(data.images, [0])
    path.unlink()
    assert "does not exist" in complaint(data.images, [0])


def linked(path, kind):
    with h5py.File(path, "w") as file, h5py.File(path.with_name("other.h5"), "w") as other:
        file["real"] = other["real"] = IMAGES
        if kind == "soft":
            file["images"] = h5py.SoftLink("/real")
        elif kind == "dangling":
            file["images"] = h5py.SoftLink("/nowhere")
        elif kind == "external":
            file["images"] = h5py.ExternalLink("other.h5", "/real")
        elif kind == "virtual":
            layout = h5py.VirtualLayout(IMAGES.shape, np.uint8)
            layout[:] = h5py.VirtualSource(path.with_name("other.h5"), "real", IMAGES.shape)
            file.create_virtual_dataset("images", layout)
        elif kind == "raw":
            path.with_name("raw").write_bytes(IMAGES.tobytes())
            place = [(str(path.with_name("raw")), 0, IMAGES.nbytes)]
            file.create_dataset("images", IMAGES.shape, np.uint8, external=place)
        elif kind == "group":
            file.create_group("images")
        elif kind == "empty":
            file["images"] = h5py.Empty("u1")
        elif kind == "unwritten":
            file.create_dataset("images", IMAGES.shape, np.uint8, chunks=True)
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("soft", "link"),
        ("dangling", "link"),
        ("external", "link"),
        ("virtual", "another file"),
        ("raw", "another file"),
        ("group", "is not an array"),
        ("empty", "is not an array"),
        ("unwritten", "never written"),
    ],
)
def test_hdf5_that_leads_elsewhere_is_refused(tmp_path, complaint, kind, words):
    path = linked(tmp_path / "x.h5", kind)
    assert words in complaint(load, "hdf5", path=path)
    assert words in complaint(load, "hdf5", path=path, images="images")


def test_lpc_sprites(shared_data, monkeypatch):
    monkeypatch.setenv("UNWEAVE_DATA", str(shared_data))
    data = load("lpc-sprites")
    assert (len(data), data.image_shape, data.bits) == (11_664, (64, 64, 3), 8)
    assert data.factor_names == ("body", "bottomwear", "topwear", "hair", "action", "direction")
    assert data.factor_sizes == (6, 6, 6, 6, 3, 3)
    grid = np.ravel_multi_index(present(data.factors).T, data.factor_sizes)
    assert (np.sort(grid) == np.arange(11_664)).all()


def test_lpc_sprites_that_are_not(tmp_path, complaint):
    assert "UNWEAVE_DATA" in complaint(load, "lpc-sprites")
    path = save_npz(tmp_path / "x.npz", imgs=IMAGES, factor_classes=FACTORS)
    assert "factor_sizes" in complaint(load, "lpc-sprites", path=path)
    path = save_npz(path, imgs=IMAGES[..., 0], factor_classes=FACTORS, factor_sizes=[3, 3])
    assert "(n, h, w, 3)" in complaint(load, "lpc-sprites", path=path)
    path = save_npz(path, imgs=IMAGES, factor_classes=FACTORS, factor_sizes=[3, 3])
    assert "(9, 6)" in complaint(load, "lpc-sprites", path=path)


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    data, found = load("digits"), load_digits()
    assert np.abs(present(data.stored())[..., 0] / 255 * 16 - found.images).max() < 0.04
    assert (present(data.factors)[:, 0] == found.target).all()


def test_arrays_in_memory_are_copied():
    images = IMAGES.copy()
    data = ArrayDataset(images, factors=FACTORS)
    images[:] = 0
    assert (data.images([2]) == IMAGES[2]).all()
