import numpy as np
import pytest
from narrowing import load_mixture, present

from unweave_data import VectorDataset, load
from unweave_data.factors import make_factors
from unweave_data.rendered.projected_mixture import draw_projection, means_on_circle


def test_vectors_are_images_of_one_row():
    vectors = np.random.default_rng(0).normal(size=(5, 3)) * 1e6
    data = VectorDataset(vectors)
    assert data.image_shape == (1, 3, 1)
    assert data.bits == 32
    assert data.stored().dtype == np.float32
    assert data.stored().shape == (5, 1, 3, 1)
    images = data.images([4, 0])
    assert images.dtype == np.float32
    np.testing.assert_allclose(images[:, 0, :, 0], vectors[[4, 0]], rtol=1e-7)
    assert data.factors is None


def test_images_are_not_the_stored_ones():
    data = VectorDataset(np.zeros((2, 2)))
    data.images([0])[:] = 9
    assert not data.stored().any()


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        ([1.0, 2.0], "shape (n, D), got (2,)"),
        ([[1.0], [1.0, 2.0]], "unequal"),
        (np.zeros((0, 3)), "got (0, 3)"),
        ([["a"]], "numbers"),
        ([[np.nan]], "finite"),
        ([[1e39]], "3.4e38"),
    ],
)
def test_other_vectors_are_refused(complaint, vectors, words):
    assert words in complaint(VectorDataset, vectors)


@pytest.mark.parametrize(
    "ignored",
    [
        {"factors": [0, 1]},
        {"factor_values": [[0.0], [1.0]]},
        {"factor_names": ["one"]},
        {"factor_sizes": [2]},
    ],
)
def test_known_factors_beside_others_are_refused(complaint, ignored):
    known = make_factors(2, [0, 1])
    assert VectorDataset(np.zeros((2, 2)), known=known).factors is not None
    words = complaint(VectorDataset, np.zeros((2, 2)), known=known, **ignored)
    assert "leave out it, or those" in words


@pytest.mark.parametrize("name", ["pinwheel", "gaussian-mixture-100d"])
def test_a_seed_gives_the_same_points_and_another_seed_or_split_others(name):
    points = load(name, points=100).stored()
    assert (present(load(name, points=100).stored()) == points).all()
    for option in ({"seed": 1}, {"split": "test"}):
        assert not (present(load(name, points=100, **option).stored()) == points).any()


@pytest.mark.parametrize("name", ["pinwheel", "gaussian-mixture-100d"])
@pytest.mark.parametrize("points", [4, 1001])
def test_classes_are_equally_large(name, points):
    counts = np.bincount(present(load(name, points=points).factors)[:, 0], minlength=4)
    assert counts.sum() == points
    assert counts.max() - counts.min() <= 1


def test_distances_on_a_pinwheel_are_those_of_the_unbent_gaussian():
    # |x|^2 = r^2 + t^2 whatever the turn: mean 1 + s^2 + c^2, variance 4 s^2 + 2 s^4 + 2 c^4.
    s, c, n = 0.3, 0.1, 200_000
    x = present(load("pinwheel", points=n, radial_std=s, tangential_std=c).stored()).reshape(n, 2)
    square = (x.astype(np.float64) ** 2).sum(axis=1)
    variance = 4 * s**2 + 2 * s**4 + 2 * c**4
    assert abs(square.mean() - (1 + s**2 + c**2)) < 5 * (variance / n) ** 0.5
    assert square.var() == pytest.approx(variance, rel=0.03)


def test_moments_of_a_pinwheel_are_those_of_its_symmetry():
    # Turning by 2 pi / 4 maps arm onto arm: mean 0, covariance (1 + s^2 + c^2) / 2 times I.
    n = 200_000
    x = present(load("pinwheel", points=n).stored()).reshape(n, 2).astype(np.float64)
    assert np.abs(x.mean(axis=0)).max() < 5 * (1.1 / 2 / n) ** 0.5
    np.testing.assert_allclose(np.cov(x.T), np.eye(2) * (1 + 0.09 + 0.01) / 2, atol=0.01)


@pytest.mark.parametrize("arms", [1, 4, 5])
def test_points_of_a_thin_pinwheel_lie_on_their_arm(arms):
    data = load("pinwheel", arms=arms, radial_std=0.1, tangential_std=0.0, rate=0.25)
    x, y = present(data.stored()).reshape(-1, 2).T.astype(np.float64)
    k, r = np.arange(400) % arms, np.hypot(x, y)
    assert data.factors is None if arms == 1 else (present(data.factors)[:, 0] == k).all()
    turned = np.arctan2(y, x) + 2 * np.pi * k / arms + 0.25 * np.exp(r)
    assert np.abs(np.exp(1j * turned) - 1).max() < 1e-5


def test_mixture_without_noise_lies_in_its_plane():
    data = load_mixture(points=1000)
    x = present(data.stored()).reshape(1000, 100)
    assert np.linalg.matrix_rank(x, tol=1e-3) == 2
    np.testing.assert_allclose(x @ data.projection, data.coordinates, atol=1e-5)


def test_moments_of_the_mixture_in_the_plane():
    # Means at the corners of a square, R from the origin: covariance (R^2 / 2 + s^2) I.
    n = 100_000
    data = load_mixture(points=n, dim=3, radius=3.0, scale=0.5)
    np.testing.assert_allclose(data.coordinates.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(np.cov(data.coordinates.T), 4.75 * np.eye(2), atol=0.05)
    for k in range(4):
        own = data.coordinates[present(data.factors)[:, 0] == k]
        assert np.abs(np.abs(own.mean(axis=0)) - 4.5**0.5).max() < 0.02
        np.testing.assert_allclose(np.cov(own.T), 0.25 * np.eye(2), atol=0.01)
        assert len(set(map(tuple, np.sign(own[:5]).tolist()))) == 1


def test_noise_of_the_mixture_leaves_the_plane_in_all_directions():
    n, d = 20_000, 10
    data = load_mixture(points=n, dim=d, noise=0.2)
    x = present(data.stored()).reshape(n, d)
    rest = x - data.coordinates @ data.projection.T
    np.testing.assert_allclose(np.cov(rest.T), 0.04 * np.eye(d), atol=0.002)


def test_splits_of_the_mixture_share_a_plane_and_seeds_do_not():
    train, test, other = (
        load_mixture(points=10, **options).projection
        for options in ({}, {"split": "test"}, {"seed": 1})
    )
    assert (train == test).all()
    assert np.abs(train.T @ other).max() < 0.9


def test_planes_are_drawn_uniformly():
    # E[P P^T] = (2 / D) I, and the first column's first entry has both signs equally often.
    rng = np.random.default_rng(0)
    planes = np.stack([draw_projection(rng, 5) for _ in range(4000)])
    np.testing.assert_allclose(
        (planes @ planes.swapaxes(1, 2)).mean(axis=0), 0.4 * np.eye(5), atol=0.02
    )
    assert abs((planes[:, 0, 0] > 0).mean() - 0.5) < 0.04


def test_means_are_neighbours_at_equal_distance():
    means = means_on_circle(5, 2.0)
    steps = np.linalg.norm(means - np.roll(means, 1, axis=0), axis=1)
    np.testing.assert_allclose(steps, 4 * np.sin(np.pi / 5))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("pinwheel", {"arms": 0}, "arms must be an integer of at least 1, got 0"),
        ("pinwheel", {"points": 3}, "points must be an integer of at least 4, got 3"),
        ("pinwheel", {"tangential_std": -1.0}, "tangential_std"),
        ("pinwheel", {"radial_std": np.nan}, "radial_std"),
        ("pinwheel", {"rate": np.inf}, "rate"),
        ("pinwheel", {"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ("pinwheel", {"split": "validation"}, "train, test"),
        ("gaussian-mixture-100d", {"dim": 1}, "dim"),
        ("gaussian-mixture-100d", {"components": 0}, "components"),
        ("gaussian-mixture-100d", {"noise": -0.1}, "noise"),
        ("gaussian-mixture-100d", {"points": 2.5}, "points"),
    ],
)
def test_options_out_of_range_are_refused(complaint, name, options, words):
    assert words in complaint(load, name, **options)
