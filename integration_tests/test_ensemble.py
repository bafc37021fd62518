"""Real methods as ensembles: every member is the run that it would be alone."""

import pytest
import torch

from unweave.config import make_config
from unweave.ensemble import Ensemble, NotTogetherError
from unweave.registry import registry
from unweave.trainer_setup import make_trainer

# vmap imports what torch itself calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")

COMMON = {
    "data": "dsprites:resolution=16", "dim": 4, "batch_size": 16,
    "architecture": "conv64:width=0.25",
}  # fmt: skip
CASES: dict[str, dict[str, object]] = {
    "mws": {"method": "tcwae-mws"},
    "critics": {"method": "tcwae-gan", "critic_width": 8},
    "latent-critic": {"method": "wae-gan", "critic_width": 8},
    "mmd": {"method": "wae-mmd"},
    "moments": {"method": "dip-vae-i"},
    "flow-posterior": {"method": "vae-iaf"},
    "pseudo-inputs": {"method": "vae", "prior": "vamp:components=5"},
    "learned-prior": {"method": "factor-vae", "critic_width": 8,
                      "prior": "anisotropic-normal:learned=true"},
    "three-players": {"method": "vae-gan", "discriminator": "conv64:width=0.25"},
    "no-encoder": {
        "method": "infogan", "dim": 6, "categories": 3, "uniform": 1,
        "discriminator": "conv64:width=0.25",
    },
    "view": {"method": "vae", "data": "noisy-dsprites:resolution=16"},
    "memory-bank": {
        "method": "custom", "cost": "l2sq",
        "terms": [{
            "estimator": "mws", "weights": {"total_correlation": 2.0, "dimension_wise_kl": 0.5},
            "options": {"memory": 3},
        }],
    },
}  # fmt: skip
STEPS = 8


def trainers(case):
    return [
        make_trainer(
            registry(),
            make_config(registry(), {**COMMON, **CASES[case], "seed": seed, "learning_rate": rate}),
            torch.device("cpu"),
        )
        for seed, rate in ((0, 1e-3), (1, 5e-4), (5, 1e-3))
    ]


@pytest.mark.parametrize("case", CASES)
def test_a_member_ends_as_its_run_alone(case):
    alone, members = trainers(case), trainers(case)
    ensemble = Ensemble(members)
    for _ in range(STEPS):
        ensemble.train_step()
        for trainer in alone:
            trainer.train_step()
    for member, trainer in zip(members, alone, strict=True):
        state, expected = member.state(), trainer.state()
        assert state.keys() == expected.keys()
        for name, tensor in expected.items():
            error = (state[name].double() - tensor.double()).norm()
            assert error <= 1e-3 * tensor.double().norm() + 1e-6, name


def test_a_flow_as_a_prior_cannot_be_batched_and_says_so():
    CASES["flow-prior"] = {"method": "glf"}
    try:
        members = trainers("flow-prior")
    finally:
        del CASES["flow-prior"]
    with pytest.raises(NotTogetherError, match="vmap"):
        Ensemble(members)
