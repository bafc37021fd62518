"""Runs side by side, on a recorder for the processor that keeps the rules of a CUDA graph."""

from typing import Any

import pytest
import torch
from test_ensemble import tensors
from test_replay import STEPS, Tape, assert_equal, trainer_of
from torch import nn

import unweave
from unweave.checkpoint import newest_step
from unweave.errors import NonFiniteError
from unweave.member_tensors import NotTogetherError
from unweave.progress import Silent
from unweave.replay import WARM_UP
from unweave.side_by_side import SideBySide
from unweave.together import RunRequest, train_together

CASES: dict[str, list[dict[str, Any]]] = {
    "seeds": [{"method": "toy-vae", "seed": seed} for seed in (0, 1, 2)],
    "rates and sizes": [
        {"method": "toy-vae", "learning_rate": "cosine(1e-3, 1e-4, 8)", "batch_size": 8},
        {"method": "toy-vae", "architecture": "wae64:width=0.25", "clip_norm": 1.0},
    ],
    "bfloat16": [{"method": "toy-vae", "precision": "bfloat16", "seed": seed} for seed in (0, 1)],
}


@pytest.mark.parametrize("case", CASES)
def test_every_member_ends_as_its_run_alone_bit_for_bit(settings, case):
    said: list[str] = []
    alone = [trainer_of(settings, **changes) for changes in CASES[case]]
    members = [trainer_of(settings, **changes) for changes in CASES[case]]
    ensemble = SideBySide(members, Tape, said.append)
    for _ in range(STEPS):
        ensemble.train_step()
        for trainer in alone:
            trainer.train_step()
    assert said == []
    recorder = ensemble._compute._recorder
    assert isinstance(recorder, Tape)
    assert recorder.replays == STEPS - WARM_UP - 1
    for one, other in zip(alone, members, strict=True):
        assert one.step == other.step
        assert_equal(one.state(), other.state())
        assert one.take_log() == other.take_log()


def test_members_go_on_from_a_checkpoint(settings):
    runs = [{"method": "toy-vae", "seed": seed} for seed in (3, 4)]
    whole = [trainer_of(settings, **changes) for changes in runs]
    for trainer in whole:
        for _ in range(17):
            trainer.train_step()
    first = SideBySide([trainer_of(settings, **changes) for changes in runs], Tape)
    for _ in range(7):
        first.train_step()
    again = [trainer_of(settings, **changes) for changes in runs]
    for one, member in zip(again, first.members, strict=True):
        stored = {name: tensor.detach().clone() for name, tensor in member.state().items()}
        one.load_state(7, stored)
    second = SideBySide(again, Tape)
    for _ in range(10):
        second.train_step()
    for one, other in zip(whole, again, strict=True):
        assert_equal(one.state(), other.state())


def test_noise_of_the_global_generator_is_refused_and_nothing_moved(settings):
    """There is one for all members; alone each would have noise of its own."""
    members = [trainer_of(settings, method="toy-vae", seed=seed) for seed in (0, 1)]
    members[1].model.encoder.append(nn.Dropout(0.5))
    before = [tensor.clone() for tensor in members[1].state().values()]
    with pytest.raises(NotTogetherError, match="a part draws from torch's global generator"):
        SideBySide(members, Tape)
    after = members[1].state().values()
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_what_cannot_be_recorded_is_computed_as_it_is(settings):
    said: list[str] = []
    runs = [{"method": "toy-vae", "optimizer": "sgd", "seed": seed} for seed in (0, 1)]
    alone = [trainer_of(settings, **changes) for changes in runs]
    members = [trainer_of(settings, **changes) for changes in runs]
    ensemble = SideBySide(members, Tape, said.append)
    for _ in range(STEPS):
        ensemble.train_step()
        for trainer in alone:
            trainer.train_step()
    (line,) = said
    assert "optimizer SGD has no capturable form" in line
    for one, other in zip(alone, members, strict=True):
        assert_equal(one.state(), other.state())


def test_runs_together_on_a_device_that_records(tmp_path, settings, monkeypatch):
    """Each has its directory and checkpoints, which are those of its run alone."""
    monkeypatch.setattr("unweave.together.recorder_for", lambda device: Tape)
    runs = [{**settings, "method": "toy-vae", "seed": seed} for seed in (0, 1)]
    paths = [tmp_path / str(run["seed"]) for run in runs]
    requests = [RunRequest(run, path, Silent()) for run, path in zip(runs, paths, strict=True)]
    assert train_together(requests, "cpu") == ["finished", "finished"]
    for run, path in zip(runs, paths, strict=True):
        alone = unweave.train(**run, out=tmp_path / f"alone-{path.name}", device="cpu")
        assert_equal(tensors(alone.path), tensors(path))


def test_a_member_that_stops_being_finite_stops_alone(tmp_path, settings, monkeypatch):
    """Its rate explodes at step 11, in a replay; the others end as alone, bit for bit."""
    monkeypatch.setattr("unweave.together.recorder_for", lambda device: Tape)
    form = "steps(0.001, 11: {})"
    runs = [
        {**settings, "method": "toy-vae", "seed": seed, "learning_rate": form.format(drop)}
        for seed, drop in ((0, 0.9), (1, 1e38), (2, 0.5))
    ]
    paths = [tmp_path / str(run["seed"]) for run in runs]
    requests = [RunRequest(run, path, Silent()) for run, path in zip(runs, paths, strict=True)]
    first, error, last = train_together(requests, "cpu")
    assert first == last == "finished"
    assert isinstance(error, NonFiniteError)
    assert str(error).endswith("; the newest checkpoint is that of step 10")
    assert newest_step(paths[1] / "checkpoints") == 10
    assert all(tensor.isfinite().all() for tensor in tensors(paths[1]).values())
    for number in (0, 2):
        alone = unweave.train(**runs[number], out=tmp_path / f"alone-{number}", device="cpu")
        assert_equal(tensors(alone.path), tensors(paths[number]))
