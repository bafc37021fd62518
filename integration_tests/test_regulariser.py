"""The measure `regulariser` against sums by hand of what methods log."""

import pytest

import unweave
from unweave.experiment.definition import Experiment, Variant
from unweave.experiment.measures import better, measure

SMALL = {
    "steps": 6, "log_every": 1, "batch_size": 16, "dim": 4, "architecture": "mlp:widths=16",
    "data": "digits", "device": "cpu",
}  # fmt: skip
STUDY = Experiment(name="e", runs=[Variant(label="a")], measures={"regulariser": "regulariser"})


@pytest.mark.parametrize(
    ("method", "options", "weights"),
    [
        ("wae-mmd", {"lambda_": 5}, {"mmd": 5}),
        ("tcwae-mws", {"beta": 6, "gamma": 2}, {"total_correlation": 6, "dimension_wise_kl": 2}),
        (
            "tcwae-gan",
            {"beta": 3, "gamma": 0.5, "critic_width": 16},
            {"total_correlation": 3, "dimension_wise_kl": 0.5},
        ),
    ],
)
def test_it_is_the_sum_of_weight_times_term(tmp_path, method, options, weights):
    run = unweave.train(method, out=tmp_path / "run", **SMALL, **options)
    last = run.scalars()[-1]
    found = measure(run, STUDY, "regulariser")
    assert found == sum(weight * last[term] for term, weight in weights.items())
    assert found == pytest.approx(last["loss"] - last["reconstruction"], rel=1e-4, abs=1e-4)
    assert better(STUDY, "regulariser") == "neither"


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("beta-vae", {"beta": "linear(0, 4, 6)"}),
        ("annealed-vae", {"capacity": "linear(0, 2, 5)"}),
        ("vcae", {"lambda_": "steps(1, 2: 3, 5: 7)"}),
    ],
)
def test_weights_and_targets_are_those_of_the_last_step(tmp_path, method, options):
    run = unweave.train(method, out=tmp_path / "run", **SMALL, **options)
    last = run.scalars()[-1]
    expected = last["loss"] - last["reconstruction"]
    assert measure(run, STUDY, "regulariser") == pytest.approx(expected, rel=1e-4)
