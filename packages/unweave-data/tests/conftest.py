"""Where the tests find real data, and small files of real formats."""

import gzip
import os
import struct
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))


def _shared_data():
    if "UNWEAVE_SHARED" in os.environ:
        return Path(os.environ["UNWEAVE_SHARED"]) / "data"
    folders = (folder.parent / "shared" / "data" for folder in Path(__file__).resolve().parents)
    return next((folder for folder in folders if folder.is_dir()), None)


@pytest.fixture(scope="session")
def shared_data():
    folder = _shared_data()
    if folder is not None and folder.is_dir():
        return folder
    reason = "no real data: neither UNWEAVE_SHARED nor a folder `shared` beside the repository"
    if os.environ.get("UNWEAVE_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    return pytest.skip(reason)


@pytest.fixture(autouse=True)
def _no_data_directory(monkeypatch):
    monkeypatch.delenv("UNWEAVE_DATA", raising=False)


@pytest.fixture
def complaint():
    """Call something that must raise a DataError; give its message, which is one sentence."""
    from unweave_data import DataError

    def call(function, *args, **options):
        with pytest.raises(DataError) as caught:
            function(*args, **options)
        message = str(caught.value)
        assert "\n" not in message
        assert caught.value.__suppress_context__ or caught.value.__cause__ is None
        return message

    return call


def _smooth(n, h, w, c=3, seed=0):
    """Make n different smooth pictures, which survive JPEG and resizing."""
    y, x = np.mgrid[:h, :w] / max(h, w)
    phase = np.random.default_rng(seed).uniform(0, 6, (n, 1, 1, c))
    waves = np.sin(6 * x[None, :, :, None] + phase) * np.cos(5 * y[None, :, :, None] - phase)
    return np.rint(127.5 + 127.5 * waves).astype(np.uint8)


def _put(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def _norb(array, order="<"):
    codes = {"u1": 0x1E3D4C55, "i4": 0x1E3D4C54}
    shape = [*array.shape, 1, 1][: max(3, array.ndim)]
    head = struct.pack(f"{order}2i", codes[array.dtype.str[1:]], array.ndim)
    head += struct.pack(f"{order}{len(shape)}i", *shape)
    return head + array.astype(array.dtype.newbyteorder(order)).tobytes()


def _idx(array):
    head = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.tobytes()


class Formats:
    """Makes small files in the formats of the published sets; each method gives load's options."""

    def dsprites(self, folder):
        classes = np.stack([np.zeros(8), *np.indices((2, 2, 2, 1, 1)).reshape(5, -1)], 1).astype(
            int
        )
        images = np.zeros((8, 64, 64), np.uint8)
        for i, image in enumerate(images):
            image[10 : 20 + i, 12:30] = 1
        path = folder / "dsprites.npz"
        np.savez_compressed(path, imgs=images, latents_classes=classes, latents_values=classes / 2)
        return {"path": path}

    def shapes3d(self, folder, n=30, **how):
        from unweave_data.formats.shapes3d import all_factors

        factors = all_factors()
        assert factors.values is not None
        rows = np.linspace(0, 479_999, n).astype(int)
        with h5py.File(folder / "3dshapes.h5", "w") as file:
            file.create_dataset("images", data=_smooth(n, 64, 64), **how)
            file["labels"] = factors.values[rows]
        return {"path": folder / "3dshapes.h5"}

    def cars3d(self, folder, cars=(7,)):
        import scipy.io

        for car in cars:
            images = _smooth(96, 128, 128, seed=car).reshape(24, 4, 128, 128, 3)
            mat = {"im": images.transpose(2, 3, 4, 0, 1), "mask": np.zeros((2, 2))}
            scipy.io.savemat(folder / f"car_{car:03}_mesh.mat", mat, do_compression=True)
        return {"path": folder}

    def smallnorb(self, folder, order="<", pack=False):
        names = {"46789x9x18x6x2x96x96-training": 4, "01235x9x18x6x2x96x96-testing": 0}
        for name, first in names.items():
            n = 12
            pairs = np.stack([_smooth(n, 96, 96, 1, s)[..., 0] for s in (first, first + 1)], 1)
            category = (np.arange(n) % 5).astype(np.int32)
            i = np.arange(n)
            info = np.stack([first + i % 2, i % 9, 2 * (i % 18), i % 6], 1).astype(np.int32)
            for part, array in (("dat", pairs), ("cat", category), ("info", info)):
                data, end = _norb(array, order), ""
                if pack:
                    data, end = gzip.compress(data), ".gz"
                (folder / f"smallnorb-5x{name}-{part}.mat{end}").write_bytes(data)
        return {"path": folder}

    def chairs3d(self, folder):
        for c, chair in enumerate(("1a2b", "9f")):
            for p in (20, 30):
                for t in (11, 127, 348):
                    name = f"image_{t % 62:03}_p{p:03}_t{t:03}_r096.png"
                    _put(
                        folder / chair / "renders" / name,
                        _smooth(1, 60, 60, seed=c * 100 + t + p)[0],
                    )
        (folder / "all_chair_names.mat").write_bytes(b"not read")
        return {"path": folder}

    def celeba(self, folder, form="txt"):
        names = ["5_o_Clock_Shadow", "Bald", "Smiling"]
        images = _smooth(9, 218, 178)
        rng = np.random.default_rng(0)
        table = rng.choice([-1, 1], (9, 3))
        for i, image in enumerate(images):
            _put(folder / "img_align_celeba" / f"{i + 1:06}.jpg", image)
        files = [f"{i + 1:06}.jpg" for i in range(9)]
        gap = "  " if form == "txt" else ","
        rows = [gap.join([f, *map(str, row)]) for f, row in zip(files, table, strict=True)]
        parts = [f"{f}{gap.strip() or ' '}{i // 3}" for i, f in enumerate(files)]
        if form == "txt":
            head, parts_head = ["9", " ".join(names)], []
        else:
            head, parts_head = [",".join(["image_id", *names])], ["image_id,partition"]
        (folder / f"list_attr_celeba.{form}").write_text("\n".join([*head, *rows]) + "\n")
        (folder / f"list_eval_partition.{form}").write_text("\n".join([*parts_head, *parts]) + "\n")
        return {"path": folder, "split": "all"}

    def falcor3d(self, folder):
        return self._nvidia(folder, (5, 6, 6, 6, 6, 6, 6), "train-rec.labels")

    def isaac3d(self, folder):
        return self._nvidia(folder, (3, 8, 5, 4, 4, 4, 6, 4, 4), "labels.npy")

    def _nvidia(self, folder, sizes, name, n=12):
        classes = np.random.default_rng(0).integers(0, sizes, (n, len(sizes)))
        with (folder / name).open("wb") as file:
            np.save(file, classes / (np.array(sizes) - 1))
        for i, image in enumerate(_smooth(n, 32, 32)):
            _put(folder / "images" / f"{i:06}.png", image)
        return {"path": folder}

    def cifar10(self, folder):
        images = _smooth(18, 32, 32)
        for b, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
            own = images[3 * b : 3 * b + 3].transpose(0, 3, 1, 2).reshape(3, -1)
            labels = (np.arange(3) + b).astype(np.uint8)[:, None]
            (folder / f"{name}.bin").write_bytes(np.hstack([labels, own]).tobytes())
        return {"path": folder}

    def svhn(self, folder):
        import scipy.io

        labels = np.array([1, 10, 9, 3, 10, 5], np.uint8)[:, None]
        mat = {"X": _smooth(6, 32, 32).transpose(1, 2, 3, 0), "y": labels}
        scipy.io.savemat(folder / "train_32x32.mat", mat, do_compression=True)
        return {"path": folder}

    def medmnist(self, folder):
        arrays = {}
        for seed, (part, n) in enumerate((("train", 8), ("val", 4), ("test", 6))):
            arrays[f"{part}_images"] = _smooth(n, 28, 28, seed=seed)
            arrays[f"{part}_labels"] = (np.arange(n) % 4)[:, None]
        np.savez(folder / "pathmnist.npz", **arrays)
        return {"path": folder}

    def mnist(self, folder):
        (folder / "train-images-idx3-ubyte").write_bytes(_idx(_smooth(6, 28, 28, 1)[..., 0]))
        (folder / "train-labels-idx1-ubyte").write_bytes(_idx(np.arange(6, dtype=np.uint8)))
        return {"path": folder}

    kmnist = fashion_mnist = mnist

    def emnist(self, folder, kind="balanced"):
        for split in ("train", "test"):
            stem = folder / f"emnist-{kind}-{split}"
            images = _smooth(6, 28, 28, 1)[..., 0].swapaxes(1, 2)
            Path(f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(_idx(images.copy())))
            labels = np.arange(20, 26, dtype=np.uint8)
            Path(f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(_idx(labels)))
        return {"path": folder, "kind": kind}

    def images(self, folder):
        for i, image in enumerate(_smooth(4, 20, 30)):
            _put(folder / "abcd"[i] / "x.png", image)
        return {"path": folder, "resolution": 16}

    def npy(self, folder):
        np.save(folder / "x.npy", _smooth(9, 12, 10))
        return {"path": folder / "x.npy"}

    def npz(self, folder):
        np.savez(folder / "x.npz", images=_smooth(9, 12, 10), factors=np.arange(9) % 4)
        return {"path": folder / "x.npz"}

    def hdf5(self, folder, **how):
        with h5py.File(folder / "x.h5", "w") as file:
            file.create_dataset("images", data=_smooth(40, 12, 10), **how)
            file["factors"] = np.arange(40) % 4
        return {"path": folder / "x.h5"}

    def vectors(self, folder):
        rng = np.random.default_rng(0)
        path = folder / "cells.h5ad"
        dense = rng.poisson(0.3, (20, 7)).astype(np.float32)
        rows, columns = np.nonzero(dense)
        with h5py.File(path, "w") as file:
            x = file.create_group("X")
            x.attrs.update({"encoding-type": "csr_matrix", "shape": dense.shape})
            x["data"] = dense[rows, columns]
            x["indices"] = columns.astype(np.int32)
            x["indptr"] = np.concatenate([[0], np.bincount(rows, minlength=20).cumsum()])
            kind = file.create_group("obs/cell_type")
            kind["codes"] = (np.arange(20) % 3).astype(np.int8)
            kind["categories"] = np.array(["B", "NK", "T"], dtype=object)
            file["obs/n_counts"] = dense.sum(1)
            file["obs/_index"] = np.array([f"cell{i}" for i in range(20)], dtype=object)
            file["var/highly_variable"] = np.arange(7) % 2 == 0
        return {"path": path}

    def series(self, folder):
        np.savez(folder / "x.npz", series=np.random.default_rng(0).normal(size=(9, 20, 2)))
        return {"path": folder / "x.npz"}


FORMATS = [name for name in vars(Formats) if not name.startswith("_")]


@pytest.fixture
def formats():
    return Formats()


@pytest.fixture(params=FORMATS)
def small_file(request, tmp_path):
    """Give each format in turn: the name of the set, and load's options for a small file of it."""
    folder = tmp_path / "made"
    folder.mkdir()
    options = getattr(Formats(), request.param)(folder)
    return request.param.replace("_", "-"), options
