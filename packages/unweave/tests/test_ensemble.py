"""Ensembles: every member is the run that it would be alone."""

import json
import math
from typing import Any

import pytest
import torch
from torch import nn

import unweave
from unweave.checkpoint import list_checkpoints, load_checkpoint
from unweave.config import make_config
from unweave.ensemble import Ensemble
from unweave.errors import NonFiniteError
from unweave.member_tensors import NotTogetherError
from unweave.progress import Silent
from unweave.registry import registry
from unweave.together import RunRequest, kinship, train_together
from unweave.trainer_setup import make_trainer

# vmap imports what torch itself calls deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning"),
    pytest.mark.usefixtures("undrawn"),
]

CASES: dict[str, dict[str, Any]] = {
    "toy-vae": {"method": "toy-vae"},
    "convolutions": {"method": "toy-vae", "architecture": "conv64:width=0.25"},
    "batch-norm": {"method": "toy-vae", "architecture": "wae64:width=0.25"},
    "learned prior": {"method": "toy-vae", "prior": "toy-normal:learned=true"},
    "learned cost": {"method": "toy-vae", "cost": "gaussian:learned=each"},
    "bfloat16": {"method": "toy-vae", "precision": "bfloat16"},
    "rmsprop": {"method": "toy-vae", "optimizer": "rmsprop:momentum=0.9", "clip_norm": 1.0},
    "disk": {"method": "toy-vae", "data": "toy-images:disk=true"},
    "holdout": {"method": "toy-vae", "holdout": 32},
    "classifier": {"method": "toy-vae", "classifier": "joint:factor=1"},
}  # fmt: skip

# Adam divides by the size of a gradient, which in bfloat16 may be all rounding.
ROUNDING = {"bfloat16": 0.2, "batch-norm": 1e-2}


def together(tmp_path, *runs):
    paths = [tmp_path / f"together-{number}" for number in range(len(runs))]
    requests = [RunRequest(run, path, Silent()) for run, path in zip(runs, paths, strict=True)]
    return paths, train_together(requests, "cpu")


def tensors(path):
    return load_checkpoint(path / "checkpoints")[1]


def assert_close(state, expected, rtol=1e-3):
    assert state.keys() == expected.keys()
    for name, tensor in expected.items():
        error = (state[name].double() - tensor.double()).norm()
        assert error <= rtol * tensor.double().norm() + 1e-6, name


@pytest.mark.parametrize("case", CASES)
def test_a_member_ends_as_its_run_alone(tmp_path, settings, case):
    """Seeds and weights differ. Another's noise or batch would be off by a tenth and more."""
    seeds = (0, 1, 7) if case == "toy-vae" else (0, 7)
    runs = [{**settings, **CASES[case], "seed": seed, "learning_rate": 1e-3} for seed in seeds]
    if "beta" in options_of(runs[0]["method"]):
        runs[1]["beta"] = 3
    paths, outcomes = together(tmp_path, *runs)
    assert outcomes == ["finished"] * len(seeds)
    for number, (path, run) in enumerate(zip(paths, runs, strict=True)):
        alone = unweave.train(**run, out=tmp_path / f"alone-{number}", device="cpu")
        assert_close(tensors(path), tensors(alone.path), ROUNDING.get(case, 1e-3))
        logged = [json.loads(line) for line in (path / "scalars.jsonl").read_text().splitlines()]
        for line, expected in zip(logged, alone.scalars(), strict=True):
            assert line == pytest.approx(expected, rel=ROUNDING.get(case, 1e-3))
        assert (path / "config.toml").read_text() == alone.config_path.read_text()


def options_of(method):
    return make_config(
        registry(), {"method": method, "data": "toy-images", "prior": "toy-normal"}
    ).options


def test_rates_of_one_form_differ_within_an_ensemble(tmp_path, settings):
    runs = [{**settings, "method": "toy-vae", "learning_rate": f"linear({start}, 1e-4, 15)"}
            for start in (1e-3, 5e-3)]  # fmt: skip
    paths, _ = together(tmp_path, *runs)
    for number, run in enumerate(runs):
        alone = unweave.train(**run, out=tmp_path / f"alone-{number}", device="cpu")
        assert_close(tensors(paths[number]), tensors(alone.path))
    first, second = (tensors(path)["model.decoder.0.weight"] for path in paths)
    assert (first - second).norm() > 0.01 * first.norm()


def test_a_member_goes_on_alone_and_together(tmp_path, settings):
    runs = [{**settings, "method": "toy-vae", "seed": seed, "steps": 10} for seed in (0, 1)]
    paths, _ = together(tmp_path, *runs)
    resumed = unweave.resume(paths[0], steps=20, device="cpu")
    alone = unweave.train(**{**runs[0], "steps": 20}, out=tmp_path / "alone", device="cpu")
    assert_close(tensors(resumed.path), tensors(alone.path))
    # A stopped ensemble: its first member is further than the second.
    longer = [{**run, "steps": 20} for run in runs]
    requests = [RunRequest(run, path, Silent()) for run, path in zip(longer, paths, strict=True)]
    assert train_together(requests, "cpu") == ["finished", "finished"]
    second = unweave.train(**longer[1], out=tmp_path / "second", device="cpu")
    assert_close(tensors(paths[1]), tensors(second.path))
    lines = (paths[1] / "scalars.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [5, 10, 15, 20]


def test_a_member_that_stops_being_finite_stops_alone(tmp_path, settings):
    """Its rate explodes at step 11; the others do not see a bit of it."""
    form = "steps({0}, 11: {1})"
    runs = [
        {**settings, "method": "toy-vae", "seed": seed, "learning_rate": form.format(1e-3, drop)}
        for seed, drop in ((0, 0.9), (1, 1e38), (2, 0.5))
    ]
    paths, outcomes = together(tmp_path, *runs)
    assert outcomes[0] == outcomes[2] == "finished"
    assert isinstance(outcomes[1], NonFiniteError)
    kept = list_checkpoints(paths[1] / "checkpoints")
    assert [path.name for path in kept] == ["step-000000010.safetensors"]
    assert all(tensor.isfinite().all() for tensor in tensors(paths[1]).values())
    for number in (0, 2):
        alone = unweave.train(**runs[number], out=tmp_path / f"alone-{number}", device="cpu")
        assert_close(tensors(paths[number]), tensors(alone.path))


def test_what_cannot_be_batched_is_said_before_anything_is_written(tmp_path, settings):
    runs = [{**settings, "method": "toy-gan", "seed": seed} for seed in (0, 1)]
    with pytest.raises(NotTogetherError, match="vmap"):
        together(tmp_path, *runs)
    with pytest.raises(NotTogetherError, match="more than seeds, weights and rates"):
        together(tmp_path, {**settings, "method": "toy-vae"}, {**settings, "method": "toy-gan"})
    with pytest.raises(NotTogetherError, match="compile=true"):
        together(tmp_path, *({**settings, "method": "toy-vae", "compile": True} for _ in "ab"))
    assert list(tmp_path.iterdir()) == []


class Odd(nn.Module):
    """A decoder whose constants are not buffers, so that all members would have the first's."""

    def __init__(self, inner, scale):
        super().__init__()
        self.inner, self.scale = inner, scale

    def forward(self, z):
        return self.scale * self.inner(z)


def test_a_batched_step_that_is_another_is_refused(settings):
    members = [
        make_trainer(
            registry(), make_config(registry(), {**settings, "method": "toy-vae", "seed": seed}),
            torch.device("cpu"),
        )
        for seed in (0, 1)
    ]  # fmt: skip
    for scale, member in zip((1.0, 1.1), members, strict=True):
        member.model.decoder = Odd(member.model.decoder, scale)
    with pytest.raises(NotTogetherError, match="is not that of a run alone"):
        Ensemble(members)


def test_who_may_be_in_one_ensemble(settings):
    def kin(**changes):
        given = {**settings, "method": "toy-vae", **changes}
        return kinship(registry(), make_config(registry(), given))

    assert kin() == kin(seed=3, learning_rate=0.1, beta=8)
    assert kin(beta="warmup(4, 10)") == kin(beta="linear(1, 2, 10)") != kin(beta="warmup(4, 11)")
    others = (
        {"batch_size": 8}, {"architecture": "mlp:widths=16"}, {"prior": "toy-normal:learned=true"},
        {"learning_rate": "warmup(1, 10)"}, {"cost": "l2sq"}, {"steps": 21},
    )  # fmt: skip
    assert kin() not in [kin(**changes) for changes in others]


def test_a_sweep_trains_together(tmp_path, settings, call, capsys):
    common = [f"--set={key}={value}" for key, value in settings.items()]
    text = call(
        "sweep", "toy-vae", "--grid", "beta=1,4", "--seeds", "2", "--together", "3", *common,
        "--measure", "squared-error", "--executor", "serial", "--device", "cpu",
        "--out", tmp_path / "sweep",
    )  # fmt: skip
    assert "one by one" not in text
    runs = sorted((tmp_path / "sweep" / "runs").iterdir())
    assert len(runs) == 4
    for run in runs:
        beta, seed = ("4" if "beta4" in run.name else "1"), run.name[-1]
        alone = unweave.train(
            "toy-vae",
            **settings,
            beta=float(beta),
            seed=int(seed),
            out=tmp_path / run.name,
            device="cpu",
        )
        assert_close(tensors(run), tensors(alone.path))


def test_a_sweep_of_what_cannot_be_batched_says_so_and_is_trained_one_by_one(
    tmp_path, settings, call
):
    common = [f"--set={key}={value}" for key, value in settings.items()]
    text = call(
        "sweep", "toy-gan", "--seeds", "2", "--together", "2", *common, "--executor", "serial",
        "--measure", "squared-error", "--out", tmp_path / "sweep",
    )  # fmt: skip
    assert "2 runs are trained one by one: " in text
    table = unweave.read_experiment(tmp_path / "sweep")
    assert list(table["status"]) == ["finished"] * 2


def test_a_member_that_fails_in_a_sweep_is_a_row_with_its_reason(tmp_path, settings, call):
    common = [f"--set={key}={value}" for key, value in settings.items()]
    text = call(
        "sweep", "toy-vae", "--grid", "learning_rate=steps(0.001, 11: 0.9),steps(0.001, 11: 1e38)",
        "--together", "2", *common, "--executor", "serial", "--measure", "squared-error",
        "--out", tmp_path / "sweep", code=1,
    )  # fmt: skip
    table = unweave.read_experiment(tmp_path / "sweep")
    assert sorted(table["status"]) == ["failed", "finished"], text
    assert any("is not finite at step" in reason for reason in table["reason"])
    assert math.isfinite(table["squared-error"][list(table["status"]).index("finished")])
