"""Objectives with several players: gradients by hand, who gets which, and what critics learn."""

import copy
import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from unweave.assemble import assemble
from unweave.batches import open_feed
from unweave.config import make_config
from unweave.errors import ConfigError
from unweave.from_python import ArrayData
from unweave.method import Schedule
from unweave.objectives.as_vae import AsVae
from unweave.objectives.infogan import InfoGan
from unweave.objectives.terms import WeightedTerms
from unweave.objectives.vae_gan import VaeGan
from unweave.player_optimizers import check_ownership
from unweave.players import Parts, Player, Weighing, make_batches
from unweave.registry import registry
from unweave.trainer import Trainer
from unweave.trainer_setup import make_trainer

B, D = 8, 4
WEIGHING = Weighing(Schedule.parse(2.0))
SETTINGS = {
    "method": "toy-vae", "data": "toy-images", "prior": "toy-normal", "dim": D,
    "architecture": "mlp:widths=16",
}  # fmt: skip


def parts_of(cost="bernoulli", **settings):
    """What an objective is built from, with weight 2 on the KL."""
    names = registry()
    config = make_config(names, {**SETTINGS, "cost": cost, **settings})
    assembly = assemble(names, config, names.build("dataset", config.data))
    objective = assembly.objective
    assert isinstance(objective, WeightedTerms)
    return Parts(
        assembly.model, objective.cost, dict(objective.estimators),
        {("toy-kl", "kl"): WEIGHING}, (16, 16, 1), D, (), names.build,
    )  # fmt: skip


def batches_of(model, x, seed=3):
    generator = torch.Generator().manual_seed(seed)
    rows, other = torch.arange(B), torch.arange(B).flip(0)
    return make_batches(
        model, lambda i, _: x[i], lambda: None, 100, generator, (lambda: rows, lambda: other), B
    )


def gradients(objective, losses):
    return {
        player.name: torch.autograd.grad(
            losses[player.name],
            [p for m in player.modules for p in m.parameters() if p.requires_grad],
            retain_graph=True, allow_unused=True,
        )
        for player in objective.rounds[0]
    }  # fmt: skip


@pytest.fixture
def x():
    return torch.rand(B, 1, 16, 16, generator=torch.Generator().manual_seed(1))


def autoencode(model, x, generator):
    """Codes, posterior moments and pictures as a hand-written loop computes them."""
    mean, log_variance = model.encoder(x).chunk(2, dim=1)
    std = (0.5 * log_variance).exp()
    z = mean + std * torch.randn(mean.shape, generator=generator)
    kl = 0.5 * (mean**2 + std**2 - 1 - 2 * std.log()).sum(1).mean()
    return z, kl


@pytest.mark.parametrize("generator", ["minimax", "non-saturating"])
def test_gradients_of_vae_gan_are_those_of_a_loop_by_hand(x, generator):
    torch.manual_seed(0)
    parts = parts_of()
    options = {"weight": 0.3, "gan_weight": 0.7, "discriminator": "mlp:widths=12"}
    objective = VaeGan(parts, generator=generator, **options)
    model = parts.model
    losses, named = objective.losses(0, batches_of(model, x), torch.tensor(0))
    found = gradients(objective, losses)

    noise = torch.Generator().manual_seed(3)
    z, kl = autoencode(model, x, noise)
    rebuilt = model.decoder(z).sigmoid()
    seed = int(torch.randint(2**62, (), generator=noise))
    prior = torch.distributions.Normal(0.0, 1.0)
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    codes = prior.sample((B, D))
    torch.random.set_rng_state(state)
    imagined = model.decoder(codes).sigmoid()
    body, head = objective.discriminator.body, objective.discriminator.head
    features = 0.5 * ((body(x).detach() - body(rebuilt)) ** 2).sum(1).mean()
    d_real, d_fake, d_dream = (head(body(i)).squeeze(1) for i in (x, rebuilt, imagined))
    gan = -(
        d_real.sigmoid().log().mean()
        + (1 - d_fake.sigmoid()).log().mean()
        + (1 - d_dream.sigmoid()).log().mean()
    )
    other = -d_fake.sigmoid().log().mean() - d_dream.sigmoid().log().mean()
    hand = {
        "encoder": (2 * kl + features, model.encoder),
        "decoder": (
            0.3 * features + 0.7 * (-gan if generator == "minimax" else other), model.decoder,
        ),
        "discriminator": (gan, objective.discriminator),
    }  # fmt: skip
    assert named["gan"].item() == pytest.approx(gan.item(), rel=1e-5)
    for player, (loss, module) in hand.items():
        wanted = torch.autograd.grad(loss, list(module.parameters()), retain_graph=True)
        own = [g for g in found[player] if g is not None]
        for one, two in zip(own, wanted, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-7)


class Wasserstein(nn.Module):
    """A critic of codes that moves three times before the generator does."""

    MOVES = 3

    def __init__(self, parts):
        super().__init__()
        self.cost = parts.cost
        self.critic = nn.Linear(parts.dim, 1)
        critic = Player("critic", (self.critic,), "adam:lr=0.01")
        encoder = Player("encoder", (parts.model.encoder,), "sgd:lr=0.1")
        rest = Player("decoder", (parts.model.decoder, parts.cost))
        self.rounds = (((critic,),) * self.MOVES) + ((encoder, rest),)

    def losses(self, number, batches, clock):
        z = batches.model.encode(batches.first.x).mean
        if number < self.MOVES:
            gap = (self.critic(z.detach()) - self.critic(batches.prior_sample())).mean()
            return {"critic": gap}, {f"gap/{number}": gap}
        score = self.critic(z).mean()
        error = self.cost(batches.first.x, batches.model.decode(z.detach())).mean()
        return {"encoder": -score, "decoder": error}, {"score": score, "reconstruction": error}


def test_a_player_moves_once_in_each_of_its_rounds_by_one_optimizer():
    def build_trainer():
        torch.manual_seed(0)
        parts = parts_of()
        names, objective = registry(), Wasserstein(parts)
        config = make_config(names, {**SETTINGS, "batch_size": B})
        dataset = names.build("dataset", config.data)
        assembly = dataclasses.replace(
            assemble(names, config, dataset), model=parts.model, objective=objective,
            parts=parts, term_names=("gap/0", "gap/1", "gap/2", "score", "reconstruction"),
        )  # fmt: skip
        device = torch.device("cpu")
        return Trainer(assembly, open_feed(dataset, device), len(dataset), config, device)

    trainer, hand = build_trainer(), build_trainer()
    model, objective = hand.model, hand.objective
    moves = [
        (objective.critic, torch.optim.Adam(objective.critic.parameters(), 0.01), "critic"),
        (model.encoder, torch.optim.SGD(model.encoder.parameters(), 0.1), "encoder"),
        (model.decoder, torch.optim.Adam(model.decoder.parameters(), 5e-4), "decoder"),
    ]
    for step in range(4):
        trainer.train_step()
        batches = hand.draw(step)
        for number in range(4):
            losses, _ = objective.losses(number, batches, torch.tensor(step))
            together = moves[:1] if number < 3 else moves[1:]
            for module, optimizer, name in together:
                optimizer.zero_grad()
                losses[name].backward(inputs=list(module.parameters()), retain_graph=True)
            for _, optimizer, _ in together:
                optimizer.step()
    for one, two in zip(trainer.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(trainer.objective.critic.weight, objective.critic.weight)
    state = trainer.state()
    assert state["optimizer.critic.0.step"] == 12
    assert not any(name.startswith("optimizer.encoder.0.exp_avg") for name in state)


def test_no_adversarial_gradient_reaches_the_encoder_and_no_feature_gradient_the_critic(x):
    parts = parts_of()
    model = parts.model
    reference: Any = None
    for gan_weight in (0.0, 50.0):
        torch.manual_seed(0)
        objective = VaeGan(parts, gan_weight=gan_weight, discriminator="mlp:widths=12")
        found = gradients(objective, objective.losses(0, batches_of(model, x), torch.tensor(0))[0])
        if reference is not None:
            for one, two in zip(found["encoder"], reference["encoder"], strict=True):
                assert (one is None and two is None) or torch.equal(one, two)
            assert not torch.equal(found["decoder"][0], reference["decoder"][0])
        reference = found
    for weight in (0.0, 50.0):
        torch.manual_seed(0)
        objective = VaeGan(parts, weight=weight, discriminator="mlp:widths=12")
        found = gradients(objective, objective.losses(0, batches_of(model, x), torch.tensor(0))[0])
        assert torch.equal(found["discriminator"][0], reference["discriminator"][0])


def test_without_the_game_it_is_a_vae_whose_cost_is_in_features(x):
    """gan_weight 0: encoder and decoder descend KL + the feature cost, as one VAE would."""
    torch.manual_seed(0)
    parts = parts_of()
    model = parts.model
    objective = VaeGan(parts, gan_weight=0.0, discriminator="mlp:widths=12")
    found = gradients(objective, objective.losses(0, batches_of(model, x), torch.tensor(0))[0])
    z, kl = autoencode(model, x, torch.Generator().manual_seed(3))
    rebuilt, body = model.decoder(z).sigmoid(), objective.discriminator.body
    loss = 2 * kl + 0.5 * ((body(x) - body(rebuilt)) ** 2).sum(1).mean()
    for player, module in (("encoder", model.encoder), ("decoder", model.decoder)):
        wanted = torch.autograd.grad(loss, list(module.parameters()), retain_graph=True)
        for one, two in zip(found[player], wanted, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-7)


def linear_pair(slope, back):
    inward, outward = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        inward.weight.fill_(slope)
        outward.weight.fill_(back)
    encoder = nn.Sequential(nn.Flatten(), inward)
    return encoder, nn.Sequential(outward, nn.Unflatten(1, (1, 1, 1)))


class Quadratic(nn.Module):
    """A critic that can be every log ratio of normal densities of one pixel and one code."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(6, dtype=torch.float64))

    def forward(self, x, z):
        x, z = x.flatten(1).squeeze(1).double(), z.squeeze(1).double()
        return torch.stack([torch.ones_like(x), x, z, x * x, x * z, z * z], 1) @ self.weight


def test_the_critics_of_as_vae_learn_the_analytic_log_ratios():
    """q(x) = N(0, 1), q(z|x) = N(.8 x, .6²), p(z) = N(0, 1), p(x|z) = N(.6 z, .4²).

    A loss that is convex in six weights is minimised exactly, so what is off is the sample.
    """
    a, s, b, t, n = 0.8, 0.6, 0.6, 0.4, 100_000
    rows = torch.randn(n, 1, generator=torch.Generator().manual_seed(0)).numpy()
    names = registry()
    config = make_config(
        names,
        {
            "method": "toy-vae", "cost": f"gaussian:sigma={t}", "data": "unweave:given", "dim": 1,
            "posterior": f"fixed-noise:noise={s}", "architecture": "unweave:given",
        },
    )  # fmt: skip
    assembly = assemble(names, config, ArrayData(rows), linear_pair(a, b))
    model = assembly.model
    assert isinstance(assembly.objective, WeightedTerms)
    parts = Parts(model, assembly.objective.cost, {}, {}, (1, 1, 1), 1, (), names.build)
    objective = AsVae(parts, critic="mlp:widths=4", width=4)
    first, second = Quadratic(), Quadratic()
    objective.critic_1, objective.critic_2 = first, second  # type: ignore[assignment]
    critics = [first.weight, second.weight]
    optimizer = torch.optim.LBFGS(critics, max_iter=20, line_search_fn="strong_wolfe")
    data = torch.from_numpy(rows)[:, :, None, None]
    everyone = torch.arange(n)

    def make(seed):
        indices = (lambda: everyone, lambda: everyone.roll(1))
        generator = torch.Generator().manual_seed(seed)
        return make_batches(model, lambda i, _: data[i], lambda: None, n, generator, indices, n)

    def closure():
        losses, _ = objective.losses(0, make(1), torch.tensor(0))  # the same draws every time
        optimizer.zero_grad()
        loss = losses["critic-1"] + losses["critic-2"]
        loss.backward(inputs=critics)
        return loss

    optimizer.step(closure)

    def normal(value, mean, std):
        return torch.distributions.Normal(mean, std).log_prob(value)

    def ratio_1(x, z):
        joint = normal(x, torch.tensor(0.0), 1.0) + normal(z, a * x, s)
        return joint - normal(x, torch.tensor(0.0), math.hypot(b, t)) - normal(z, 0 * x, 1.0)

    def ratio_2(x, z):
        joint = normal(z, 0 * x, 1.0) + normal(x, b * z, t)
        return joint - normal(z, 0 * x, math.hypot(a, s)) - normal(x, 0 * z, 1.0)

    with torch.no_grad():
        batches = make(2)
        z, x = batches.first.latent.z, batches.first.x
        prior = batches.prior_sample()
        dreamt = b * prior + t * torch.randn(prior.shape, generator=batches.generator)
        for critic, ratio, pairs in (
            (objective.critic_1, ratio_1, (x, z)),
            (objective.critic_2, ratio_2, (dreamt[:, :, None, None], prior)),
        ):
            found = critic(*pairs)
            wanted = ratio(pairs[0].flatten(1), pairs[1]).squeeze(1)
            assert (found.mean() - wanted.mean()).abs() < 0.01
            assert (found - wanted).abs().mean() < 0.02


def test_the_critics_of_as_vae_look_at_the_image_and_at_the_code(x):
    objective = AsVae(parts_of(), critic="mlp:widths=8", width=8)
    z = torch.zeros(B, D, requires_grad=True)
    for critic in (objective.critic_1, objective.critic_2):
        slopes = torch.autograd.grad(critic(x.requires_grad_(), z).sum(), (x, z))
        assert all(slope.flatten(1).norm(dim=1).min() > 0 for slope in slopes)


def inputs_of(module):
    """Record what a module is applied to, pass by pass."""
    inputs = []
    module.register_forward_pre_hook(lambda _, given: inputs.append(given[0].detach()))
    return inputs


@pytest.mark.parametrize(
    ("kind", "option", "of_data", "of_samples"),
    [(AsVae, "critic", 2, 1), (VaeGan, "discriminator", 1, 0)],
)
def test_running_statistics_are_of_images_and_their_codes(kind, option, of_data, of_samples, x):
    parts = parts_of(architecture="wae64:width=0.0625")
    model = parts.model
    objective = kind(parts, **{option: "wae64:width=0.0625"})
    untouched = copy.deepcopy(model)
    images, codes = inputs_of(model.encoder), inputs_of(model.decoder)
    batches = batches_of(model, x)
    objective.losses(0, batches, torch.tensor(0))
    assert len(images) == of_data + of_samples
    assert (images[0] == x).all()
    assert len(codes) == 2
    ours = [(z == batches.first.latent.z).all() for z in codes]
    assert sum(ours) == 1
    untouched.decoder(codes[ours.index(True)])
    for batch in images[:of_data]:
        untouched.encoder(batch)
    for name, value in model.named_buffers():
        torch.testing.assert_close(value, untouched.get_buffer(name), msg=name)
    assert all(m.track_running_stats for m in model.modules() if isinstance(m, nn.BatchNorm2d))


def test_infogan_logs_the_entropy_of_its_code_and_a_bound_that_is_small_at_first(tmp_path):
    names = registry()
    settings = {
        "method": "infogan", "categories": 3, "uniform": 1, "dim": 6, "steps": 150,
        "data": "toy-images", "architecture": "mlp:widths=32", "batch_size": 32,
        "discriminator": "mlp:widths=32", "log_every": 150,
    }  # fmt: skip
    pytest.importorskip("unweave_priors")
    from unweave.registry import Registry

    names = Registry(("unweave", "toy", "unweave-priors"))
    trainer = make_trainer(names, make_config(names, settings), torch.device("cpu"))
    for _ in range(150):
        trainer.train_step()
    log = trainer.take_log()
    assert log["code_entropy"] == pytest.approx(math.log(3) + math.log(2), rel=1e-5)
    assert log["information_bound"] < log["code_entropy"]
    assert isinstance(trainer.objective, InfoGan)
    images = trainer.model.decode(torch.zeros(2, 6)).shape
    assert images == (2, 1, 16, 16)


def test_infogan_takes_no_terms():
    with pytest.raises(ConfigError, match="infogan takes no terms of estimators, got toy-kl"):
        InfoGan(parts_of(), codes=3, discrete=2)


def test_a_classifier_is_trained_along(tmp_path):
    import unweave

    settings = {
        "data": "toy-images", "prior": "toy-normal", "dim": 4, "steps": 200, "batch_size": 64,
        "log_every": 100, "architecture": "mlp:widths=64", "device": "cpu", "beta": 0.01,
        "learning_rate": 3e-3,
    }  # fmt: skip
    plain = unweave.train("toy-vae", out=tmp_path / "plain", **settings)
    own = unweave.train(
        "toy-vae", out=tmp_path / "own", classifier="own:factor=1,learning_rate=1e-2", **settings
    )
    joint = unweave.train(
        "toy-vae", out=tmp_path / "joint", classifier="joint:factor=1,weight=20", **settings
    )
    # Codes that are held fixed: the autoencoder is what it is without the classifier.
    for a, b in zip(plain.model.parameters(), own.model.parameters(), strict=True):
        assert torch.equal(a, b)
    accuracy = {r: r.scalars()[-1]["classifier/accuracy"] for r in (own, joint)}
    assert 1 / 8 < accuracy[own] < accuracy[joint]
    assert np.isfinite(joint.reconstruct(joint.dataset.images(np.arange(2)))).all()
    with pytest.raises(ValueError, match="classifier needs factor 5, and the data set has 2"):
        unweave.train("toy-vae", out=tmp_path / "x", classifier="own:factor=5", **settings)


def test_an_objective_that_holds_the_model_or_forgets_a_parameter_is_refused():
    names = registry()
    config = make_config(names, SETTINGS)
    assembly = assemble(names, config, names.build("dataset", config.data))
    objective, model = assembly.objective, assembly.model
    assert isinstance(objective, WeightedTerms)
    objective.network = model.encoder
    with pytest.raises(ConfigError, match="holds network.1.weight of the model.*in a tuple"):
        check_ownership(objective, model)
    del objective.network
    check_ownership(objective, model)
    objective.forgotten = torch.nn.Linear(2, 2)
    with pytest.raises(ConfigError, match="no player trains objective.forgotten.weight"):
        check_ownership(objective, model)
    objective.forgotten.requires_grad_(False)
    check_ownership(objective, model)
