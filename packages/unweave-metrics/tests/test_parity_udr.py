"""UDR against the reference values."""

import numpy as np
import pytest

import unweave_metrics as um

PROBLEMS = ("dev07_udr",)


@pytest.mark.parametrize("filtered", [0, 1])
@pytest.mark.parametrize("correlation", ["lasso", "spearman"])
def test_udr(problem, correlation, filtered):
    score = um.udr(
        problem.reps.astype(np.float64), problem.kls,
        correlation=correlation, filter_low_kl=bool(filtered),
    )  # fmt: skip
    expected = problem.value(f"udr_{correlation}_filter{filtered}")
    assert score.parts["per_model"] == pytest.approx(expected["model_scores"], abs=1e-9)
    assert score.parts["pairwise"] == pytest.approx(np.array(expected["pairwise"]), abs=1e-9)
    raw = problem.expected[f"udr_raw_corr_{correlation}_new"]
    assert score.parts["correlations"] == pytest.approx(raw, abs=1e-9, nan_ok=True)
