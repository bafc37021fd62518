"""A stranger's adversarial objective: trained, resumed and refused without a change to the core."""

import math
import sys
from pathlib import Path

import pytest
import torch

import unweave
import unweave_testing as kit
from unweave.checkpoint import load_checkpoint
from unweave.errors import ConfigError
from unweave.registry import registry

HOOKS = """
import pluggy
UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")

@hookimpl
def unweave_objectives():
    names = ("duel", *{wrong})
    return {{name: "unweave_duel:" + name.title().replace("-", "") for name in names}}

@hookimpl
def unweave_optimizers():
    return {{"heavy-ball": "unweave_duel:heavy_ball", "none": "unweave_duel:none"}}

@hookimpl
def unweave_methods():
    return {{"duel": "unweave_duel:duel"}}
"""
MODULE = '''
"""Two players over images: an autoencoder against a discriminator of what it makes."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import softplus

from unweave import Method, Term


class Player(NamedTuple):
    name: str
    modules: tuple
    optimizer: str = ""


class Duel(nn.Module):
    """cost + KL terms + weight softplus(-D(x~)), against softplus(-D(x)) + softplus(D(x~))."""

    def __init__(
        self, parts, *, weight: float = 1.0, discriminator: str = "conv64:width=0.25",
        players: str = "rmsprop:lr=1e-4",
    ) -> None:
        super().__init__()
        self.cost, self.estimators = parts.cost, nn.ModuleDict(parts.estimators)
        self.weight = weight
        encoder, _ = parts.build(
            "architecture", discriminator, parts.image_shape, parts.dim, 1
        )
        self.discriminator = nn.Sequential(encoder, nn.Dropout(0.1))
        self.register_buffer("average", torch.zeros(()))
        autoencoder = (parts.model, self.cost, self.estimators)
        self.rounds = (
            (
                Player("autoencoder", autoencoder, players),
                Player("discriminator", (self.discriminator,), players),
            ),
        )

    def losses(self, number, batches, clock):
        x, latent = batches.first.x, batches.first.latent
        rebuilt = self.cost.image(batches.first.output)
        imagined = self.cost.image(batches.model.decode(batches.prior_sample()))
        real, fake, dreamt = map(self.discriminator, (x, rebuilt, imagined))
        error = self.cost(x, batches.first.output).mean()
        terms = {}
        for estimator in self.estimators.values():
            terms |= estimator(latent)
        fooled = softplus(-fake).mean() + softplus(-dreamt).mean()
        gan = softplus(-real).mean() + softplus(fake).mean() + softplus(dreamt).mean()
        if self.training:
            self.average.lerp_(gan.detach(), 0.01)
        losses = {
            "autoencoder": error + sum(terms.values()) + self.weight * fooled,
            "discriminator": gan,
        }
        return losses, {"error": error, "gan": gan, "average": self.average.clone(), **terms}


def duel(*, objective: str = "duel", players: str = "rmsprop:lr=1e-4") -> Method:
    """Duel: a VAE whose pictures must fool a discriminator."""
    terms = (Term("analytic-kl", {"kl": 1.0}),)
    options = {"players": players}
    return Method(terms, "l2sq", objective=objective, objective_options=options)


def heavy_ball(parameters, lr, *, beta: float = 0.5):
    """Stochastic gradient descent with momentum."""
    return torch.optim.SGD(parameters, lr=float(lr), momentum=beta)


def none(parameters, lr):
    """Nothing."""
    return None
'''
WRONG = {
    "vector": (
        'losses["autoencoder"] = batches.first.x.flatten(1).sum(1) * losses["discriminator"]',
        r"'autoencoder' in round 0 must have shape \(\), got \(2,\)",
    ),
    "number": ('losses["discriminator"] = 0.5', "must be a tensor, got float"),
    "missing": ('del losses["discriminator"]', "a loss for each player of round 0"),
    "detached": (
        'losses["autoencoder"] = losses["autoencoder"].detach()',
        "the loss of player 'autoencoder' has no gradient",
    ),
    "unreached": (
        'losses["discriminator"] = batches.model.encode(batches.first.x).mean.sum()',
        "the loss of player 'discriminator' reaches none of its parameters",
    ),
    "not-a-number": ('terms["gan"] = terms["gan"] * torch.nan', "'gan' in round 0 is not finite"),
    "raises": ('raise KeyError("gan")', r"raised KeyError: 'gan' \(in a rehearsal of one step"),
    "a-list": ("losses = list(losses.values())", "must give a mapping of losses in round 0"),
}  # fmt: skip
SETTINGS = {
    "data": "digits", "dim": 4, "batch_size": 16, "log_every": 4, "checkpoint_every": 4,
    "architecture": "conv64:width=0.25", "device": "cpu",
}  # fmt: skip


def fault(name, line):
    """Write a class that is `Duel` but for one line at the end of `losses`."""
    return f"""

class {name.title().replace("-", "")}(Duel):
    def losses(self, number, batches, clock):
        losses, terms = super().losses(number, batches, clock)
        {line}
        return losses, terms
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay the distribution on a path, as an installed one."""
    folder = tmp_path_factory.mktemp("duel")
    faults = "".join(fault(name, line) for name, (line, _) in WRONG.items())
    (folder / "unweave_duel.py").write_text(MODULE + faults)
    (folder / "_hooks_duel.py").write_text(HOOKS.format(wrong=tuple(WRONG)))
    info = folder / "unweave_duel-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unweave-duel\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[unweave]\nunweave-duel = _hooks_duel\n")
    return folder


@pytest.fixture(autouse=True)
def duel(folder, monkeypatch):
    """Give the module of the plugin, which the registry sees."""
    monkeypatch.syspath_prepend(folder)
    registry.cache_clear()
    yield registry().lookup("objective", "duel").load()
    registry.cache_clear()
    for name in ("unweave_duel", "_hooks_duel"):
        sys.modules.pop(name, None)


def tensors(run):
    return load_checkpoint(run.checkpoints)[1]


def test_it_passes_the_kit(duel):
    kit.run(kit.objective_checks(), duel).raise_if_not_ok()
    module = sys.modules["unweave_duel"]
    kit.run(kit.optimizer_checks(), module.heavy_ball).raise_if_not_ok()
    kit.run(kit.method_checks(), module.duel).raise_if_not_ok()


def test_it_trains_both_players_and_what_it_makes_can_be_used(tmp_path):
    run = unweave.train("duel", out=tmp_path / "run", steps=12, **SETTINGS)
    lines = run.scalars()
    assert [line["step"] for line in lines] == [4, 8, 12]
    assert lines[0].keys() == {"step", "error", "gan", "average", "kl"}
    assert all(math.isfinite(value) for line in lines for value in line.values())
    assert 0 < lines[0]["average"] < lines[-1]["average"]
    start = run.untrained_model.state_dict()
    for name, value in run.model.named_parameters():
        assert not torch.equal(value, start[name]), name
    moments = [name for name in tensors(run) if name.startswith("optimizer.discriminator.")]
    assert any(name.endswith("square_avg") for name in moments)  # of RMSProp
    assert run.sample(3).shape == (3, 8, 8, 1)


@pytest.mark.parametrize("players", ["rmsprop:lr=1e-4", "heavy-ball:lr=1e-4,beta=0.9", ""])
def test_a_resumed_run_has_the_same_bits(tmp_path, players):
    """Weights, moments, dropout of the discriminator and the running average alike."""

    def train(name, steps):
        return unweave.train(
            "duel", players=players, optimizer="adamw", out=tmp_path / name, steps=steps, **SETTINGS
        )

    whole, cut = train("whole", 12), train("cut", 6)
    assert not torch.equal(*(tensors(run)["objective.average"] for run in (whole, cut)))
    unweave.resume(cut.path, steps=12, device="cpu")
    one, two = tensors(whole), tensors(cut)
    assert one.keys() == two.keys()
    assert [name for name in one if not torch.equal(one[name], two[name])] == []


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_one_is_refused_before_a_file_is_written(tmp_path, name):
    _, words = WRONG[name]
    with pytest.raises(ConfigError, match=words) as caught:
        unweave.train("duel", objective=name, out=tmp_path / "run", steps=4, **SETTINGS)
    assert f"objective {name} of unweave-duel 1.0" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
