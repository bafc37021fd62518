"""Data that are vectors of any size instead of images."""

import numpy as np
import pytest

import unweave
from unweave.errors import ConfigError


@pytest.fixture
def vectors(settings):
    return {**settings, "data": "toy-vectors", "cost": "l2sq", "steps": 200, "log_every": 50}


def test_vectors_are_trained_on_as_they_are(tmp_path, vectors):
    run = unweave.train("toy-vae", out=tmp_path / "run", **vectors, beta=0.001, learning_rate=0.01)
    data = run.dataset.images(np.arange(64))
    decoded = run.reconstruct(data)
    assert decoded.dtype == np.float32
    assert decoded.shape == (64, 1, 3, 1)
    # Values beyond [0, 1] come back: nothing is clipped or scaled.
    assert np.square(decoded - data).sum((1, 2, 3)).mean() < 0.1 * data.var(0).sum()
    assert abs(decoded).max() > 2
    run.report()
    assert {p.stem for p in run.figures.glob("*.png")} == {
        "losses", "data-plane", "codes", "histograms",
    }  # fmt: skip
    data = run.dataset.images(np.arange(256))
    error = np.square(run.reconstruct(data) - data).sum((1, 2, 3)).mean()
    table = unweave.Run.open(run.path).scores["reconstruction_error"]
    assert table == pytest.approx(error, rel=1e-4)


def test_a_cost_of_pixels_is_refused_for_vectors(tmp_path, vectors):
    with pytest.raises(ConfigError, match="has unbounded vectors.* choose cost=gaussian"):
        unweave.train("toy-vae", out=tmp_path / "run", **{**vectors, "cost": "bernoulli"})
    assert not (tmp_path / "run").exists()


def test_codes_of_another_type_are_refused(tmp_path, vectors):
    run = unweave.train("toy-vae", out=tmp_path / "run", **{**vectors, "steps": 2})
    with pytest.raises(ValueError, match="images must be float32 with shape"):
        run.encode(np.zeros((2, 1, 3, 1), np.uint8))


def test_samples_and_traversals_of_vectors_are_drawn_in_the_plane(tmp_path, vectors, call):
    run = unweave.train("toy-vae", out=tmp_path / "run", **{**vectors, "steps": 2})
    for command in ("sample", "traverse"):
        out = tmp_path / f"{command}.png"
        call(command, run.path, "--out", out)
        assert out.stat().st_size > 5000
