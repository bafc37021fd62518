from types import SimpleNamespace

import numpy as np
import pytest
from narrowing import load_view, present
from PIL import Image

from unweave_data import load
from unweave_data.views.view import View

NAMES = ("noisy-dsprites", "color-dsprites", "scream-dsprites")
INDEX = np.array([700_000, 3, 500_123, 3])


@pytest.fixture
def frames():
    return load("dsprites", resolution=32).images(INDEX) / np.float32(255)


def noise(shape, seed=0):
    return np.random.default_rng(seed).random((len(INDEX), *shape), dtype=np.float32)


def picture(tmp_path, size=(90, 80)):
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    return path, pixels


def test_noise_is_added_and_cut_off(frames):
    data = load_view("noisy-dsprites", resolution=32)
    u = noise(data.noise_shape)
    seen = data.view(frames, u, data.constants, np)
    inside = np.broadcast_to(frames == 1, u.shape)
    assert (seen[inside] == 1).all()
    assert (seen[~inside] == u[~inside]).all()


def test_colour_is_uniform_from_a_half(frames):
    data = load_view("color-dsprites", resolution=32)
    seen = data.view(frames, noise(data.noise_shape), data.constants, np)
    for image, frame in zip(seen, frames, strict=True):
        colours = np.unique(image[frame[..., 0] == 1], axis=0)
        assert len(colours) == 1
        assert (image[frame[..., 0] == 0] == 0).all()
    drawn = data.view(
        np.ones((20_000, 1, 1, 1)), np.random.default_rng(0).random((20_000, 3)), (), np
    )
    assert 0.5 <= drawn.min() < 0.501
    assert 0.999 < drawn.max() < 1
    assert abs(drawn.mean() - 0.75) < 0.005


def test_background_is_a_crop_and_a_colour_and_the_shape_inverts_it(tmp_path, frames):
    path, pixels = picture(tmp_path)
    data = load_view("scream-dsprites", resolution=32, background=path)
    u = noise(data.noise_shape)
    seen = data.view(frames, u, data.constants, np)
    for image, frame, (a, b, *colour) in zip(seen, frames, u, strict=True):
        top, left = int(a * (80 - 32)), int(b * (90 - 32))
        crop = pixels[top : top + 32, left : left + 32] / 255
        background = (crop + colour) / 2
        expected = np.where(frame == 1, 1 - background, background)
        np.testing.assert_allclose(image, expected, atol=1e-6)


def test_the_picture_is_shrunk_to_fit(tmp_path):
    path, _ = picture(tmp_path, (1200, 1528))
    data = load_view("scream-dsprites", background=path)
    assert data.constants[0].shape == (274, 215, 3)
    path, _ = picture(tmp_path, (700, 300))
    assert load_view("scream-dsprites", background=path).constants[0].shape == (150, 350, 3)


@pytest.mark.parametrize(
    ("resolution", "size"), [(16, (68, 53)), (32, (137, 108)), (64, (274, 215))]
)
def test_a_crop_shows_as_much_of_the_picture_at_every_resolution(tmp_path, resolution, size):
    path, _ = picture(tmp_path, (1200, 1528))
    data = load_view("scream-dsprites", resolution=resolution, background=str(path))
    assert data.constants[0].shape == (*size, 3)
    assert data.note.startswith("the background is ")
    assert path.name in data.note


def test_without_a_picture_the_one_that_is_taken_is_told():
    data = load_view("scream-dsprites")
    assert "scikit-learn" in data.note
    assert data.constants[0].shape == (234, 350, 3)


def test_largest_noise_stays_within_the_picture(tmp_path, frames):
    path, _ = picture(tmp_path)
    data = load_view("scream-dsprites", resolution=32, background=path)
    u = np.full((4, 5), np.nextafter(np.float32(1), np.float32(0)), np.float32)
    assert data.view(frames, u, data.constants, np).shape == (4, 32, 32, 3)


@pytest.mark.parametrize("name", NAMES)
def test_torch_sees_what_numpy_sees(name, frames):
    torch = pytest.importorskip("torch")
    data = load_view(name, resolution=32)
    u = noise(data.noise_shape)
    expected = data.view(frames, u, data.constants, np)
    constants = [torch.from_numpy(array) for array in data.constants]
    seen = data.view(torch.from_numpy(frames), torch.from_numpy(u), constants, torch)
    assert seen.dtype == torch.float32
    np.testing.assert_allclose(seen.numpy(), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_images_are_a_function_of_seed_and_index(name):
    data = load_view(name, resolution=16)
    images = data.images(INDEX)
    assert images.dtype == np.uint8
    assert images.shape == (4, 16, 16, 3)
    assert (images[1] == images[3]).all()
    assert (load(name, resolution=16).images(INDEX[::-1])[::-1] == images).all()
    assert not (load(name, resolution=16, seed=1).images(INDEX) == images).all()
    frames = load("dsprites", resolution=16).images(INDEX) / np.float32(255)
    seen = data.view(frames, data.uniform(INDEX), data.constants, np)
    assert np.abs(images / 255 - seen).max() <= 0.5 / 255 + 1e-6


def test_noise_of_images_is_uniform_and_independent():
    data = load_view("noisy-dsprites", resolution=16)
    u = data.uniform(np.arange(200)).reshape(200, -1)
    counts = np.histogram(u, 16, (0, 1))[0]
    # Chi-squared with 15 degrees of freedom: 99.99 % lie below 44.3.
    assert ((counts - u.size / 16) ** 2 / (u.size / 16)).sum() < 44.3
    correlations = np.asarray(np.corrcoef(u))[np.triu_indices(200, 1)]
    assert np.abs(correlations).max() < 6 / np.sqrt(u.shape[1])


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_stored_and_factors_are_theirs(name):
    data = load(name, resolution=16)
    assert data.stored() is None
    assert isinstance(data, View)
    assert present(data.frames.stored()).shape == (737_280, 32)
    assert data.frames.bits == 1
    assert (present(data.factors)[INDEX] == present(data.frames.factors)[INDEX]).all()
    assert data.factor_sizes == (3, 6, 40, 32, 32)


def test_rows_of_a_view_are_a_view_of_rows():
    data = load_view("color-dsprites", resolution=16, keep="shape == 0 and scale == 5", holdout=100)
    assert isinstance(data.holdout, View)
    assert len(data) == 40_960 - 100
    assert (data.images([5]).max(axis=3) > 0).sum() == (data.frames.images([5]) > 0).sum()
    assert present(data.frames.stored()).shape == (40_860, 32)


def test_genuine_frames_are_seen_too(shared_data):
    path = shared_data / "dsprites-genuine" / "dsprites_subset.npz"
    scream = shared_data / "scream" / "the_scream.jpg"
    data = load_view("scream-dsprites", path=path, background=scream)
    assert len(data) == 20_000
    assert data.constants[0].shape == (274, 215, 3)
    assert data.images([0]).std() > 10


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 1 << 63}, "seed"),
        ({"resolution": 48}, "resolution"),
        ({"background": "/nowhere.png"}, "does not exist"),
    ],
)
def test_wrong_options_are_refused(complaint, options, words):
    assert words in complaint(load, "scream-dsprites", **options)


def test_a_picture_smaller_than_a_frame_is_refused(tmp_path, complaint):
    path, _ = picture(tmp_path, (64, 64))
    assert "larger than a frame" in complaint(load, "scream-dsprites", background=path)


def test_a_view_needs_no_more_of_a_library_than_four_functions(frames):
    library = SimpleNamespace(
        clip=np.clip, where=np.where, floor=np.floor, asarray=np.asarray, int64=np.int64
    )
    for name in NAMES:
        data = load_view(name, resolution=32)
        data.view(frames, noise(data.noise_shape), data.constants, library)
