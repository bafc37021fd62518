"""Gaps of information where one factor tells about another."""

import numpy as np
import pytest

import unweave_metrics as um

# The second factor is half of the first, rounded down: it follows from it.
FIRST = np.repeat(np.arange(4), 8)
FACTORS = np.column_stack([FIRST, FIRST // 2])
CODES = FACTORS + 0.0
LOG2, LOG4 = np.log(2), np.log(4)


def recorded():
    """Return dependent measurements, and codes of them with noise, two of them spare."""
    rng = np.random.default_rng(8)
    c = rng.normal(size=(400, 3))
    factors = np.column_stack([
        c[:, 0] + 0.5 * rng.normal(size=400), c[:, 1] + 0.3 * c[:, 0], 0.7 * c[:, 0] + c[:, 2],
    ])  # fmt: skip
    return np.column_stack([c + 0.2 * rng.normal(size=c.shape), rng.normal(size=(400, 2))]), factors


# latte 0.0.1a6, RANDOM_STATE 42, on these arrays.
LATTE = {
    "dmig": [0.13775772314267673, 0.20918893381143475, 0.0842090984323256],
    "xmig": [0.14430336712980185, 0.21616767978233228, 0.12221264144102634],
    "dlig": [0.10716702230071483, 0.21316547860470866, 0.12688128424830464],
}


@pytest.mark.parametrize("name", LATTE)
def test_recorded_values_of_latte(name):
    codes, factors = recorded()
    score = getattr(um, name)(
        codes, factors, assigned="order", estimator="neighbors", factor_kinds="measurement"
    )
    assert score.parts["per_factor"] == pytest.approx(LATTE[name], abs=1e-6)


def test_what_follows_from_another_factor_is_not_missed():
    # Of the first factor the next code knows log 2, which its own factor explains; the second
    # follows from the first: nothing is left to know of it.
    score = um.dmig(CODES, FACTORS)
    assert score.parts["per_factor"][0] == pytest.approx(1.0)
    assert np.isnan(score.parts["per_factor"][1])
    assert float(score) == pytest.approx(1.0)
    assert float(um.mig(CODES, FACTORS)) == pytest.approx(0.25)
    assert float(um.dlig(CODES, FACTORS)) == pytest.approx(1.0)


def test_spare_codes():
    spare = np.column_stack([CODES, FACTORS[:, 1]])
    # Of the first: (log 4 - log 2) / log 4; of the second: the spare code knows all.
    score = um.xmig(spare, FACTORS, assigned=[0, 1])
    assert score.parts["per_factor"] == pytest.approx([0.5, 0.0])
    with pytest.raises(
        ValueError, match="needs more codes than factors, got 2 codes for 2 factors"
    ):
        um.xmig(CODES, FACTORS)


def test_assignment():
    turned = CODES[:, ::-1]
    assert um.dmig(turned, FACTORS).parts["assigned_code"].tolist() == [1, 0]
    assert float(um.dmig(turned, FACTORS, assigned=[1, 0])) == pytest.approx(1.0)
    # The first factor's code by order knows log 2 only, the other log 4.
    by_order = um.dmig(turned, FACTORS, assigned="order")
    assert by_order.parts["per_factor"][0] == pytest.approx((LOG2 - LOG4) / LOG2)
    for wrong, words in (
        ([0, 0], "2 different column numbers of codes"),
        ([0, 5], "column numbers from 0 to 1"),
        ("best", "'match', 'order' or a list of 2 columns"),
        ([0.0, 1.0], "2 different column numbers"),
    ):
        with pytest.raises(ValueError, match=words):
            um.dmig(CODES, FACTORS, assigned=wrong)
    with pytest.raises(ValueError, match=r"at least one column per factor \(2\), got 1"):
        um.dlig(CODES[:, :1], FACTORS)
