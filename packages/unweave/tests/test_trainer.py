"""The trainer against a loop by hand, and what it does when things go wrong."""

import functools
import json
import math
import re

import pytest
import torch
from torch import nn
from toy import ToyImages

import unweave
from unweave.batches import BatchIndices, derive_seed
from unweave.checkpoint import list_checkpoints, load_checkpoint
from unweave.config import make_config
from unweave.errors import ConfigError, NonFiniteError, RunError
from unweave.method import Schedule
from unweave.objectives.terms import WeightSchedule
from unweave.registry import registry
from unweave.trainer_setup import make_trainer

OF_THE_COMPILER = pytest.mark.filterwarnings(
    "ignore:`torch.jit.script_method`:DeprecationWarning",
    "ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning",
)
"""What torch's compiler warns of itself."""


def train(tmp_path, method="toy-vae", name="run", **settings):
    return unweave.train(method, out=tmp_path / name, device="cpu", **settings)


def tensors(run):
    return load_checkpoint(run.checkpoints)[1]


def by_hand(weights, steps, batch, beta):
    """A VAE on the toy images as one would write it without any of our code but the seeds."""
    images = torch.from_numpy(ToyImages()._images).permute(0, 3, 1, 2) / 255
    shapes = [(32, 256), (8, 32), (32, 4), (256, 32)]
    layers = [nn.Linear(i, o) for o, i in shapes]
    with torch.no_grad():
        for layer, (w, b) in zip(layers, weights, strict=True):
            layer.weight.copy_(w)
            layer.bias.copy_(b)
    optimizer = torch.optim.Adam([p for m in layers for p in m.parameters()], lr=5e-4)
    order = BatchIndices(128, batch, 0, "codes", torch.device("cpu"))
    losses = []
    for step in range(steps):
        x = images[order(step)].flatten(1)
        mean, log_variance = layers[1](layers[0](x).relu()).chunk(2, dim=1)
        noise = torch.Generator().manual_seed(derive_seed(0, "noise", step))
        z = mean + (log_variance / 2).exp() * torch.randn(batch, 4, generator=noise)
        logits = layers[3](layers[2](z).relu())
        likelihood = torch.distributions.Bernoulli(logits=logits, validate_args=False)
        reconstruction = -likelihood.log_prob(x).sum(1).mean()
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        weight = beta * min(step / 10, 1)
        loss = reconstruction + weight * kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append((loss.item(), reconstruction.item(), kl.item()))
    return layers, losses


def test_the_trainer_is_the_loop_that_one_writes_by_hand(tmp_path, settings):
    settings |= {"beta": "warmup(3, 10)", "architecture": "mlp:widths=32"}
    start = train(tmp_path, name="start", **{**settings, "steps": 1})
    initial = start.untrained_model.state_dict()
    weights = [
        (initial[f"{part}.weight"], initial[f"{part}.bias"])
        for part in ("encoder.1", "encoder.3", "decoder.0", "decoder.2")
    ]
    run = train(tmp_path, **settings)
    layers, losses = by_hand(weights, 20, 16, 3.0)
    state = run.model.state_dict()
    for layer, part in zip(
        layers, ("encoder.1", "encoder.3", "decoder.0", "decoder.2"), strict=True
    ):
        torch.testing.assert_close(state[f"{part}.weight"], layer.weight, rtol=1e-5, atol=1e-6)
        assert not torch.equal(state[f"{part}.weight"], initial[f"{part}.weight"])
    last = run.scalars()[-1]
    for position, name in enumerate(("loss", "reconstruction", "kl")):
        mean = sum(loss[position] for loss in losses[15:20]) / 5
        assert last[name] == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("method", ["toy-vae", "toy-gan"])
def test_two_runs_of_one_seed_are_equal_and_of_two_seeds_are_not(tmp_path, settings, method):
    one, two = (tensors(train(tmp_path, method, name, **settings)) for name in "ab")
    other = tensors(train(tmp_path, method, "c", seed=1, **settings))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["model.encoder.1.weight"], other["model.encoder.1.weight"])


def test_runs_leave_the_global_generator_alone(tmp_path, settings):
    before = torch.random.get_rng_state()
    train(tmp_path, "toy-gan", **settings)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_critic_is_trained_by_its_own_player_alone(tmp_path, settings):
    """With weight 0 the critic changes, and the autoencoder is what it is without a critic."""
    plain = tensors(train(tmp_path, "toy-vae", "plain", **settings, cost="l2sq", beta=0))
    critic = tensors(train(tmp_path, "toy-gan", "critic", **settings, weight=0))
    for name, tensor in plain.items():
        if name.startswith("model."):
            torch.testing.assert_close(tensor, critic[name], rtol=0, atol=0)
    moments = [t for n, t in critic.items() if n.startswith("optimizer.toy-critic.0.exp_avg")]
    assert all(moment.any() for moment in moments)


def test_a_learned_prior_belongs_to_the_autoencoders_player(tmp_path, settings):
    run = train(tmp_path, **{**settings, "prior": "toy-normal:learned=true"})
    assert tensors(run)["model.prior.log_scale"].abs().min() > 0


def test_all_ways_of_keeping_the_data_train_alike(tmp_path, settings):
    runs = [
        tensors(train(tmp_path, name=str(i), **{**settings, "data": data}))
        for i, data in enumerate(["toy-images", "toy-images:bits=1", "toy-images:disk=true"])
    ]
    for other in runs[1:]:
        assert all(torch.equal(runs[0][name], other[name]) for name in runs[0])


def test_the_loss_falls(tmp_path, settings):
    lines = train(tmp_path, **{**settings, "steps": 200}, learning_rate=3e-3).scalars()
    assert lines[-1]["loss"] < 0.6 * lines[0]["loss"]


def test_reduced_precision_is_close_but_not_equal(tmp_path, settings):
    full, half = (
        train(tmp_path, name=p, **settings, precision=p).scalars()[-1]["loss"]
        for p in ("float32", "bfloat16")
    )
    assert half == pytest.approx(full, rel=0.02)
    assert half != full


@pytest.mark.slow
@OF_THE_COMPILER
def test_compiled_is_close(tmp_path, settings):
    plain, compiled = (
        train(tmp_path, name=str(c), **settings, compile=c).scalars()[-1]["loss"]
        for c in (False, True)
    )
    assert compiled == pytest.approx(plain, rel=1e-3)


@OF_THE_COMPILER
def test_encoder_and_decoder_are_compiled_and_nothing_is_renamed(settings, monkeypatch):
    graphs = []

    def keep(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiling = functools.partial(torch.compile, backend=keep)
    monkeypatch.setattr(torch, "compile", compiling)
    said: list[str] = []
    trainer = make_trainer(
        registry(),
        make_config(registry(), {**settings, "method": "toy-vae", "compile": True}),
        torch.device("cpu"),
        say=said.append,
    )
    for _ in range(2):
        trainer.train_step()
    assert len(graphs) == 2
    before, after = said
    assert before.startswith("compile=true: the first step compiles encoder and decoder")
    assert re.fullmatch(r"the first step took \d+ s, most of it to compile", after)


def test_schedules_are_tensors_of_the_step():
    warm = WeightSchedule(Schedule.parse("linear(2, 6, 4)"))
    values = [warm(torch.tensor(step)).item() for step in (0, 1, 4, 9)]
    assert values == [2, 3, 6, 6]
    for text in ("cosine(2, 1, 9)", "exponential(4, 1, 9)", "steps(3, 2: .5, 5: .1)"):
        schedule = Schedule.parse(text)
        module = WeightSchedule(schedule)
        for step in range(12):
            assert module(torch.tensor(step)).item() == pytest.approx(schedule.at(step))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path, settings):
    with pytest.raises(NonFiniteError, match="bomb is not finite at step 3;.*; no checkpoint is"):
        train(tmp_path, "toy-bomb", "early", **settings, fuse=3)
    sentence = "bomb is not finite at step 12;.*; the newest checkpoint is that of step 10$"
    with pytest.raises(NonFiniteError, match=sentence):
        train(tmp_path, "toy-bomb", **settings, fuse=12)
    kept = list_checkpoints(tmp_path / "run" / "checkpoints")
    assert [path.name for path in kept] == ["step-000000010.safetensors"]
    step, state = load_checkpoint(tmp_path / "run" / "checkpoints")
    assert step == 10
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_an_exploding_run_keeps_its_last_good_checkpoint(tmp_path, settings):
    with pytest.raises(NonFiniteError, match="not finite"):
        train(tmp_path, **{**settings, "steps": 200, "learning_rate": "linear(0.001, 1e38, 15)"})
    for path in list_checkpoints(tmp_path / "run" / "checkpoints"):
        assert path.name == "step-000000010.safetensors"


def test_what_does_not_fit_together_is_said_before_anything_is_written(tmp_path, settings):
    with pytest.raises(
        ConfigError, match="toy-kl of toy 1.0 needs log q.z.x., and posterior deterministic"
    ):
        train(tmp_path, "toy-misfit", **settings)
    with pytest.raises(ValueError, match="picky needs another prior"):
        train(tmp_path, "toy-picky", **settings)
    with pytest.raises(ConfigError, match="at least 8 x 8"):
        train(tmp_path, **{**settings, "architecture": "conv64", "data": "toy-images:side=7"})
    with pytest.raises(RunError, match="device 'tpu' does not exist here"):
        unweave.train("toy-vae", out=tmp_path / "run", device="tpu", **settings)
    assert not (tmp_path / "run").exists()


def test_a_batch_larger_than_the_set_is_lowered(tmp_path, settings):
    run = train(tmp_path, **{**settings, "batch_size": 129})
    assert unweave.Run.open(run.path).config.batch_size == 128


def test_a_directory_that_is_not_empty_is_left_alone(tmp_path, settings):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="is not empty"):
        train(tmp_path, **settings)
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_the_log_is_json_lines_of_finite_means(tmp_path, settings):
    run = train(tmp_path, **settings)
    lines = [json.loads(line) for line in run.scalars_path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 10, 15, 20]
    assert lines[-1].keys() == {"step", "loss", "reconstruction", "kl"}
    for line in lines:
        assert line["loss"] == pytest.approx(line["reconstruction"] + line["kl"], rel=1e-5)
        assert all(math.isfinite(value) for value in line.values())
