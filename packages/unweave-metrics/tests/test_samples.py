"""Precision, recall, density and coverage of samples; positions and attributes of traversals."""

import numpy as np
import pytest

import unweave_metrics as um

# prdc 0.2, five neighbours, on these two sets.
PRDC = {"precision": 0.98, "recall": 0.96, "density": 1.02, "coverage": 0.8533333333333334}


def recorded():
    rng = np.random.default_rng(7)
    return rng.normal(size=(300, 3)), 0.8 * rng.normal(size=(200, 3)) + 0.2


@pytest.mark.parametrize("name", PRDC)
def test_recorded_values_of_prdc(name):
    assert float(getattr(um, name)(*recorded(), neighbors=5)) == pytest.approx(
        PRDC[name], abs=1e-12
    )


def test_points_on_a_line():
    # Balls of one neighbour have a radius of 1 around the real points, 2 around the generated.
    real, made = np.arange(5.0)[:, None], np.array([[0.5], [2.5], [20.0], [22.0]])
    options = {"neighbors": 1}
    assert float(um.precision(real, made, **options)) == 0.5
    # 0 to 2 are nearer than 2 to the first; 1 to 4 to the second.
    assert float(um.recall(real, made, **options)) == 1.0
    assert float(um.density(real, made, **options)) == (2 + 2 + 0 + 0) / 4
    assert float(um.coverage(real, made, **options)) == 4 / 5


def test_parts_of_many_rows_are_those_of_few(monkeypatch):
    from unweave_metrics.pairs import _manifolds

    whole = um.density(*recorded()).parts["per_row"]
    monkeypatch.setattr(_manifolds, "ROWS", 7)
    assert (um.density(*recorded()).parts["per_row"] == whole).all()


def test_as_many_samples_of_one_law_are_covered_as_the_theory_says():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 1500, 2))
    assert float(um.coverage(x, y, neighbors=5)) == pytest.approx(1 - 2**-5, abs=0.015)
    assert float(um.density(x, y, neighbors=5)) == pytest.approx(1.0, abs=0.05)


def test_few_rows_are_refused():
    with pytest.raises(ValueError, match="more rows than neighbors=5, got 300 and 5"):
        um.coverage(recorded()[0], recorded()[1][:5])


# latte 0.0.1a6 on the traversals of `walks`.
SMOOTH = [0.3971741539601703, 0.428264459701955, 0.42806612429724716]
MONOTONE = [0.041666666666666664, 0.20833333333333334, 0.08333333333333333]


def walks():
    return np.linspace(-2, 2, 9), np.cumsum(np.random.default_rng(9).normal(size=(6, 3, 9)), axis=2)


def test_recorded_values_of_latte():
    assert um.smoothness(*walks()).parts["per_factor"] == pytest.approx(SMOOTH, abs=1e-12)
    assert um.monotonicity(*walks()).parts["per_factor"] == pytest.approx(MONOTONE, abs=1e-12)


def test_traversals_by_hand():
    z = np.arange(-2.0, 3.0)
    # Slopes -1, -1, 1, 1; their changes 0, 2, 0.
    assert float(um.monotonicity(z, abs(z)[None])) == 0.0
    assert float(um.smoothness(z, abs(z)[None])) == 1 - 2 / 2
    assert float(um.monotonicity(-z, 3 * z[None])) == -1.0
    assert float(um.smoothness(0.1 * z, 0.7 * z[None])) == 1.0
    still = um.monotonicity(z, np.stack([z, 0 * z])[None])
    assert float(still) == 1.0
    assert np.isnan(still.parts["per_factor"][1])


def test_wrong_traversals():
    z, a = walks()
    with pytest.raises(ValueError, match="equal steps"):
        um.smoothness(z**3, a)
    with pytest.raises(ValueError, match="differ from step to step"):
        um.monotonicity(np.zeros(9), a)
    with pytest.raises(ValueError, match="t at least 3"):
        um.smoothness(z[:2], a[..., :2])
    with pytest.raises(ValueError, match="that of attributes"):
        um.smoothness(z[:5], a)
    with pytest.raises(ValueError, match="attributes must be finite"):
        um.smoothness(z, a + np.inf)
