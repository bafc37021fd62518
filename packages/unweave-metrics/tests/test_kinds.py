"""Kinds of factors are decided once; narrow integers, edges of bins, equal codes decide nothing."""

import inspect

import numpy as np
import pytest
from narrowing import present

import unweave_metrics as um
from unweave_metrics.catalogue import CATALOGUE

OF_FACTORS = [name for name, entry in CATALOGUE.items() if "factors" in entry.needs]


def values(n, seed=0):
    """Return two codes, the first one a measurement with a little noise, and the measurement."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, 1))
    return np.column_stack([y[:, 0] + 0.1 * rng.normal(size=n), rng.normal(size=n)]), y


@pytest.mark.parametrize("n", [60, 100, 101, 150, 160, 240])
def test_a_measurement_is_one_at_any_number_of_rows(n):
    # Squared correlation of y and y + noise: 1 / 1.01, less that of noise.
    score = um.sap(*values(n))
    assert score.settings["factor_kinds"] == ("measurement",)
    assert score > 0.85
    low, high = present(um.evaluate(*values(n), metrics=["sap"], bootstrap=60)["sap"].interval)
    assert 0.7 < low < high <= 1


@pytest.mark.parametrize("name", ["explicitness", "linear_probe", "mig", "infomec", "irs"])
def test_few_rows_of_a_measurement_are_no_classes(name):
    codes, y = values(90)
    y = np.hstack([y, codes[:, 1:] ** 3])
    score = getattr(um, name)(codes, y)
    assert np.isfinite(score)
    assert score > 0.2


def test_a_grid_of_float_values_stays_classes():
    rng = np.random.default_rng(0)
    for n in (60, 200, 2000):
        y = np.linspace(0, 1, 40)[rng.integers(0, 40, size=(n, 1))]
        assert um.mig(rng.normal(size=(n, 2)), y).settings["factor_kinds"] == ("class",)


def test_whole_measurements_are_declared():
    rng = np.random.default_rng(0)
    u = rng.random((1000, 2))
    whole = (1000 * u).astype(int)
    codes = u + 0.02 * rng.normal(size=u.shape)
    undeclared = um.mig(codes, whole)
    assert "if it is a measurement, set factor_kinds='measurement'" in undeclared.notes[0]
    for words in ("measurement", ["measurement", "measurement"]):
        score = um.mig(codes, whole, factor_kinds=words)
        assert score == um.mig(codes, whole + 0.0, factor_kinds=words)
        assert score == pytest.approx(um.mig(codes, u), abs=0.02)
        assert score > undeclared + 0.3
        assert score.notes == ()
    table = um.evaluate(codes, whole, metrics=["mig", "sap"], bootstrap=0)
    assert sum("990" in note or "classes in 1,000 rows" in note for note in table.notes) == 2


def test_declared_kinds_survive_a_factor_that_is_left_out():
    rng = np.random.default_rng(0)
    y = np.column_stack([np.ones(300), rng.integers(0, 900, 300), rng.integers(0, 3, 300)])
    kinds = ["class", "measurement", "class"]
    table = um.evaluate(y[:, 1:] + 0.1, y, metrics=["mig"], bootstrap=0, factor_kinds=kinds)
    assert table["mig"].settings["factor_kinds"] == ("measurement", "class")


@pytest.mark.parametrize("name", OF_FACTORS)
def test_every_metric_of_factors_takes_their_kinds(name):
    assert (name == "mcc") != (
        "factor_kinds" in inspect.signature(CATALOGUE[name].function).parameters
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [("classes", "must be one of class, measurement; got 'classes'"),
     (["class"], r"one word per factor \(2\)")],
)  # fmt: skip
def test_wrong_words(words, expected):
    codes = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.raises(ValueError, match=expected):
        um.mig(codes, codes > 0, factor_kinds=words)


@pytest.mark.parametrize(("dtype", "span"), [(np.int8, 100), (np.int16, 20_000)])
def test_narrow_integers_do_not_wrap(dtype, span):
    rng = np.random.default_rng(0)
    y = rng.choice(np.linspace(-span, span, 9).astype(np.int64), size=(600, 2))
    codes = y / span + 0.1 * rng.normal(size=y.shape)
    for name in ("mig", "dci", "factor_vae", "explicitness"):
        assert getattr(um, name)(codes, y.astype(dtype)) == getattr(um, name)(codes, y)
    wide, narrow = (um.dci(codes, part).parts["informativeness"] for part in (y, y.astype(dtype)))
    assert narrow == wide


def test_irs_of_the_review_cuts_factors_that_were_scaled_first():
    """Rounding decides on which side of an edge a value is: the program scales, then cuts."""
    from sklearn.preprocessing import minmax_scale

    rng = np.random.default_rng(0)
    y = rng.integers(3, 34, size=(900, 2))
    codes = y + 3 * rng.normal(size=y.shape)
    cut = np.digitize(minmax_scale(y), np.linspace(0, 1, 11)[:-1])
    assert (cut != np.digitize(y, np.histogram_bin_edges(y, 10)[:-1])).any()
    scored = um.irs(codes, y, preset="carbonneau2022", bin_factors=True)
    assert scored == pytest.approx(um.irs(codes, cut, quantile=1.0, bin_factors=False), abs=1e-12)


def test_jemmig_takes_the_code_of_less_entropy_of_two_that_know_as_much():
    y = np.arange(400) % 4
    rng = np.random.default_rng(0)
    # The second code knows the factor, and a coin beside it.
    codes = np.column_stack([y, y + 5 * rng.integers(0, 2, 400), rng.normal(size=400)])
    factors = np.column_stack([y, rng.integers(0, 2, 400)])
    forward, backward = (um.jemmig(codes[:, order], factors) for order in ([0, 1, 2], [1, 0, 2]))
    assert forward == backward
    entropy = forward.parts["code_entropy"]
    assert forward.parts["best_code"][0] == entropy[:2].argmin() == 0
    assert backward.parts["best_code"][0] == 1
