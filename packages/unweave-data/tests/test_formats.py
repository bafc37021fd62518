import json
import math

import h5py
import numpy as np
import pytest
import scipy.io
from narrowing import present
from PIL import Image

from unweave_data import DATASETS, ENTRIES, load
from unweave_data.factors import grid_factors
from unweave_data.formats import mpi3d as mpi3d_module
from unweave_data.formats.shapes3d import LEVELS, all_factors
from unweave_data.own.grids import GRIDS


def all_of(data):
    return data.images(np.arange(len(data)))


def test_every_format_opens_without_a_word_of_the_file_changed(small_file):
    name, options = small_file
    before = {f: f.read_bytes() for f in options["path"].parent.rglob("*") if f.is_file()}
    data = load(name, **options)
    images = all_of(data)
    assert images.shape == (len(data), *data.image_shape)
    assert data.factors is None or len(data.factors) == len(data)
    assert {f: f.read_bytes() for f in options["path"].parent.rglob("*") if f.is_file()} == before


def test_shapes3d(tmp_path, formats):
    data = load("shapes3d", **formats.shapes3d(tmp_path))
    assert data.image_shape == (64, 64, 3)
    assert data.factor_sizes == (10, 10, 10, 8, 4, 15)
    rows = np.linspace(0, 479_999, 30).astype(int)
    assert (np.ravel_multi_index(present(data.factors).T, data.factor_sizes) == rows).all()
    assert present(data.factor_values)[-1].tolist() == [0.9, 0.9, 0.9, 1.25, 3, 30]
    assert load("shapes3d", path=tmp_path).images([3]).shape == (1, 64, 64, 3)


def test_shapes3d_in_full_by_its_published_counts():
    known = all_factors()
    assert len(known.classes) == 480_000
    assert known.names == tuple(LEVELS)
    # The last factor is the fastest, and a step of the first is 48,000 images.
    assert present(known.classes)[15].tolist() == [0, 0, 0, 0, 1, 0]
    assert present(known.classes)[48_000].tolist() == [1, 0, 0, 0, 0, 0]
    assert present(known.values)[14, 5] == 30


def test_labels_of_another_set_are_refused(tmp_path, formats, complaint):
    path = formats.shapes3d(tmp_path)["path"]
    with h5py.File(path, "r+") as file:
        file["labels"][0, 3] = 2.0
    assert "scale from 0.75 to 1.25" in complaint(load, "shapes3d", path=path)


@pytest.mark.parametrize(("kind", "sizes"), [("real", (3, 2, 2, 1, 1, 2, 2)), ("complex", None)])
def test_mpi3d_of_a_smaller_grid(tmp_path, monkeypatch, kind, sizes):
    sizes = sizes or (2, 2, 2, 1, 1, 2, 3)
    n = math.prod(sizes)
    monkeypatch.setattr(mpi3d_module, "_SIZES", {n: sizes})
    images = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((64, 64, 3), np.uint8)
    name = mpi3d_module.KINDS[kind][0]
    np.savez_compressed(tmp_path / name, images=images)
    data = load("mpi3d", path=tmp_path, kind=kind)
    assert (all_of(data)[:, 0, 0, 0] == np.arange(n)).all()
    assert (present(data.factors) == np.indices(sizes).reshape(7, -1).T).all()
    assert load("mpi3d", path=tmp_path / name, shape_first=True).factor_names[0] == "object_shape"


def test_mpi3d_in_full_by_the_index_that_its_authors_print():
    # index = color * 115200 + shape * 28800 + size * 14400 + camera * 4800 + background * 1600
    #         + horizontal * 40 + vertical, of the edition with four colours and shapes
    known = grid_factors(mpi3d_module.FACTOR_NAMES, mpi3d_module._SIZES[460_800])
    weights = [115_200, 28_800, 14_400, 4_800, 1_600, 40, 1]
    assert (known.classes @ np.array(weights) == np.arange(460_800)).all()
    assert math.prod(mpi3d_module._SIZES[1_036_800]) == 1_036_800


def test_mpi3d_of_another_number_is_refused(tmp_path, complaint):
    np.savez(tmp_path / "mpi3d_toy.npz", images=np.zeros((5, 64, 64, 3), np.uint8))
    assert "1,036,800 or 460,800" in complaint(load, "mpi3d", path=tmp_path)
    assert "toy, realistic" in complaint(load, "mpi3d", path=tmp_path, kind="none")


@pytest.mark.parametrize("name", GRIDS)
def test_grids_that_disent_writes_have_the_published_numbers(name):
    published = {
        "dsprites": 737_280, "shapes": 480_000, "cars": 17_568, "norb": 24_300, "mpi3d": 1_036_800,
    }  # fmt: skip
    assert math.prod(GRIDS[name].values()) == published[name]


def test_cars3d_order(tmp_path, formats):
    data = load("cars3d", **formats.cars3d(tmp_path, cars=(10, 2)), resolution=128)
    assert (len(data), data.factor_sizes) == (192, (4, 24, 2))
    for i in (0, 57, 191):
        elevation, azimuth, car = present(data.factors)[i]
        mat = scipy.io.loadmat(tmp_path / f"car_{(2, 10)[car]:03}_mesh.mat")["im"]
        assert (data.images([i])[0] == mat[..., azimuth, elevation]).all()
    assert load("cars3d", path=tmp_path).image_shape == (64, 64, 3)


def test_cars3d_as_disent_writes_it(tmp_path):
    images = np.zeros((17_568, 8, 8, 3), np.uint8)
    np.savez_compressed(tmp_path / "cars3d.npz", images=images)
    assert load("cars3d", path=tmp_path / "cars3d.npz").factor_sizes == (4, 24, 183)
    assert load("npz", path=tmp_path / "cars3d.npz").factor_names == (
        "elevation", "azimuth", "object",
    )  # fmt: skip


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("pack", [False, True])
def test_smallnorb_of_either_byte_order(tmp_path, formats, order, pack):
    data = load("smallnorb", **formats.smallnorb(tmp_path, order, pack), resolution=96)
    assert (len(data), data.image_shape) == (24, (96, 96, 1))
    assert data.factor_names == ("category", "elevation", "azimuth", "lighting")
    assert present(data.factors)[7].tolist() == [2, 7, 7, 1]
    assert present(data.factor_values)[7].tolist() == [2, 65, 140, 1]


def test_cameras_splits_and_instances_of_smallnorb(tmp_path, formats):
    options = formats.smallnorb(tmp_path)
    left, right, both = (load("smallnorb", **options, camera=c) for c in ("left", "right", "both"))
    assert (all_of(both) == np.concatenate([all_of(left), all_of(right)])).all()
    assert not (all_of(left) == all_of(right)).all()
    assert both.factor_names[-1] == "camera"
    train = load("smallnorb", **options, split="train", instances=True)
    assert set(present(train.factors)[:, 1]) == {4, 5}
    assert (all_of(train) == all_of(left)[:12]).all()


def test_chairs3d_reads_names(tmp_path, formats):
    data = load("chairs3d", **formats.chairs3d(tmp_path), resolution=16)
    assert data.factor_names == ("chair", "elevation", "azimuth")
    assert data.factor_sizes == (2, 2, 3)
    assert sorted(set(present(data.factor_values)[:, 2])) == [11, 127, 348]
    i = np.flatnonzero((present(data.factor_values) == [1, 30, 127]).all(1))[0]
    with Image.open(tmp_path / "9f" / "renders" / "image_003_p030_t127_r096.png") as image:
        expected = np.asarray(image.resize((16, 16), Image.Resampling.LANCZOS))
    assert (data.images([i])[0] == expected).all()
    cut = load("chairs3d", path=tmp_path, resolution=40, crop=40)
    with Image.open(tmp_path / "9f" / "renders" / "image_003_p030_t127_r096.png") as image:
        assert (cut.images([i])[0] == np.asarray(image)[10:50, 10:50]).all()


@pytest.mark.parametrize("form", ["txt", "csv"])
def test_celeba(tmp_path, formats, form):
    options = formats.celeba(tmp_path, form)
    data = load("celeba", **options, crop=140, resolution=140)
    with Image.open(tmp_path / "img_align_celeba" / "000002.jpg") as image:
        assert (data.images([1])[0] == np.asarray(image)[39:179, 19:159]).all()
    assert data.factor_names == ("5_o_Clock_Shadow", "Bald", "Smiling")
    expected = np.random.default_rng(0).choice([-1, 1], (9, 3)) > 0
    assert (present(data.factors) == expected).all()
    assert len(load("celeba", path=tmp_path, split="test")) == 3
    two = load("celeba", **options, attributes="Smiling;Bald")
    assert two.factor_names == ("Smiling", "Bald")
    assert (present(two.factors) == expected[:, [2, 1]]).all()


def test_names_in_a_list_lead_nowhere_else(tmp_path, formats, complaint):
    options = formats.celeba(tmp_path)
    path = tmp_path / "list_attr_celeba.txt"
    path.write_text(path.read_text().replace("000003.jpg", "../../etc/passwd"))
    assert "not a file name" in complaint(load, "celeba", **options)


@pytest.mark.parametrize(("name", "k"), [("falcor3d", 7), ("isaac3d", 9)])
def test_falcor_and_isaac(tmp_path, formats, name, k):
    data = load(name, **getattr(formats, name)(tmp_path), resolution=32)
    assert len(data) == 12
    assert present(data.factors).shape == (12, k)
    with Image.open(tmp_path / "images" / "000007.png") as image:
        assert (data.images([7])[0] == np.asarray(image)).all()
    assert (np.rint(data.factor_values * (np.array(data.factor_sizes) - 1)) == data.factors).all()
    published = {"falcor3d": 233_280, "isaac3d": 737_280}
    assert math.prod(data.factor_sizes) == published[name]


def test_cifar10_binary_and_png_are_the_same(tmp_path, formats):
    formats.cifar10(tmp_path)
    binary = load("cifar10", path=tmp_path), load("cifar10", path=tmp_path, split="test")
    png = tmp_path / "png"
    png.mkdir()
    names = [f"data_batch_{i}" for i in range(1, 6)]
    for i, name in enumerate(names):
        rows = all_of(binary[0])[3 * i : 3 * i + 3].reshape(3, 1024, 3)
        Image.fromarray(rows).save(png / f"{name}.png")
    (png / "train_lables.json").write_text(json.dumps(present(binary[0].factors)[:, 0].tolist()))
    again = load("cifar10", path=png)
    assert (all_of(again) == all_of(binary[0])).all()
    assert (present(again.factors) == binary[0].factors).all()
    assert len(binary[1]) == 3


def test_pickled_cifar10_is_never_read(tmp_path, complaint):
    import pickle

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(Trap(), protocol=2))
    assert "binary version" in complaint(load, "cifar10", path=tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_svhn_counts_ten_as_zero(tmp_path, formats):
    data = load("svhn", **formats.svhn(tmp_path))
    assert present(data.factors)[:, 0].tolist() == [1, 0, 9, 3, 0, 5]
    mat = scipy.io.loadmat(tmp_path / "train_32x32.mat")["X"]
    assert (data.images([4])[0] == mat[..., 4]).all()


def test_medmnist_splits(tmp_path, formats):
    options = formats.medmnist(tmp_path)
    sizes = [len(load("medmnist", **options, split=s)) for s in ("train", "valid", "test", "all")]
    assert sizes == [8, 4, 6, 18]
    kept = load("medmnist", **options, split="test", unpack=tmp_path / "unpacked")
    assert kept.stored() is None
    assert (all_of(kept) == all_of(load("medmnist", **options, split="test"))).all()
    data = load("medmnist", **options, split="all")
    assert data.name == "pathmnist"
    labels = [*range(4), *range(4), *range(4), 0, 1, 2, 3, 0, 1]
    assert present(data.factors)[:, 0].tolist() == labels


def test_several_labels_of_medmnist_and_volumes(tmp_path, complaint):
    images = np.random.default_rng(0).integers(0, 255, (6, 28, 28), dtype=np.uint8)
    labels = np.random.default_rng(1).integers(0, 2, (6, 14))
    np.savez(tmp_path / "chestmnist.npz", train_images=images, train_labels=labels)
    assert load("medmnist", path=tmp_path, kind="chestmnist").factor_names[-1] == "label_13"
    np.savez(tmp_path / "v.npz", train_images=np.zeros((2, 28, 28, 28), np.uint8), train_labels=[1])
    assert "volumes" in complaint(load, "medmnist", path=tmp_path / "v.npz")


def test_emnist_stands_upright_and_letters_begin_at_zero(tmp_path, formats):
    upright = load("mnist", **formats.mnist(tmp_path))
    data = load("emnist", **formats.emnist(tmp_path))
    assert (all_of(data) == all_of(upright)).all()
    assert data.factor_sizes == (47,)
    letters = load("emnist", **formats.emnist(tmp_path, "letters"))
    assert present(letters.factors)[:, 0].tolist() == list(range(19, 25))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_what_is_missing_is_told_with_where_it_is_looked_for(
    entry, complaint, tmp_path, monkeypatch
):
    monkeypatch.setenv("UNWEAVE_DATA", str(tmp_path))
    text = entry.text()
    assert entry.what in text
    assert not entry.files or entry.files in text
    if entry.folders and not any(f.startswith("/") for f in entry.folders):
        message = complaint(load, entry.name)
        assert entry.looked_for in message
        assert entry.source.url in message


@pytest.mark.parametrize(
    "name", ["shapes3d", "smallnorb", "celeba", "cifar10", "svhn", "medmnist", "kmnist", "emnist"]
)
def test_files_are_found_in_the_data_directory(tmp_path, monkeypatch, formats, name):
    entry = next(entry for entry in ENTRIES if entry.name == name)
    folder = tmp_path / entry.folders[-1]
    folder.mkdir(parents=True)
    options = getattr(formats, name)(folder)
    monkeypatch.setenv("UNWEAVE_DATA", str(tmp_path))
    del options["path"]
    assert len(load(name, **options))


def test_the_table_names_each_set_once():
    names = [entry.name for entry in ENTRIES]
    assert len(set(names)) == len(names) == len(DATASETS)
