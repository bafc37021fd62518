"""A stopped run goes on bit for bit, whatever it keeps: critics, flows, banks, batch norm ..."""

import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import unweave
import unweave_metrics
from unweave.checkpoint import load_checkpoint
from unweave.config import make_config
from unweave.registry import registry
from unweave.scores.file import read_scores
from unweave.trainer_setup import make_trainer

COMMON = {"data": "dsprites:resolution=16", "dim": 4, "batch_size": 8, "log_every": 5}
CASES: dict[str, dict[str, object]] = {
    "convolutions": {"method": "vae"},
    "critic": {"method": "tcwae-gan", "critic_width": 8},
    "two-kinds": {"method": "tc-cwae", "critic_width": 8, "lambda": 10},
    "latent-critic": {"method": "wae-gan", "critic_width": 8},
    "flow-posterior": {"method": "vae-iaf"},
    "flow-prior": {"method": "glf"},
    "learned-prior": {"method": "vae", "prior": "anisotropic-normal:learned=true"},
    "pseudo-inputs": {"method": "vae", "prior": "vamp:components=5"},
    "memory-bank": {
        "method": "custom", "cost": "l2sq",
        "terms": [{
            "estimator": "mws", "weights": {"total_correlation": 2.0, "dimension_wise_kl": 0.5},
            "options": {"memory": 3},
        }],
    },
    "learned-cost": {"method": "vae", "cost": "gaussian:learned=each"},
    "batch-norm": {"method": "vae", "architecture": "wae64:width=0.25"},
    "bfloat16": {"method": "factor-vae", "critic_width": 8, "precision": "bfloat16"},
    "schedules": {
        "method": "beta-vae", "beta": "cosine(0, 4, 9)",
        "learning_rate": "steps(1e-3, 4: .5, 8: .1)",
    },
    "rmsprop": {"method": "vae", "optimizer": "rmsprop:momentum=0.9", "clip_norm": 1.0},
    "adamw": {"method": "vae", "optimizer": "adamw:amsgrad=true"},
    "sgd": {"method": "vae", "optimizer": "sgd:lr=1e-4,momentum=0.9"},
    "three-players": {"method": "vae-gan", "discriminator": "conv64:width=0.25"},
    "joint-critics": {"method": "as-vae", "critic": "conv64:width=0.25", "critic_width": 16},
    "no-encoder": {
        "method": "infogan", "dim": 6, "categories": 3, "uniform": 1,
        "discriminator": "conv64:width=0.25",
    },
    "classifier": {"method": "vae", "classifier": "joint:factor=1"},
    "view": {"method": "vae", "data": "noisy-dsprites:resolution=16"},
}  # fmt: skip
STOP, STEPS = 7, 12


def trainer_of(case):
    config = make_config(registry(), {**COMMON, "architecture": "conv64:width=0.25", **CASES[case]})
    return make_trainer(registry(), config, torch.device("cpu"))


def play(trainer, steps):
    for _ in range(steps):
        trainer.train_step()


def as_stored(trainer):
    """Return the state as a checkpoint gives it back: copies, contiguous."""
    return {name: t.detach().clone().contiguous() for name, t in trainer.state().items()}


@pytest.mark.parametrize("case", CASES)
def test_a_stopped_run_goes_on_bit_for_bit(case):
    whole = trainer_of(case)
    play(whole, STOP)
    stored = as_stored(whole)
    play(whole, STEPS - STOP)
    resumed = trainer_of(case)
    torch.manual_seed(12345)  # what else the process drew must not matter
    resumed.load_state(STOP, stored)
    play(resumed, STEPS - STOP)
    expected, state = whole.state(), resumed.state()
    assert expected.keys() == state.keys()
    for name, tensor in expected.items():
        assert torch.equal(state[name], tensor), name
    assert any(not torch.equal(tensor, stored[name]) for name, tensor in expected.items())


@pytest.mark.slow
def test_a_compiled_run_goes_on_bit_for_bit():
    CASES["compiled"] = {"method": "vae", "compile": True}
    try:
        test_a_stopped_run_goes_on_bit_for_bit("compiled")
    finally:
        del CASES["compiled"]


def test_moments_lie_in_memory_as_their_parameters():
    """torch's fused Adam walks parameter, gradient and moments in one order."""
    trainer = trainer_of("convolutions")
    play(trainer, 1)
    weights = [p for p in trainer.model.parameters() if p.dim() == 4]
    assert any(p.stride() != p.contiguous().stride() for p in weights)
    for _, parameter, state in trainer._state.moments():
        for value in state.values():
            if value.shape == parameter.shape:
                assert value.stride() == parameter.stride()


def test_a_run_of_version_0_1_goes_on_to_the_bits_that_0_1_ends_with(tmp_path):
    """Its checkpoint held the right moments; only the way they were loaded was wrong."""
    fixtures = Path(__file__).parent / "fixtures"
    shutil.copytree(fixtures / "run-0.1", tmp_path / "run")
    run = unweave.resume(tmp_path / "run", device="cpu")
    assert run.step == 14
    expected = load_file(fixtures / "run-0.1-step-14.safetensors")
    state = load_checkpoint(run.checkpoints)[1]
    assert expected.keys() == state.keys()
    for name, tensor in expected.items():
        # Another processor rounds otherwise; the wrong order of moments was off by 1e-3.
        torch.testing.assert_close(state[name], tensor, rtol=1e-5, atol=1e-6)
    assert len(run.scalars()) == 2


def later_terms_of(trainer, stored):
    """Return the means of the steps since a state that lacks the last term's sum."""
    sums = (trainer.means.sums - torch.cat([stored["log.sums"], trainer.means.sums[-1:]])).tolist()
    means = [value / (STEPS - STOP) for value in sums]
    return dict(zip(trainer.means.names[:-1], means[:-1], strict=True))


def test_a_state_with_fewer_terms_goes_on_with_the_same_weights():
    """Before `objective` was logged, the running means of `mws` were one number fewer."""
    whole = trainer_of("memory-bank")
    play(whole, STOP)
    stored = as_stored(whole)
    stored["log.sums"] = stored["log.sums"][:-1].clone()
    play(whole, STEPS - STOP)
    resumed = trainer_of("memory-bank")
    resumed.load_state(STOP, stored)
    play(resumed, STEPS - STOP)
    state = resumed.state()
    for name, tensor in whole.state().items():
        if not name.startswith("log."):
            assert torch.equal(state[name], tensor), name
    later = resumed.take_log()  # of the steps since the state
    assert math.isfinite(later.pop("objective"))
    assert later == pytest.approx(later_terms_of(whole, stored), rel=1e-4)


@pytest.fixture
def run_of_0_1(tmp_path):
    """Copy the run of version 0.1, which wrote all of its files, the codes of 120 images."""
    shutil.copytree(Path(__file__).parent / "fixtures" / "run-0.1", tmp_path / "run")
    return unweave.Run.open(tmp_path / "run", device="cpu")


def test_scores_of_version_0_1_are_read_and_follow_from_its_code_table(run_of_0_1):
    """They have no step, so they are computed again when `scores` asks for those of the run's."""
    content = read_scores(run_of_0_1)
    assert content is not None
    assert (content["version"], content["step"], content["rows"]) == (1, -1, 120)
    table = unweave_metrics.read_code_table(run_of_0_1.codes_path)
    assert table.std is not None
    assert table.codes.shape == table.std.shape == (120, 4)
    assert (table.factor_names, tuple(table.factor_sizes)) == (("digit",), (10,))
    values = {name: entry["value"] for name, entry in content["scores"].items()}
    codes, factors = table.codes, table.factors
    assert unweave_metrics.irs(codes, factors) == pytest.approx(values["irs"], rel=1e-6)
    assert unweave_metrics.gaussian_total_correlation(codes) == pytest.approx(
        values["gaussian-total-correlation"], rel=1e-6
    )
    run_of_0_1.evaluate("active-units", rows=120)
    anew = read_scores(run_of_0_1)
    assert anew is not None
    assert anew["step"] == 7


def test_the_density_of_version_0_1_is_the_same_function(run_of_0_1):
    """The numbers are what version 0.1 printed."""
    codes = unweave_metrics.read_code_table(run_of_0_1.codes_path).codes[:3]
    with torch.no_grad():
        log_prob = run_of_0_1.density().log_prob(torch.from_numpy(codes))
    assert log_prob.tolist() == pytest.approx([-3.66858, -3.66769, -3.66736], abs=2e-5)
