"""What a method adds up: targets, weights for every term, one estimator twice, learned priors."""

import numpy as np
import pytest
import torch
from toy import ToyAttached, ToyImages, ToyNormal

import unweave
from unweave.assemble import assemble
from unweave.checkpoint import list_checkpoints, load_checkpoint
from unweave.config import make_config
from unweave.errors import ConfigError, UnknownNameError
from unweave.method import Method, Term
from unweave.players import make_batches
from unweave.registry import registry
from unweave.training import _method_settings


def compute(*terms, step=0):
    settings = {"data": "toy-images", "dim": 3, "architecture": "mlp:widths=8"}
    method = Method(terms, "l2sq", prior="toy-normal")
    config = make_config(registry(), {**_method_settings(method), **settings})
    assembly = assemble(registry(), config, ToyImages())
    x = torch.rand(8, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(0)
    rows = torch.arange(8)
    batches = make_batches(
        assembly.model,
        lambda i, _: x[i],
        lambda: None,
        100,
        generator,
        (lambda: rows, lambda: rows),
        8,
    )
    _, scalars = assembly.objective.losses(0, batches, torch.tensor(step))
    return {name: value.item() for name, value in scalars.items()}


def test_a_target_makes_the_loss_the_distance_to_it():
    for target, step in (("5", 0), ("0.1", 0), ("linear(0, 4, 100)", 25)):
        terms = compute(Term("toy-kl", {"kl": 3.0}, targets={"kl": target}), step=step)
        at = {"5": 5.0, "0.1": 0.1}.get(target, 1.0)
        wanted = terms["reconstruction"] + 3 * abs(terms["kl"] - at)
        assert terms["loss"] == pytest.approx(wanted, rel=1e-6)


def test_one_weight_is_for_every_term():
    each = compute(Term("toy-pair", {"first": 2.0, "second": 2.0}))
    every = compute(Term("toy-pair", 2.0))
    assert every == each
    assert every["loss"] == pytest.approx(every["reconstruction"] + 2 * 1.0 + 2 * 10.0)


def test_one_estimator_twice_is_two_terms():
    terms = compute(Term("toy-kl", {"kl": 1.0}), Term("toy-kl", {"kl": 10.0}))
    assert terms["toy-kl/kl"] == terms["toy-kl-2/kl"]
    wanted = terms["reconstruction"] + 11 * terms["toy-kl/kl"]
    assert terms["loss"] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("place", ["weights", "targets"])
def test_a_term_that_the_estimator_does_not_have_is_named(place):
    term = Term("toy-kl", **{"weights": {"kl": 1.0}, place: {"lk": 1.0}})
    with pytest.raises(UnknownNameError, match="unknown term of estimator toy-kl 'lk'.*'kl'"):
        compute(term)


def test_a_learned_prior_that_nothing_teaches_is_refused(tmp_path, settings):
    learned = {**settings, "prior": "toy-normal:learned=true", "out": tmp_path / "run"}
    with pytest.raises(ConfigError, match="prior toy-normal of toy 1.0 is learned, and no"):
        unweave.train("toy-gan", **learned)
    assert not (tmp_path / "run").exists()
    run = unweave.train("toy-vae", **learned)
    prior = run.model.prior
    assert isinstance(prior, ToyNormal)
    assert prior.log_scale.abs().min() > 0


def test_terms_that_are_infinite_before_training_are_said(tmp_path, settings):
    with pytest.raises(ConfigError, match="kl is inf before the first step: estimator toy-sampled"):
        unweave.train(
            "toy-sampled", **{**settings, "prior": "toy-uniform", "out": tmp_path / "run"}
        )


def test_the_posterior_is_a_setting_of_every_run(tmp_path, settings):
    point = {**settings, "posterior": "deterministic"}
    run = unweave.train("toy-gan", out=tmp_path / "run", **point)
    assert run.config.posterior.name == "unweave:deterministic"
    images = torch.rand(2, 1, 16, 16, device=run.device)
    assert not unweave.Run.open(run.path).model.encode(images).has_density
    with pytest.raises(UnknownNameError, match="unknown posterior 'gausian'"):
        unweave.train("toy-gan", out=tmp_path / "b", **{**settings, "posterior": "gausian"})


def test_a_prior_that_wants_images_gets_them_and_the_encoder(tmp_path, settings):
    run = unweave.train("toy-vae", out=tmp_path / "run", **{**settings, "prior": "toy-attached"})
    model = unweave.Run.open(run.path).model
    prior = model.prior
    assert isinstance(prior, ToyAttached)
    assert prior.images.shape == (5, 1, 16, 16)
    assert getattr(prior.encode, "__self__", None) is model
    assert prior().event_shape == (4,)


def test_a_method_that_is_no_registered_name_trains_and_is_opened_again(tmp_path, settings):
    method = Method((Term("toy-kl", {"kl": 2.0}),), "l2sq", prior="toy-normal")
    named = unweave.train(
        "toy-vae", out=tmp_path / "named", beta=2, cost="l2sq", device="cpu", **settings
    )
    settings.pop("prior")
    run = unweave.train(method, out=tmp_path / "run", device="cpu", **settings)
    assert run.scalars() == named.scalars()
    assert unweave.Run.open(run.path).config == run.config


def test_unused_dropout_noise_is_a_function_of_seed_and_step(tmp_path, settings):
    """A run with dropout, stopped and resumed, ends with the bits of one that was not."""
    networks = (
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(256, 8)),
        torch.nn.Sequential(torch.nn.Linear(4, 256), torch.nn.Unflatten(1, (1, 16, 16))),
    )
    settings |= {"architecture": networks, "checkpoint_every": 7}
    whole = unweave.train("toy-vae", out=tmp_path / "whole", device="cpu", **settings)
    part = unweave.train("toy-vae", out=tmp_path / "part", device="cpu", **settings)
    list_checkpoints(part.checkpoints)[-1].unlink()
    torch.manual_seed(99)
    torch.rand(5)
    unweave.resume(part.path, device="cpu", architecture=networks)
    expected, resumed = (load_checkpoint(run.checkpoints)[1] for run in (whole, part))
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)


@pytest.mark.parametrize("shape", [(128, 16, 16), (128, 16, 16, 3), (128, 5)])
def test_arrays_are_data(tmp_path, settings, shape):
    kind = {} if len(shape) > 2 else {"cost": "l2sq"}
    rng = np.random.default_rng(0)
    array = rng.integers(0, 255, shape).astype(np.uint8) if len(shape) > 2 else rng.normal(
        size=shape
    )  # fmt: skip
    settings |= {"data": (array, np.arange(128) % 3)}
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings, **kind)
    again = unweave.Run.open(run.path, device="cpu")
    assert again.sample(3).shape[0] == 3  # without the data
    with pytest.raises(ConfigError, match="data given from Python; pass them again"):
        _ = again.dataset
    assert len(unweave.Run.open(run.path, data=array).dataset) == 128
