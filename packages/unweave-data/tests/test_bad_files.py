"""Files that are damaged, or made to do harm: one sentence, and no memory that they do not need."""

import contextlib
import gzip
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from PIL import Image

from unweave_data import DataError, load


def use(name, options):
    """Load a set and look at its first and last image."""
    data = load(name, **options)
    data.images([0, len(data) - 1])
    return data


def files_of(options):
    path = options["path"]
    return sorted(f for f in (path.rglob("*") if path.is_dir() else [path]) if f.is_file())


def check_sentence(error, folder):
    message = str(error)
    assert "\n" not in message
    assert len(message) < 700, message
    assert error.__suppress_context__ or error.__cause__ is None


def spoil(path, whole, part):
    # Written anew each time: a file that is open keeps its old content.
    path.unlink()
    path.write_bytes(whole[:part])


@pytest.mark.filterwarnings("error")
def test_every_format_truncated_at_each_tenth(small_file, tmp_path):
    name, options = small_file
    # What belongs to another split is not read; one image of a folder stands for the others.
    files = [f for f in files_of(options) if "-test-" not in f.name and "test_" not in f.name]
    for path in files if len(files) < 8 else [files[0], files[len(files) // 2], files[-1]]:
        whole = path.read_bytes()
        for tenth in range(10):
            spoil(path, whole, len(whole) * tenth // 10)
            try:
                use(name, options)
            except DataError as error:
                check_sentence(error, tmp_path)
            else:
                # Text may end at a line, and what is not read may be anything.
                assert path.suffix in (".txt", ".csv") or path.name == "all_chair_names.mat", (
                    path, tenth,
                )  # fmt: skip
        spoil(path, whole, len(whole))
    use(name, options)


@pytest.mark.filterwarnings("ignore")
def test_every_format_with_bytes_changed(small_file, tmp_path):
    name, options = small_file
    rng = np.random.default_rng(7)
    files = files_of(options)
    for trial in range(30):
        path = files[trial % len(files)]
        whole = path.read_bytes()
        changed = bytearray(whole)
        # Headers are at the front, and directories at the back.
        for _ in range(int(rng.integers(1, 9))):
            near = int(rng.integers(min(len(changed), 200)))
            place = (near, len(changed) - 1 - near, int(rng.integers(len(changed))))[
                rng.integers(3)
            ]
            changed[place] = rng.integers(256)
        spoil(path, bytes(changed), len(changed))
        try:
            use(name, options)
        except DataError as error:
            check_sentence(error, tmp_path)
        spoil(path, whole, len(whole))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git lfs pull"),
        (b"\n <!DOCTYPE html><html><head><title>Sign in</title>", "web page"),
        (b"<HTML>", "web page"),
    ],
)
def test_placeholders_are_recognised(small_file, complaint, content, words):
    name, options = small_file
    if name in ("images", "chairs3d", "falcor3d", "isaac3d"):
        pytest.skip("folders of images are told by the image")
    for path in files_of(options):
        path.write_bytes(content)
    assert words in complaint(use, name, options)


@pytest.mark.parametrize("name", ["npz", "npy", "hdf5", "vectors", "series", "dsprites", "mpi3d"])
def test_a_pipe_does_not_wait(tmp_path, complaint, name):
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in complaint(load, name, path=tmp_path / "pipe")


def test_a_pipe_among_images_does_not_wait(tmp_path, complaint):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    assert "not a regular file" in complaint(load, "images", path=tmp_path)


def test_an_eps_by_another_name_starts_no_program(tmp_path, complaint, monkeypatch):
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n"
    (tmp_path / "a.png").write_bytes(eps)

    def refuse(*_args, **_options):
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert "cannot be decoded" in complaint(load, "images", path=tmp_path)


def test_home_is_expanded(tmp_path, monkeypatch, formats):
    formats.npz(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(load("npz", path="~/x.npz")) == 9
    monkeypatch.setenv("UNWEAVE_DATA", "~")
    (tmp_path / "svhn").mkdir()
    formats.svhn(tmp_path / "svhn")
    assert len(load("svhn")) == 6


@pytest.mark.parametrize("size", [1e300, np.inf, np.nan, -1, 2**40])
def test_sizes_of_factors_that_no_set_has(tmp_path, complaint, size):
    images = np.zeros((4, 8, 8), np.uint8)
    path = tmp_path / "x.npz"
    np.savez(path, images=images, factors=np.arange(4), factor_sizes=np.array([size]))
    assert "factor_sizes" in complaint(load, "npz", path=path)


def test_a_zip_of_unknown_packing(tmp_path, complaint):
    path = tmp_path / "x.npz"
    np.savez(path, images=np.zeros((4, 8, 8), np.uint8))
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = data.find(signature) + offset
        data[place : place + 2] = struct.pack("<H", 93)
    path.write_bytes(data)
    assert str(path) in complaint(load, "npz", path=path)


@pytest.mark.parametrize(
    ("dtype", "words"),
    [("S3", "|S3"), ("M8[s]", "datetime64"), ([("a", "u1")], "without fields"), ("U2", "<U2")],
)
def test_numbers_that_are_none(tmp_path, complaint, dtype, words):
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 8), dtype))
    assert words in complaint(load, "npy", path=tmp_path / "x.npy")


@pytest.mark.parametrize("dtype", [">u2", "<u2", ">f4", "<i8", ">i4"])
@pytest.mark.parametrize("name", ["npy", "npz", "hdf5"])
def test_either_byte_order(tmp_path, dtype, name):
    levels = np.arange(3 * 64).reshape(3, 8, 8)
    images = (levels / 191 if "f" in dtype else levels).astype(dtype)
    path = tmp_path / f"x.{name}"
    if name == "npy":
        np.save(path, images)
    elif name == "npz":
        np.savez(path, images=images)
    else:
        with h5py.File(path, "w") as file:
            file["images"] = images
    expected = np.rint(levels * (255 / 191)) if "f" in dtype else levels
    for in_memory in (True, False):
        data = load(name, path=path, in_memory=in_memory)
        assert (data.images([0, 1, 2])[..., 0] == expected).all()


def bombs(folder):
    """Write files that declare or unpack to gigabytes; give load's names and options."""
    files = []

    def add(name, path, **options):
        files.append((name, {"path": path, **options}))

    add("images", png_bomb(folder / "png", 13_000, 0))
    add("images", png_bomb(folder / "palette", 8_000, 3))
    with h5py.File(folder / "h5.h5", "w") as file:
        file.create_dataset("images", (10**9, 8, 8), np.uint8, chunks=(1, 8, 8))[0] = 1
    add("hdf5", folder / "h5.h5")
    with h5py.File(folder / "h5big.h5", "w") as file:
        file.create_dataset("images", (10**15, 8), np.uint8, chunks=(1, 8))[0] = 1
    add("vectors", folder / "h5big.h5")
    with h5py.File(folder / "zip.h5", "w") as file:
        file.create_dataset(
            "images", (10**6, 64, 64), np.uint8, compression="gzip", chunks=(1000, 64, 64)
        )[:1000] = 0
    add("hdf5", folder / "zip.h5")
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": (1_500_000, 64, 64)}
    )
    with (
        zipfile.ZipFile(folder / "npz.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w", force_zip64=True) as member,
    ):
        member.write(head.getvalue())
        for _ in range(150):  # what is declared is ten times as much as is there
            member.write(bytes(4_096_000))
    add("npz", folder / "npz.npz")
    add("vectors", folder / "npz.npz")
    mnist = folder / "mnist"
    mnist.mkdir()
    idx = struct.pack(">4B3I", 0, 0, 8, 3, 10**6, 1000, 1000)
    (mnist / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx + bytes(3 * 10**7)))
    (mnist / "train-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 0))
    add("mnist", mnist)
    add("kmnist", mnist)
    norb = folder / "norb"
    norb.mkdir()
    for split in ("46789x9x18x6x2x96x96-training", "01235x9x18x6x2x96x96-testing"):
        axes = struct.pack("<6i", 0x1E3D4C55, 4, 10**6, 2, 96, 96)
        (norb / f"smallnorb-5x{split}-dat.mat").write_bytes(axes + bytes(1000))
    add("smallnorb", norb)
    (folder / "svhn.mat").write_bytes(mat_bomb())
    add("svhn", folder / "svhn.mat")
    with h5py.File(folder / "x.h5ad", "w") as file:
        x = file.create_group("X")
        x.attrs.update({"encoding-type": "csr_matrix", "shape": (10**6, 10**6)})
        x["data"], x["indices"] = np.ones(1), np.zeros(1, np.int64)
        x["indptr"] = np.append(np.zeros(10**6, np.int64), 1)
        file.create_group("obs")
        file.create_group("var")
    add("vectors", folder / "x.h5ad")
    return files


def png_bomb(folder, side, colour):
    folder.mkdir()

    def chunk(kind, data):
        sum_ = zlib.crc32(kind + data)
        return len(data).to_bytes(4, "big") + kind + data + sum_.to_bytes(4, "big")

    head = struct.pack(">2I5B", side, side, 8, colour, 0, 0, 0)
    rows = zlib.compress(bytes((side + 1) * side), 9)
    palette = chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    data = chunk(b"IHDR", head) + palette + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return folder


def mat_bomb():
    """Write a mat file of version 5 whose X declares 32 x 32 x 3 x 2^20 and holds nothing."""
    flags = struct.pack("<4I", 6, 8, 9, 0)
    dims = struct.pack("<2I4i", 5, 16, 32, 32, 3, 1 << 20)
    name = struct.pack("<HH4s", 1, 1, b"X\0\0\0")
    data = struct.pack("<2I", 2, 32 * 32 * 3 << 20)
    body = flags + dims + name + data
    matrix = struct.pack("<2I", 14, len(body)) + body
    packed = zlib.compress(matrix)
    head = b"MATLAB 5.0 MAT-file".ljust(124, b" ") + struct.pack("<H2s", 0x0100, b"IM")
    return head + struct.pack("<2I", 15, len(packed)) + packed


SCRIPT = """
import json, os, pickle, resource, sys
from unweave_data import DataError, load
import h5py, numpy, PIL.Image, scipy.io, scipy.sparse

def attempt(name, options):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        data = load(name, **options)
        data.images([0])
        said = "loaded"
    except DataError as error:
        said = str(error)
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps([said, taken >> 10]), flush=True)

for name, options in json.load(sys.stdin):
    child = os.fork()  # each has a high-water mark of its own, and all share what is loaded
    if not child:
        attempt(name, options)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{name} {options} ended by itself")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in another unit")
def test_bombs_take_no_more_memory_than_they_deserve(tmp_path):
    made = [(name, {k: str(v) for k, v in options.items()}) for name, options in bombs(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        input=json.dumps(made), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for (name, _), (message, megabytes) in zip(made, answers, strict=True):
        assert message.startswith("path:"), (name, message)
        assert megabytes < 150, (name, message, megabytes)


def test_an_honest_set_of_black_pictures_is_no_bomb(tmp_path):
    images = np.zeros((3000, 64, 64), np.uint8)
    images[:, 30, 30] = np.arange(3000) % 2
    np.savez_compressed(tmp_path / "x.npz", images=images)
    assert len(load("npz", path=tmp_path / "x.npz")) == 3000


def test_links_lead_nowhere(tmp_path, complaint, formats):
    path = formats.vectors(tmp_path)["path"]
    shutil.copy(path, tmp_path / "other.h5ad")
    with h5py.File(path, "r+") as file:
        del file["obs"]["cell_type"]
        file["obs"]["cell_type"] = h5py.ExternalLink("other.h5ad", "/obs/cell_type")
    assert load("vectors", path=path).factors is None
    assert "link" in complaint(load, "vectors", path=path, factors="cell_type")
    with h5py.File(path, "r+") as file:
        del file["X"]
        file["X"] = h5py.ExternalLink("other.h5ad", "/X")
    assert "link" in complaint(load, "vectors", path=path)
    three = formats.shapes3d(tmp_path)["path"]
    with h5py.File(three, "r+") as file:
        file.move("labels", "real")
        file["labels"] = h5py.SoftLink("/real")
    assert "link" in complaint(load, "shapes3d", path=three)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path, complaint):
    np.save(tmp_path / "x.npy", np.zeros((100, 64, 64), np.uint8))
    data = load("npy", path=tmp_path / "x.npy", in_memory=False)
    with contextlib.suppress(OSError):
        os.truncate(tmp_path / "x.npy", 5000)
    assert "changed" in complaint(data.images, [99])
