"""Every wrong input is one sentence that names the argument and what came."""

import numpy as np
import pytest

import unweave_metrics as um

GOOD = np.random.default_rng(0).normal(size=(60, 3))
CLASSES = np.random.default_rng(1).integers(0, 3, size=(60, 2))
METRICS = ["mig", "sap", "dci", "factor_vae", "beta_vae", "irs", "explicitness", "infomec", "mcc"]


def with_value(value):
    codes = GOOD.copy()
    codes[3, 1] = value
    return codes


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(
    ("codes", "factors", "words"),
    [
        (with_value(np.nan), CLASSES, "codes must be finite, got nan in row 3, column 1"),
        (with_value(np.inf), CLASSES, "codes must be finite, got inf"),
        (GOOD[:1], CLASSES[:1], "at least 2 rows"),
        (GOOD[:, 0], CLASSES, r"codes must have shape \(n, d\), got \(60,\)"),
        (GOOD, CLASSES[:50], "one row for each of the 60 rows of codes, got 50"),
        (GOOD.astype(object), CLASSES, "codes must hold numbers"),
        (GOOD, CLASSES.astype(str), "factors must hold numbers"),
        ([[1, 2], [3]], CLASSES, "codes must"),
    ],
)
def test_wrong_arrays(name, codes, factors, words):
    with pytest.raises((ValueError, TypeError), match=words) as raised:
        getattr(um, name)(codes, factors)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["mig", "sap", "dci", "factor_vae", "irs", "explicitness"])
def test_one_class(name):
    factors = np.column_stack([CLASSES, np.full(60, 4)])
    with pytest.raises(ValueError, match="column 2; drop that column"):
        getattr(um, name)(GOOD, factors)


@pytest.mark.parametrize("name", ["mig", "sap", "jemmig", "rmig"])
def test_one_code(name):
    with pytest.raises(ValueError, match="at least two codes"):
        getattr(um, name)(GOOD[:, :1], CLASSES)


def test_more_factors_than_codes_is_fine():
    factors = np.random.default_rng(2).integers(0, 2, size=(60, 5))
    assert 0 <= um.mig(GOOD[:, :2], factors) <= 1


def test_unknown_words():
    with pytest.raises(ValueError, match="preset must be one of locatello2019.*'locatelo'"):
        um.mig(GOOD, CLASSES, preset="locatelo")
    with pytest.raises(ValueError, match="known are mig, "):
        um.evaluate(GOOD, CLASSES, metrics=["migg"])
    with pytest.raises(ValueError, match="option 'binz'"):
        um.evaluate(GOOD, CLASSES, binz=3)
    with pytest.raises(ValueError, match="test_codes and test_factors must be given together"):
        um.sap(GOOD, CLASSES, test_codes=GOOD)
    with pytest.raises(ValueError, match="bins must be at least 1"):
        um.mig(GOOD, CLASSES, bins=0)


def test_evaluate_leaves_out_a_constant_factor_and_says_so():
    factors = np.column_stack([np.zeros(60, dtype=int), CLASSES])
    table = um.evaluate(GOOD, factors, metrics=["mig"])
    assert table["mig"] == um.mig(GOOD, CLASSES)
    assert table.notes == ["factors: left out column 0, which takes one value only"]


def test_images():
    with pytest.raises(ValueError, match="shape of images"):
        um.reconstruction_error(np.zeros((2, 4, 4)), np.zeros((2, 5, 4)))
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        um.reconstruction_error(np.full((2, 4, 4), 2.0), np.zeros((2, 4, 4)), loss="cross-entropy")
