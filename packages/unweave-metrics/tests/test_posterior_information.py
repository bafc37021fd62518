"""WSEPIN, WINDIN and the distance of a support from a factorised one."""

import numpy as np
import pytest

import unweave_metrics as um

CORNERS = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
SHARP = np.full((4, 2), 0.01)
LOG2 = np.log(2)


def test_corners_and_copies():
    # Each code of the corners tells log 2 that the other does not.
    score = um.wsepin(CORNERS, std=SHARP)
    assert float(score) == pytest.approx(LOG2)
    assert score.parts["at_k"] == pytest.approx([LOG2, LOG2])
    assert score.parts["information"] == pytest.approx(2 * LOG2)
    assert float(um.windin(CORNERS, std=SHARP)) == pytest.approx(0.0, abs=1e-12)
    # Of a code and its copy each tells nothing new, and they have log 2 in common.
    copies = np.array([[-1.0, -1], [1, 1]])
    assert float(um.wsepin(copies, std=SHARP[:2])) == pytest.approx(0.0, abs=1e-12)
    assert float(um.windin(copies, std=SHARP[:2])) == pytest.approx(LOG2)


def test_a_code_without_information_has_no_weight():
    idle = np.column_stack([CORNERS, np.zeros(4)])
    std = np.column_stack([SHARP, np.ones(4)])
    score = um.wsepin(idle, std=std)
    assert float(score) == pytest.approx(LOG2)
    assert score.parts["order"][-1] == 2
    assert score.parts["at_k"] == pytest.approx([LOG2, LOG2, LOG2 * 2 / 3])


def test_gaussians_have_their_formula():
    rng = np.random.default_rng(0)
    spread, n = 0.5, 2000
    codes = np.sqrt(1 - spread**2) * rng.normal(size=(n, 2))
    score = um.wsepin(codes, std=np.full((n, 2), spread), samples=2000)
    # I(x; z) = -log s for a standard normal of variance 1 and noise s.
    assert score.parts["informativeness"] == pytest.approx(-np.log(spread), abs=0.05)
    assert float(score) == pytest.approx(-np.log(spread), abs=0.06)


def test_what_is_no_posterior():
    for std, words in ((None, "got None"), (SHARP[:2], "shape of codes"), (0 * SHARP, "positive")):
        with pytest.raises(ValueError, match=words):
            um.wsepin(CORNERS, std=std)


def test_a_missing_corner_is_a_step_away():
    raw = {"normalize": False}
    assert float(um.factorized_support(CORNERS)) == 0.0
    assert float(um.factorized_support(CORNERS[:3], **raw)) == 2.0
    assert float(um.factorized_support(np.array([[0.0, 0], [3, 4]]), **raw)) == 3.0
    with_constant = np.column_stack([CORNERS[:3], np.ones(3)])
    assert float(um.factorized_support(with_constant, **raw)) == pytest.approx(2 / 3)


def test_the_product_is_searched_exactly():
    z = np.random.default_rng(0).normal(size=(40, 2))
    product = np.stack(np.meshgrid(z[:, 0], z[:, 1]), axis=-1).reshape(-1, 2)
    gaps = np.sqrt(((product[:, None] - z) ** 2).sum(axis=2)).min(axis=1)
    assert float(um.factorized_support(z, normalize=False)) == pytest.approx(gaps.max())
