"""Images of other depths, channels, backgrounds and proportions."""

import struct
import zlib

import h5py
import numpy as np
import pytest
from narrowing import present
from PIL import Image

from unweave_data import ArrayDataset, load
from unweave_data.levels import LevelStatistics, choose_scale
from unweave_data.stack import DiskImages

RNG = np.random.default_rng(0)
DEEP = RNG.integers(0, 4001, (6, 10, 12), dtype=np.uint16)
DEEP[0, 0, 0] = 4000


def saved(folder, images, kind="tif"):
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i}.{kind}")
    return folder


@pytest.mark.parametrize("kind", ["tif", "png"])
def test_twelve_bits_are_told_and_fill_the_range(tmp_path, kind):
    folder = saved(tmp_path, DEEP, kind)
    data = load("images", path=folder, fit="keep", channels=1)
    assert (present(data.stored())[..., 0] == np.rint(DEEP * (255 / 4095))).all()
    assert "12 bits, the largest is 4000" in data.note


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0,4000", 0, 4000),
        ("1000..2000", 1000, 2000),
        ("full", 0, 65535),
        ("minmax", DEEP.min(), DEEP.max()),
        ("percentile:10,90", np.percentile(DEEP, 10), np.percentile(DEEP, 90)),
    ],
)
@pytest.mark.parametrize("name", ["images", "npy", "hdf5"])
def test_ranges(tmp_path, name, text, low, high):
    options = {"fit": "keep", "channels": 1} if name == "images" else {}
    path = tmp_path
    if name == "images":
        saved(path, DEEP)
    elif name == "npy":
        path = tmp_path / "x.npy"
        np.save(path, DEEP)
    else:
        path = tmp_path / "x.h5"
        with h5py.File(path, "w") as file:
            file["images"] = DEEP
    data = load(name, path=path, range=text, **options)
    levels = (DEEP.astype(float) - low) * 255 / (float(high) - low)
    found = data.images(np.arange(6))[..., 0].astype(int)
    # A percentile of counted levels is a level, and numpy's lies between two of them.
    slack = 1 if "percentile" in text else 0
    assert np.abs(found - np.rint(np.clip(levels, 0, 255))).max() <= slack
    assert "became 0 to 255" in data.note


def test_floats_of_a_range_and_floats_that_are_kept(tmp_path):
    images = RNG.normal(5, 2, (4, 9, 9)).astype(np.float32)
    np.save(tmp_path / "x.npy", images)
    data = load("npy", path=tmp_path / "x.npy", range="1,9")
    expected = np.rint(np.clip((images - 1) * (255 / 8), 0, 255))
    assert np.abs(present(data.stored())[..., 0] - expected).max() <= 1
    for in_memory in (True, False):
        kept = load("npy", path=tmp_path / "x.npy", range="keep", in_memory=in_memory)
        assert kept.bits == 32
        assert (kept.images([3, 1])[..., 0] == images[[3, 1]]).all()
    saved(tmp_path, images)
    folder = load("images", path=tmp_path, range="percentile", fit="keep")
    assert "percentiles 0.1 and 99.9" in folder.note


def test_levels_beyond_those_of_the_first_are_refused_not_cut(tmp_path, complaint):
    images = np.zeros((2000, 4, 4), np.uint16)
    images[:, 0, 0] = 3000
    images[1001] = 5000
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["images"] = images
    data = load("hdf5", path=tmp_path / "x.h5", in_memory=False)
    assert isinstance(data, DiskImages)
    assert data.images([0]).max() == round(3000 * 255 / 4095)
    assert "0 to 4095" in complaint(data.images, [1001])
    given = load("hdf5", path=tmp_path / "x.h5", in_memory=False, range="0,4000")
    assert given.images([1001]).min() == 255


def test_small_integers_of_a_wide_type_are_kept(tmp_path):
    images = RNG.integers(0, 256, (5, 8, 8, 3))
    data = ArrayDataset(images)
    assert (data.stored() == images).all()
    assert "int64 levels 0 to 255" in data.note


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9,1", "from a lower to a higher"),
        ("percentile:90,10", "percentiles from 0 to 100"),
        ("nonsense", "percentile"),
        ("1", "percentile"),
        ("minmax", "from a lower to a higher"),
    ],
)
def test_ranges_that_are_none(tmp_path, complaint, text, words):
    np.save(tmp_path / "x.npy", np.full((3, 8, 8), 7, np.uint16))
    assert words in complaint(load, "npy", path=tmp_path / "x.npy", range=text)


def test_percentiles_of_counted_levels_are_numpys():
    levels = RNG.integers(0, 9000, 20_000).astype(np.uint16)
    seen = LevelStatistics.of(levels.dtype, np.split(levels, 10))
    for percent in (0.1, 25, 99.9):
        expected = np.percentile(levels, percent, method="inverted_cdf")
        assert seen.percentile(percent) == expected
    assert present(choose_scale("", levels.dtype, seen)).high == 16_383


def test_int32_tiffs(tmp_path):
    images = RNG.integers(0, 70_000, (3, 9, 9), dtype=np.int32)
    data = load("images", path=saved(tmp_path, images), fit="keep", range="0,70000")
    assert (present(data.stored())[..., 0] == np.rint(images * (255 / 70_000))).all()


@pytest.mark.parametrize("orientation", [1, 3])
def test_uint32_tiffs(tmp_path, orientation):
    """Pillow gives their levels as int32, whose upper half is negative."""
    images = RNG.integers(0, 2**32, (3, 9, 9), dtype=np.uint32)
    for number, image in enumerate(images):
        path = tmp_path / f"{number}.tif"
        Image.fromarray(image.view(np.int32)).save(path, tiffinfo={274: orientation})
        signed, unsigned = (struct.pack("<HHII", 339, 3, 1, kind) for kind in (2, 1))
        assert path.read_bytes().count(signed) == 1
        path.write_bytes(path.read_bytes().replace(signed, unsigned))
    expected = np.rint(images * (255 / (2**32 - 1)))
    for wanted in ("full", f"0,{2**32 - 1}"):
        data = load("images", path=tmp_path, fit="keep", range=wanted)
        turned = expected if orientation == 1 else expected[:, ::-1, ::-1]
        assert (present(data.stored())[..., 0] == turned).all()


def test_int8_tiffs_are_refused(tmp_path, complaint):
    """Pillow gives their level -1 as 255."""
    levels = np.arange(-128, 128, dtype=np.int8).reshape(16, 16)
    Image.fromarray(levels.view(np.uint8)).save(tmp_path / "a.tif", tiffinfo={339: 2})
    sentence = complaint(load, "images", path=tmp_path, fit="keep")
    assert "a.tif has int8 levels, which are not read; save it as int16" in sentence
    Image.fromarray(levels.view(np.uint8)).save(tmp_path / "a.tif", tiffinfo={339: 1})
    assert present(load("images", path=tmp_path, fit="keep").stored()).max() == 255


def test_grey_of_sixteen_bits_with_one_clear_level(tmp_path):
    levels = np.full((9, 9), 40_000, np.uint16)
    levels[:4] = 1000
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return len(data).to_bytes(4, "big") + kind + data + check.to_bytes(4, "big")

    parts = [
        chunk(b"IHDR", struct.pack(">2I5B", 9, 9, 16, 0, 0, 0, 0)),
        chunk(b"tRNS", struct.pack(">H", 1000)),
        chunk(b"IDAT", zlib.compress(rows)),
        chunk(b"IEND", b""),
    ]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    data = load("images", path=tmp_path, fit="keep", background="white")
    assert data.image_shape == (9, 9, 1)
    assert (present(data.stored())[0, :4] == 255).all()
    assert (present(data.stored())[0, 4:] == round(40_000 * 255 / 65_535)).all()


def test_mixed_depths_in_a_folder(tmp_path):
    saved(tmp_path, [DEEP[0], (DEEP[1] % 256).astype(np.uint8)])
    data = load("images", path=tmp_path, fit="keep")
    assert (present(data.stored())[1, ..., 0] == DEEP[1] % 256).all()


def test_alpha_is_laid_on_a_background(tmp_path):
    rgba = RNG.integers(0, 256, (3, 20, 20, 4), dtype=np.uint8)
    np.save(tmp_path / "x.npy", rgba)
    kept = load("npy", path=tmp_path / "x.npy")
    assert kept.image_shape == (20, 20, 4)
    assert "background=" in kept.note
    alpha = rgba[..., 3:] / 255
    for name, colour in (("white", 255), ("#102030", np.array([16, 32, 48]))):
        data = load("npy", path=tmp_path / "x.npy", background=name)
        expected = rgba[..., :3] * alpha + colour * (1 - alpha)
        assert np.abs(present(data.stored()) - expected).max() <= 0.51
        assert "transparent" in data.note
    saved(tmp_path, rgba, "png")
    data = load("images", path=tmp_path, fit="keep", background="white")
    assert (
        np.abs(present(data.stored()) - (rgba[..., :3] * alpha + 255 * (1 - alpha))).max() <= 1.01
    )
    assert "over white" in data.note
    assert (present(load("images", path=tmp_path, fit="keep", channels=4).stored()) == rgba).all()


@pytest.mark.parametrize("c", [2, 5, 7, 16])
@pytest.mark.parametrize("first", [False, True])
def test_more_channels(tmp_path, c, first):
    images = RNG.integers(0, 256, (4, 20, 24, c), dtype=np.uint8)
    np.save(tmp_path / "x.npy", np.moveaxis(images, 3, 1) if first else images)
    data = load("npy", path=tmp_path / "x.npy")
    assert data.image_shape == (20, 24, c)
    assert (present(data.stored()) == images).all()


def test_channels_that_only_the_user_knows(tmp_path, complaint):
    images = RNG.integers(0, 256, (4, 12, 14, 12), dtype=np.uint8)
    np.save(tmp_path / "x.npy", images)
    assert "channels=first" in complaint(load, "npy", path=tmp_path / "x.npy")
    last = load("npy", path=tmp_path / "x.npy", channels="last")
    first = load("npy", path=tmp_path / "x.npy", channels="first")
    assert (last.image_shape, first.image_shape) == ((12, 14, 12), (14, 12, 12))


def test_padding_keeps_proportions(tmp_path):
    saved(tmp_path, [np.full((20, 40, 3), 200, np.uint8)], "png")
    data = load("images", path=tmp_path, resolution=40, fit="pad", background="#0a141e")
    image = data.images([0])[0]
    assert (image[10:30] == 200).all()
    assert (image[:10] == [10, 20, 30]).all()
    assert (image[30:] == [10, 20, 30]).all()
    assert "padded" in data.note


def test_images_are_kept_as_they_are(tmp_path, complaint):
    images = RNG.integers(0, 256, (3, 20, 44, 3), dtype=np.uint8)
    data = load("images", path=saved(tmp_path, images, "png"), fit="keep")
    assert (present(data.stored()) == images).all()
    assert data.note == ""
    saved(tmp_path, [images[0, :10]], "png")
    assert "fit=crop" in complaint(load, "images", path=tmp_path, fit="keep")


def test_class_folders_may_be_links_and_links_in_a_circle_end(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "real" / name).mkdir(parents=True)
        saved(tmp_path / "real" / name, DEEP[:2, :, :10] // 16, "png")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").symlink_to(tmp_path / "real" / "cat")
    (tmp_path / "folder" / "b").symlink_to(tmp_path / "real" / "dog")
    (tmp_path / "real" / "dog" / "round").symlink_to(tmp_path / "folder")
    data = load("images", path=tmp_path / "folder", resolution=8)
    assert (len(data), data.factor_sizes) == (4, (2,))


def test_factors_from_a_table_beside_the_images(tmp_path, complaint):
    folder = tmp_path / "images"
    folder.mkdir()
    saved(folder, RNG.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8), "png")
    angle = RNG.normal(size=60)
    lines = ["dose;file;angle;arm;split"]
    order = RNG.permutation(60)
    lines += [
        f"{i % 3};{i}.png;{angle[i]};{'ab'[i % 2]};{('train', 'test')[int(i > 44)]}" for i in order
    ]
    table = tmp_path / "factors.csv"
    table.write_text("\n".join(lines))
    data = load("images", path=folder, factors=table, resolution=8)
    number = np.array([int(f"{i}") for i in sorted(map(str, range(60)))])
    assert data.factor_names == ("dose", "angle", "arm")
    assert data.continuous_factors == ("angle",)
    np.testing.assert_allclose(present(data.factor_values)[:, 1], angle[number])
    assert (present(data.factors)[:, 0] == number % 3).all()
    assert (present(data.factors)[:, 2] == number % 2).all()
    train = load("images", path=folder, factors=table, resolution=8, split="train")
    assert len(train) == 45
    assert "one of test, train" in complaint(
        load, "images", path=folder, factors=table, split="valid"
    )
    table.write_text("\n".join([*lines, "1;99.png;0.5;a;train"]))
    assert "'99.png'" in complaint(load, "images", path=folder, factors=table)
    table.write_text("\n".join([*lines, lines[1]]))
    assert "two rows for an image" in complaint(load, "images", path=folder, factors=table)
    table.write_text("\n".join([*lines[:9], "2;x;;b;train"]))
    assert "'x'" in complaint(load, "images", path=folder, factors=table)
    table.write_text("\n".join([lines[0], "2;3.png;;b;train", lines[9]]))
    assert "but 1 of 2 have none" in complaint(load, "images", path=folder, factors=table)
    table.write_text("\n".join([*lines, "1;2"]))
    assert "has 2 columns" in complaint(load, "images", path=folder, factors=table)
