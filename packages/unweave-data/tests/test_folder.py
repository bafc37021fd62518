import os
import zlib

import numpy as np
import pytest
from narrowing import present
from PIL import Image

from unweave_data import load

RNG = np.random.default_rng(0)


def picture(w=40, h=40):
    """Make a smooth picture, which survives JPEG and resizing."""
    y, x = np.mgrid[:h, :w]
    return np.stack([x * 255 / (w - 1), y * 255 / (h - 1), np.full((h, w), 80)], 2).astype(np.uint8)


def put(folder, name, array, **options):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "webp", "tif", "ppm"])
def test_formats(tmp_path, suffix):
    put(tmp_path, f"x.{suffix}", picture())
    data = load("images", path=tmp_path, resolution=40)
    error = np.abs(data.images([0])[0].astype(int) - picture())
    assert data.image_shape == (40, 40, 3)
    assert error.mean() < {"gif": 20, "jpg": 3, "webp": 5}.get(suffix, 0.1)
    assert data.factors is None


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("L", 100), ("1", 255), ("I;16", 100), ("I", 100), ("F", 100), ("LA", 50), ("P", 100)],
)
def test_grey_modes(tmp_path, mode, expected):
    base = np.full((16, 16), 100, np.uint8)
    if mode in ("I;16", "I"):
        image = Image.fromarray(
            (base.astype(np.uint16) * 257).astype({"I": np.int32}.get(mode, "u2"))
        )
    elif mode == "F":
        image = Image.fromarray((base / 255).astype(np.float32))
    elif mode == "LA":
        image = Image.merge("LA", (Image.fromarray(base), Image.fromarray(base * 0 + 128)))
    elif mode == "1":
        image = Image.fromarray(base * 0 + 255).convert("1")
    else:
        image = Image.fromarray(base).convert(mode)
    put(tmp_path, "x.tif" if mode in ("F", "I") else "x.png", image)
    data = load("images", path=tmp_path, resolution=16, channels=1)
    assert data.image_shape == (16, 16, 1)
    assert np.abs(data.images([0]).astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("mode", "suffix"), [("CMYK", "jpg"), ("YCbCr", "jpg"), ("RGBA", "png")])
def test_colour_modes(tmp_path, mode, suffix):
    put(tmp_path, f"x.{suffix}", Image.fromarray(picture()).convert(mode))
    data = load("images", path=tmp_path, resolution=40)
    assert np.abs(data.images([0])[0].astype(int) - picture()).mean() < 4


def test_transparent_pixels_come_over_black(tmp_path):
    rgba = np.full((16, 16, 4), 200, np.uint8)
    rgba[:8, :, 3] = 0
    rgba[8:, :, 3] = 255
    put(tmp_path, "x.png", rgba)
    data = load("images", path=tmp_path, resolution=16)
    assert (data.images([0])[0, :8] == 0).all()
    assert (data.images([0])[0, 8:] == 200).all()
    assert "over black" in data.note


def test_camera_orientation_is_followed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the first row is the right side
    put(tmp_path, "x.png", picture(), exif=exif)
    turned = load("images", path=tmp_path, resolution=40).images([0])[0]
    assert (turned == np.rot90(picture(), -1)).all()


def test_resizing_is_told(tmp_path):
    put(tmp_path, "a.png", picture(80, 40))
    put(tmp_path, "b.png", picture(20, 60))
    put(tmp_path, "c.png", picture(32, 32))
    (tmp_path / "notes.txt").write_text("no image")
    data = load("images", path=tmp_path, resolution=32)
    assert "2 of 3 images" in data.note
    assert "20 x 60 to 80 x 40" in data.note
    assert "1 other files ignored" in data.note
    # The wide one lost a quarter at the left and at the right, the tall one a third at both ends.
    assert data.images([0])[0, 16, [0, -1], 0].tolist() == pytest.approx([64, 191], abs=6)
    stretched = load("images", path=tmp_path, resolution=32, fit="stretch")
    assert stretched.images([0])[0, 16, [0, -1], 0].tolist() == pytest.approx([0, 255], abs=6)


def test_grey_folder_has_one_channel(tmp_path):
    put(tmp_path, "a.png", picture()[..., 0])
    put(tmp_path, "b.png", picture()[..., 1])
    assert load("images", path=tmp_path).image_shape == (64, 64, 1)
    assert load("images", path=tmp_path, channels=3).image_shape == (64, 64, 3)


def test_sub_folders_are_classes(tmp_path):
    for i, name in enumerate(["dog/2.png", "cat/deep/1.png", "cat/0.png", ".trash/x.png"]):
        put(tmp_path, name, np.full((8, 8), 10 * i, np.uint8))
    data = load("images", path=tmp_path, resolution=8)
    assert present(data.stored())[:, 0, 0, 0].tolist() == [20, 10, 0]
    assert present(data.factors)[:, 0].tolist() == [0, 0, 1]
    assert (data.factor_names, data.factor_sizes) == (("class",), (2,))


def test_one_sub_folder_is_no_factor(tmp_path):
    put(tmp_path, "all/a.png", picture())
    assert load("images", path=tmp_path).factors is None


def test_images_in_and_beside_sub_folders_are_refused(tmp_path, complaint):
    put(tmp_path, "a.png", picture())
    put(tmp_path, "sub/a.png", picture())
    assert "1 images itself and 1 in sub-folders" in complaint(load, "images", path=tmp_path)


def chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def bomb(side):
    head = side.to_bytes(4, "big") * 2 + b"\x01\x00\x00\x00\x00"
    end = chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + end


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be decoded"),
        (b"no image", "cannot be decoded"),
        (bomb(10_000), "too many pixels"),
        (bomb(60_000), "too many pixels"),
    ],
)
def test_bad_image_is_named(tmp_path, complaint, content, words):
    put(tmp_path, "a.png", picture())
    (tmp_path / "b.png").write_bytes(content)
    message = complaint(load, "images", path=tmp_path)
    assert words in message
    assert str(tmp_path / "b.png") in message
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "webp", "tif"])
def test_truncated_image_is_named(tmp_path, complaint, suffix):
    path = put(tmp_path, f"a.{suffix}", RNG.integers(0, 256, (50, 50, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert str(path) in complaint(load, "images", path=tmp_path)


def test_levels_out_of_range_are_refused(tmp_path, complaint):
    put(tmp_path, "a.tif", np.full((8, 8), 7.5, np.float32))
    message = complaint(load, "images", path=tmp_path)
    assert "in [0, 1]" in message
    assert "range=" in message


def test_unreadable_sub_folder_is_named(tmp_path, complaint, monkeypatch):
    put(tmp_path, "a/a.png", picture())
    (tmp_path / "b").mkdir()
    list_folder = os.scandir

    def refuse(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert str(tmp_path / "b") in complaint(load, "images", path=tmp_path)


def test_wrong_options_are_refused(tmp_path, complaint):
    assert "path=" in complaint(load, "images")
    assert "no images" in complaint(load, "images", path=tmp_path)
    assert "does not exist" in complaint(load, "images", path=tmp_path / "none")
    assert "is a file" in complaint(load, "images", path=put(tmp_path, "a.png", picture()))
    assert "8 to 1024" in complaint(load, "images", path=tmp_path, resolution=4)
    assert "1, 3 or 4" in complaint(load, "images", path=tmp_path, channels=2)
    assert "crop, stretch, pad, keep" in complaint(load, "images", path=tmp_path, fit="cut")
    assert "colour" in complaint(load, "images", path=tmp_path, background="no colour")
    assert "these have 8" in complaint(load, "images", path=tmp_path, range="minmax")
