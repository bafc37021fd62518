"""Walks through the code space: lines between images, one latent of several images, ranges."""

import numpy as np
import pytest

import unweave


@pytest.fixture(scope="module")
def trained(tmp_path_factory, toy_path):
    """One run for all tests here; they write beside it only."""
    return tmp_path_factory.mktemp("walks") / "run"


@pytest.fixture
def run(trained, settings):
    if not trained.exists():
        unweave.train("toy-vae", out=trained, device="cpu", **settings)
    return unweave.Run.open(trained)


def arrays(call, path, *arguments):
    call(*arguments, "--out", path)
    with np.load(path) as file:
        return {name: file[name] for name in file}


def test_an_interpolation_is_a_straight_line_of_codes(run, call, tmp_path):
    out = tmp_path / "line.npz"
    found = arrays(call, out, "interpolate", run.path, 9, 3, "--steps", 5)
    images = run.dataset.images(np.array([3, 9]))[::-1]
    np.testing.assert_array_equal(found["ends"], images)
    start, end = run.encode(images)
    for step, share in enumerate((0, 0.25, 0.5, 0.75, 1)):
        np.testing.assert_allclose(
            found["codes"][step], start + share * (end - start), rtol=1e-4, atol=1e-6
        )
    np.testing.assert_array_equal(found["images"], run.decode(found["codes"]))
    assert found["images"].shape == (5, 16, 16, 1)
    assert np.abs(start - end).max() > 0


def test_one_latent_of_several_images(run, call, tmp_path):
    out = tmp_path / "latent.npz"
    found = arrays(
        call, out, "traverse", run.path, "--images", "70,4,4", "--latent", 2,
        "--range", "-2", "6", "--steps", 5,
    )  # fmt: skip
    assert found["values"].tolist() == [-2, 0, 2, 4, 6]
    assert found["images"].shape == (3, 5, 16, 16, 1)
    np.testing.assert_array_equal(found["images"][1], found["images"][2])
    code = run.encode(run.dataset.images(np.array([70])))[0]
    for step, value in enumerate(found["values"]):
        code[1] = value
        np.testing.assert_array_equal(found["images"][0, step], run.decode(code[None])[0])


def test_one_latent_of_one_image_between_quantiles_is_its_row_of_all(run, call, tmp_path):
    every = arrays(call, tmp_path / "all.npz", "traverse", run.path, "--image", 5, "--steps", 4)
    for latent in range(1, 5):
        out = tmp_path / f"{latent}.npz"
        one = arrays(
            call, out, "traverse", run.path, "--image", 5, "--latent", latent, "--steps", 4
        )
        np.testing.assert_array_equal(one["values"], every["values"][latent - 1])
        np.testing.assert_array_equal(one["images"][0], every["images"][latent - 1])


def test_a_range_is_that_of_every_latent(run, call, tmp_path):
    out = tmp_path / "range.npz"
    found = arrays(call, out, "traverse", run.path, "--range", -1, 1, "--steps", 3)
    assert found["values"].tolist() == [[-1, 0, 1]] * 4
    image = run.dataset.images(np.array([0]))[0]
    np.testing.assert_array_equal(found["images"], run.traverse(image, found["values"]))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["interpolate", "RUN", "1", "2"], "interpolation-1-2.png"),
        (["traverse", "RUN", "--latent", "3", "--images", "1 2"], "traversal-z3.png"),
        (["traverse", "RUN", "--range", "-6", "6", "--image", "7"], "traversal-7.png"),
    ],
)
def test_pictures_lie_in_the_run(arguments, name, run, call):
    path = run.figures / name
    text = call(*(run.path if a == "RUN" else a for a in arguments))
    assert text.strip() == str(path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_vectors_are_points_of_the_plane(call, tmp_path, settings):
    settings |= {"data": "toy-vectors", "cost": "l2sq"}
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    for arguments in (["interpolate", run.path, 1, 2], ["traverse", run.path, "--range", -1, 1]):
        call(*arguments, "--out", tmp_path / "plane.png")
        assert (tmp_path / "plane.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["interpolate", "RUN", "1", "128"], "image must lie between 0 and 127, got 128"),
        (["interpolate", "RUN", "1", "2", "--out", "x.gif"], "unknown file type '.gif'"),
        (["traverse", "RUN", "--images", "1,2"], "choose it with --latent"),
        (["traverse", "RUN", "--images", "1,b", "--latent", "1"], "such as 0,3,7, got '1,b'"),
        (["traverse", "RUN", "--images", "", "--latent", "1"], "such as 0,3,7, got ''"),
        (["traverse", "RUN", "--images", "-1", "--latent", "1"], "between 0 and 127, got -1"),
        (["traverse", "RUN", "--latent", "5"], "latent must lie between 1 and 4, got 5"),
        (["traverse", "RUN", "--range", "2", "2"], "a smaller and a larger number, got 2 2"),
        (["traverse", "RUN", "--range", "-inf", "2"], "a smaller and a larger number, got -inf 2"),
    ],
)
def test_wrong_questions(arguments, message, run, call, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = call(*(str(run.path) if a == "RUN" else a for a in arguments), code=2)
    assert message in text
    assert len(text.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
