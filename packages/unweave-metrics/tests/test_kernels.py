"""Compiled kernels equal slow formulas, written out value by value, on 500 random problems each."""

import math

import numpy as np
import pytest

import unweave_metrics as um
from unweave_metrics._binning import bin_columns
from unweave_metrics._counting import pair_information
from unweave_metrics.interventions._groups import draw_batches, draw_pairs, group_rest, make_groups
from unweave_metrics.interventions._points import mean_differences
from unweave_metrics.interventions._votes import least_varying
from unweave_metrics.interventions.irs import robustness_deviations
from unweave_metrics.predictors._svm import fit_one_code, predict_one_code


def random_problems(seed, count=500):
    """Yield a generator and codes (n, d), some of them rounded to a few values."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        codes = rng.normal(size=(int(rng.integers(8, 60)), int(rng.integers(1, 4))))
        codes *= 10.0 ** rng.integers(-6, 6)
        yield rng, np.round(codes) if rng.random() < 0.3 else codes


def slow_information(a, b):
    """Sum p log(p / (p p)) over the cells, one by one."""
    total = 0.0
    for x in np.unique(a):
        for y in np.unique(b):
            p = np.mean((a == x) & (b == y))
            if p > 0:
                total += p * np.log(p / (np.mean(a == x) * np.mean(b == y)))
    return total


def test_bins_and_information():
    for rng, codes in random_problems(0):
        bins = int(rng.integers(1, 9))
        factors = rng.integers(0, 4, size=(1, len(codes))).astype(np.uint16)
        binned = bin_columns(codes, bins)
        edges = np.histogram(codes[:, 0], bins)[1]
        assert (binned[0] == np.digitize(codes[:, 0], edges[:-1]) - 1).all()
        found = pair_information(binned, factors).mutual_information[0, 0]
        assert found == pytest.approx(slow_information(binned[0], factors[0]), abs=1e-11)


def test_weighted_counts_are_those_of_repeated_rows():
    for rng, codes in random_problems(1):
        labels = bin_columns(codes, 4)
        factors = rng.integers(0, 3, size=(2, len(codes))).astype(np.uint16)
        rows = rng.integers(0, len(codes), len(codes))
        weights = np.bincount(rows, minlength=len(codes))
        found = pair_information(labels, factors, weights)
        expected = pair_information(labels[:, rows], factors[:, rows])
        assert found.mutual_information == pytest.approx(expected.mutual_information, abs=1e-11)
        assert found.entropy_b == pytest.approx(expected.entropy_b, abs=1e-11)


def test_votes():
    for rng, codes in random_problems(2):
        rows = rng.integers(0, len(codes), size=(5, 6))
        variances = codes.var(axis=0, ddof=1)
        if (variances == 0).any():
            continue
        ratio = codes[rows].var(axis=1, ddof=1) / variances
        ordered = np.sort(ratio, axis=1)
        clear = np.ones(len(rows), dtype=bool)
        if ratio.shape[1] > 1:  # rounding decides between equal ones
            clear = (ordered[:, 1] - ordered[:, 0] > 1e-9) & (
                ordered[:, -1] - ordered[:, -2] > 1e-9
            )
        every = np.ones(codes.shape[1], dtype=bool)
        found = least_varying(codes, rows, variances, every)
        assert (found == ratio.argmin(axis=1))[clear].all()
        found = least_varying(codes, rows, variances, every, most=True)
        assert (found == ratio.argmax(axis=1))[clear].all()


def test_differences():
    for rng, codes in random_problems(3):
        rows = rng.integers(0, len(codes), size=(4, 5, 2))
        expected = np.abs(codes[rows[..., 0]] - codes[rows[..., 1]]).mean(axis=1)
        assert mean_differences(codes, rows) == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_deviations():
    for rng, codes in random_problems(4):
        codes = np.tile(codes, (int(rng.choice([1, 12])), 1))
        factors = rng.integers(0, 3, size=(len(codes), 2))
        factors[:2] = [[0, 0], [1, 1]]
        quantile = float(rng.choice([0.01, 0.3, 0.5, 0.9, 0.99, 1.0]))
        found = robustness_deviations(codes, make_groups(factors.T), quantile)
        for k in range(2):
            each = [codes[factors[:, k] == v] for v in np.unique(factors[:, k])]
            gaps = [np.abs(part - part.mean(axis=0)) for part in each]
            expected = np.mean([np.quantile(gap, quantile, axis=0) for gap in gaps], axis=0)
            assert found[:, k] == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_drawn_rows_are_of_one_group():
    for rng, codes in random_problems(5):
        factors = rng.integers(0, 2, size=(len(codes), 3))
        factors[:4] = [[0, 0, 0], [1, 1, 1], [0, 0, 0], [1, 1, 1]]
        for by_value in (False, True):
            held, rows = draw_batches(make_groups(factors.T), 4, 6, rng, by_value=by_value)
            for k, batch in zip(held, rows, strict=True):
                assert len(np.unique(factors[batch, k])) == 1
            held, pairs = draw_pairs(make_groups(factors.T), 4, 6, rng, by_value=by_value)
            shared = factors[pairs, held[:, None, None]]
            assert (shared[..., 0] == shared[..., 1]).all()
            assert not by_value or (pairs[..., 0] != pairs[..., 1]).all()
        held, rows = draw_batches(group_rest(factors.T), 4, 6, rng, by_value=True)
        for k, batch in zip(held, rows, strict=True):
            assert len(np.unique(np.delete(factors[batch], k, axis=1), axis=0)) == 1


def test_mass_of_posteriors():
    for rng, codes in random_problems(6, 60):
        codes = np.clip(codes, -3, 3)[:12]
        codes = np.hstack([codes, rng.normal(size=(len(codes), 1))])
        std = rng.uniform(0.1, 1, size=codes.shape)
        labels = np.arange(len(codes)) % 2
        edges = np.linspace(-4, 4, 11)
        information = []
        for z, s in zip(codes.T, std.T, strict=True):
            cut = [
                [math.erf((e - m) / (w * 2**0.5)) for e in edges] for m, w in zip(z, s, strict=True)
            ]
            mass = np.diff(np.array(cut), axis=1)
            mass /= mass.sum(axis=1, keepdims=True)
            joint = np.stack([mass[labels == c].sum(axis=0) for c in (0, 1)]) / len(z)
            product = joint.sum(axis=0) * joint.sum(axis=1, keepdims=True)
            held = joint > 0
            information.append((joint[held] * np.log(joint[held] / product[held])).sum())
        found = um.rmig(codes, labels[:, None], std=std, bins=10).parts["mutual_information"][:, 0]
        assert found == pytest.approx(information, abs=1e-9)


def test_machines_of_one_code_have_no_slope_left():
    for rng, codes in random_problems(7):
        code, classes = codes[:, 0] / max(1.0, np.abs(codes[:, 0]).max()), int(rng.integers(2, 5))
        labels = np.concatenate([np.arange(classes), rng.integers(0, classes, len(code) - classes)])
        slopes, intercepts = fit_one_code(code, labels, classes, 0.5, False)
        for c in range(1 if classes == 2 else 0, classes):
            sign = np.where(labels == c, 1.0, -1.0)
            hinge = np.maximum(0, 1 - sign * (slopes[c] * code + intercepts[c]))
            # d/dw and d/db of (w^2 + b^2) / 2 + C sum hinge^2 with C = 1/2.
            assert slopes[c] - (hinge * sign * code).sum() == pytest.approx(0, abs=1e-9)
            assert intercepts[c] - (hinge * sign).sum() == pytest.approx(0, abs=1e-9)
        lines = code[:, None] * slopes + intercepts
        expected = lines[:, 1] > 0 if classes == 2 else lines.argmax(axis=1)
        assert (predict_one_code(code, slopes, intercepts) == expected).all()


def test_loss_and_gradient_of_the_logistic_regression():
    from unweave_metrics._softmax import COLUMNS, loss_and_gradient

    for rng, codes in random_problems(8):
        x = codes / max(1.0, np.abs(codes).max())
        weights = rng.normal(size=(3, x.shape[1] + 1))
        labels, cost = rng.integers(0, 3, len(x)), rng.uniform(0.5, 2, 3)
        gradient = np.zeros(weights.shape)
        ones = np.column_stack([x, np.ones(len(x))])
        blocks = np.zeros((-(-len(x) // COLUMNS) * COLUMNS, ones.shape[1]))
        blocks[: len(x)] = ones
        loss = loss_and_gradient(blocks, labels, cost, weights, gradient)
        powers = np.exp(ones @ weights.T)
        chance = powers / powers.sum(axis=1, keepdims=True)
        own = chance[np.arange(len(x)), labels]
        assert loss == pytest.approx(-(cost[labels] * np.log(own)).sum(), rel=1e-9)
        expected = ((chance - np.eye(3)[labels]) * cost[labels][:, None]).T @ ones
        assert gradient == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("columns", [1, 63, 64, 200])
def test_softmax_is_scipys(columns):
    from scipy.special import softmax as expected

    from unweave_metrics._softmax import softmax

    logits = np.random.default_rng(columns).normal(size=(5, columns)) * 300
    chance = np.full(logits.shape, np.nan)
    softmax(logits, chance)
    assert chance == pytest.approx(expected(logits, axis=0), rel=1e-12, abs=1e-300)


def test_exponentials_are_right_to_the_last_bit_but_one():
    from unweave_metrics._softmax import COLUMNS, exponentiate

    values = np.concatenate([-np.geomspace(1e-300, 707, 1279), [0.0]])
    powers = np.empty(COLUMNS)
    for start in range(0, len(values), COLUMNS):
        found = values[start : start + COLUMNS].copy()
        expected = np.exp(found)
        exponentiate(found, powers, powers.view(np.int64))
        assert (np.abs(found - expected) <= 2 * np.spacing(expected)).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_boosting_is_scikit_learns(classes):
    from sklearn.ensemble import GradientBoostingClassifier

    from unweave_metrics.predictors._boosting import boost, rank_codes

    rng = np.random.default_rng(9)
    for _ in range(3):
        labels = rng.integers(0, classes, 300)
        codes = (labels[:, None] + 2 * rng.normal(size=(300, 3))).astype(np.float32)
        fresh = rng.normal(size=(200, 3)).astype(np.float32)
        found = boost(rank_codes(codes, fresh), labels, classes, seed=0)
        model = GradientBoostingClassifier(random_state=0).fit(codes, labels)
        assert found.importances == pytest.approx(model.feature_importances_, abs=0.01)
        # Splits of equal gain, of which rounding picks one, send a few rows another way.
        assert (found.test == model.predict(fresh)).mean() > 0.9


def test_one_grown_tree_stands_for_those_of_lesser_depth():
    from sklearn.model_selection import cross_val_score
    from sklearn.tree import DecisionTreeClassifier

    from unweave_metrics.predictors.sap import MOST_DEEP, hits_by_depth

    rng = np.random.default_rng(11)
    for digits in (0, 1, 8):
        labels = rng.integers(0, 5, 400)
        column = np.round(labels + 2 * rng.normal(size=400), digits)[:, None]
        expected = [
            cross_val_score(
                DecisionTreeClassifier(max_depth=d, random_state=0), column, labels, cv=10
            ).mean()
            for d in range(1, MOST_DEEP + 1)
        ]
        assert hits_by_depth(column, labels).tolist() == expected
