"""Aggregations of a given matrix, and the scores that are aggregations of information."""

import numpy as np
import pytest

import unweave_metrics as um

PROBLEMS = [
    "dev01_dsprites_axis", "dev02_small_rotation", "dev03_dsprites_permuted_noisy_dead",
    "dev04_small_redundant",
]  # fmt: skip
THEIRS = {
    "disentanglement": "dci_disentanglement", "completeness": "dci_completeness", "gap": "sap",
    "normalized_gap": "mig", "modularity": "modularity", "precision_area": "area_precision",
    "most_groups": "max_precision",
}  # fmt: skip

# Two factors of four values in all combinations.
GRID = np.stack(np.meshgrid(np.arange(4), np.arange(4)), axis=-1).reshape(-1, 2)
# A code of the first factor, and one of both, whose 16 values have a bin each.
BOTH = np.column_stack([GRID[:, 0], GRID[:, 0] + 4 * GRID[:, 1]]) + 0.0
LOG4 = np.log(4)


def test_unified_scores_are_those_of_the_study(problem):
    table = um.information_table(problem.codes_train.astype(float), problem.factors_train)
    pairs = table.pairs
    ours = um.aggregate(pairs.mutual_information, factor_entropy=pairs.entropy_b)
    theirs = problem.value("unified_mi", "old")
    for name, other in THEIRS.items():
        # The reference adds 1e-11 before it takes logarithms.
        assert float(ours[name]) == pytest.approx(theirs[other], abs=1e-9), name
    area = um.precision_area(problem.codes_train.astype(float), problem.factors_train)
    assert float(area) == pytest.approx(theirs["area_precision"], abs=1e-9)
    assert area.parts["most_groups"] == theirs["max_precision"]


@pytest.mark.parametrize("problem", ["dev06_matrices"], indirect=True)
def test_importances_of_the_study(problem):
    for key in ("imp_0", "imp_1"):
        value = problem.value(f"dci_{key}")
        ours = um.aggregate(problem.inputs[key])
        assert float(ours["disentanglement"]) == pytest.approx(value["disentanglement"], abs=1e-7)
        assert float(ours["completeness"]) == pytest.approx(value["completeness"], abs=1e-7)
    assert float(um.aggregate(problem.sap_0)["gap"]) == pytest.approx(
        problem.value("sap_sap_0"), abs=1e-7
    )
    for key in ("mi_0", "mi_1"):
        assert float(um.aggregate(problem.inputs[key])["modularity"]) == pytest.approx(
            problem.value(f"modularity_{key}"), abs=1e-7
        )


def test_a_matrix_by_hand():
    ours = um.aggregate([[4.0, 1.0], [0.0, 2.0], [0.0, 0.0]])
    certain = 1 + (0.8 * np.log(0.8) + 0.2 * np.log(0.2)) / np.log(2)
    assert ours["disentanglement"].parts["per_code"] == pytest.approx([certain, 1.0, 0.0])
    assert float(ours["disentanglement"]) == pytest.approx((5 * certain + 2) / 7)
    assert float(ours["gap"]) == pytest.approx((4 + 1) / 2)
    assert float(ours["modularity"]) == pytest.approx((15 / 16 + 1 + 0) / 3)
    # Groups: 1 at 0 and at 1, 2 at 2 (the codes are apart), 1 at 4.
    assert float(ours["precision_area"]) == pytest.approx(1 + 1.5 + 2 * 1.5)
    assert "normalized_gap" not in ours


def test_what_lacks_codes_or_factors_is_left_out():
    assert set(um.aggregate([[1.0, 2.0]])) == {
        "disentanglement", "modularity", "med", "precision_area", "most_groups",
    }  # fmt: skip
    assert "med" not in um.aggregate([[1.0], [2.0]])
    with pytest.raises(ValueError, match="nothing below 0, got -1"):
        um.aggregate([[1.0, -1.0]])
    with pytest.raises(ValueError, match="factor_entropy must hold 2 numbers above 0"):
        um.aggregate(np.eye(2), factor_entropy=[1.0, 0.0])
    with pytest.raises(ValueError, match=r"matrix must have shape \(d, k\)"):
        um.aggregate([1.0])


def test_scores_of_information_by_hand():
    # I: code 0 (log 4, 0), code 1 (log 4, log 4); H(z) = log 4, log 16.
    third = 1 + (np.log(1 / 3) / 3 + 2 * np.log(2 / 3) / 3) / np.log(2)
    options = {"bins": 16}
    assert float(um.med(BOTH, GRID, **options)) == pytest.approx((0.5 + 1.5 * third) / 2)
    assert float(um.minimality(BOTH, GRID, **options)) == pytest.approx(0.75)
    assert float(um.sufficiency(BOTH, GRID, **options)) == pytest.approx(1.0)
    assert float(um.precision_area(BOTH, GRID, **options)) == pytest.approx(LOG4)
    alone = GRID + 0.0
    assert float(um.med(alone, GRID)) == pytest.approx(1.0)
    assert float(um.minimality(alone, GRID)) == pytest.approx(1.0)
    assert float(um.precision_area(alone, GRID)) == pytest.approx(1.5 * LOG4)


def test_constant_codes_count_nothing():
    dead = np.column_stack([GRID, np.ones(16)]) + 0.0
    assert float(um.med(dead, GRID)) == pytest.approx(1.0)
    assert float(um.minimality(dead, GRID)) == pytest.approx(2 / 3)
    assert float(um.sufficiency(dead, GRID)) == pytest.approx(1.0)
    assert float(um.med(np.ones((16, 2)), GRID)) == 0.0
    with pytest.raises(ValueError, match="med needs at least two factors, got 1"):
        um.med(GRID, GRID[:, :1])


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e200])
def test_aggregations_of_any_size_of_numbers(size):
    matrix = np.random.default_rng(3).random((4, 3))
    expected = um.aggregate(matrix, factor_entropy=[0.5, 1.0, 2.0])
    scaled = um.aggregate(matrix * size, factor_entropy=np.array([0.5, 1.0, 2.0]) * size)
    moving = {"gap", "precision_area"}  # in the unit of the matrix
    for name, score in expected.items():
        factor = size if name in moving else 1.0
        # Numbers below 1e-308 have few digits.
        assert scaled[name] == pytest.approx(score * factor, rel=1e-3 if size < 1e-300 else 1e-12)


def test_aggregations_that_overflow_are_one_sentence():
    with pytest.raises(ValueError, match="precision_area is inf of this matrix"):
        um.aggregate(np.eye(3) * 1e308)
    with pytest.raises(ValueError, match="factor_entropy must be finite"):
        um.aggregate(np.eye(2), factor_entropy=[1.0, np.inf])


def test_a_frame_of_importances_keeps_its_names():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(np.eye(2), index=["z1", "z2"], columns=["shape", "size"])
    table = um.aggregate(frame)
    assert table["gap"].named("per_factor") == {"shape": 1.0, "size": 1.0}
    assert table["disentanglement"].named("per_code") == {"z1": 1.0, "z2": 1.0}
