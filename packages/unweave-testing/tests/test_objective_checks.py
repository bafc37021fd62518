"""Each deliberately wrong objective fails the check that is named for its fault, and no other."""

import importlib.util
import random
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from unweave_testing import architecture_checks, objective_checks, run

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
from unweave_testing import small_model, stand_ins

softplus = torch.nn.functional.softplus
NAMES = {"architecture": ("mlp",), "optimizer": ("adam", "rmsprop")}
CHECKS = objective_checks(known=NAMES)


@dataclass(frozen=True)
class Player:
    name: str
    modules: tuple[Any, ...]
    optimizer: str = ""


class Right(torch.nn.Module):
    """An autoencoder against a discriminator of its pictures, then a classifier of its codes."""

    optimizer, architecture = "rmsprop:lr=1e-4", "mlp"
    rounds: Any
    cost: Any
    average: torch.Tensor

    def __init__(self, parts):
        super().__init__()
        self.cost = parts.cost
        encoder, _ = parts.build("architecture", self.architecture, parts.image_shape, parts.dim, 1)
        self.discriminator = torch.nn.Sequential(encoder, torch.nn.Dropout(0.2))
        self.classifier = torch.nn.Linear(parts.dim, parts.labels[0])
        self.register_buffer("average", torch.zeros(()))
        self.rounds = (
            (
                Player("autoencoder", (parts.model, self.cost)),
                Player("discriminator", (self.discriminator,), self.optimizer),
            ),
            (Player("classifier", (self.classifier,)),),
        )

    def losses(self, number, batches, clock):
        return self.game(batches) if number == 0 else self.classify(batches, clock)

    def game(self, batches):
        x, output = batches.first.x, batches.first.output
        real = self.discriminator(x)
        fake = self.discriminator(self.cost.image(output))
        imagined = self.discriminator(self.cost.image(batches.model.decode(batches.prior_sample())))
        error = self.cost(x, output).mean()
        gan = softplus(-real).mean() + softplus(fake).mean() + softplus(imagined).mean()
        if self.training:
            self.average.lerp_(gan.detach(), 0.1)
        losses = {
            "autoencoder": error + softplus(-fake).mean(),
            "discriminator": gan + 0.0 * self.average,
        }
        return losses, {"error": error, "gan": gan, "average": self.average.clone()}

    def classify(self, batches, clock):
        z = batches.second.latent.z.detach()
        logits = self.classifier(z) * (1 + clock / 1000)
        loss = torch.nn.functional.cross_entropy(logits, batches.second.labels[:, 0])
        return {"classifier": loss}, {"cross_entropy": loss}


class ListOfRounds(Right):
    def __init__(self, parts):
        super().__init__(parts)
        self.rounds = [*self.rounds]


class OneName(Right):
    def __init__(self, parts):
        super().__init__(parts)
        game, (classifier,) = self.rounds
        self.rounds = (game, (Player("autoencoder", classifier.modules),))

    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        return {"autoencoder": losses["classifier"]}, terms


class Twice(Right):
    """The classifier moves in two rounds, by one optimizer."""

    def __init__(self, parts):
        super().__init__(parts)
        self.rounds = (*self.rounds, self.rounds[1])

    def losses(self, number, batches, clock):
        if number < 2:
            return super().losses(number, batches, clock)
        losses, _ = super().losses(1, batches, clock)
        return losses, {}


class TwoOptimizers(Twice):
    def __init__(self, parts):
        super().__init__(parts)
        again = Player("classifier", self.rounds[1][0].modules, "rmsprop")
        self.rounds = (*self.rounds[:2], (again,))


class SharedDecoder(Right):
    """Both players of the first round own the decoder."""

    def __init__(self, parts):
        super().__init__(parts)
        (autoencoder, discriminator), later = self.rounds
        greedy = Player("discriminator", (*discriminator.modules, parts.model.decoder))
        self.rounds = ((autoencoder, greedy), later)


class Forgotten(Right):
    def __init__(self, parts):
        super().__init__(parts)
        self.spare = torch.nn.Linear(2, 2)


class ForgottenDecoder(Right):
    def __init__(self, parts):
        super().__init__(parts)
        (_, discriminator), later = self.rounds
        self.rounds = ((Player("autoencoder", (parts.model.encoder,)), discriminator), later)


class OneNumberInAVector(Right):
    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        return {"classifier": losses["classifier"][None]}, terms


class LossOfNobody(Right):
    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        return {**losses, "clasifier": losses["classifier"]}, terms


class IdleLayer(Right):
    """The discriminator's player owns a layer that its loss does not see."""

    def __init__(self, parts):
        super().__init__(parts)
        self.idle = torch.nn.Linear(2, 2)
        (autoencoder, discriminator), later = self.rounds
        wider = Player("discriminator", (*discriminator.modules, self.idle))
        self.rounds = ((autoencoder, wider), later)


class TermOfEachImage(Right):
    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        return losses, {**terms, "size": batches.first.x.detach().flatten(1).sum(1)}


class TermAsNumber(Right):
    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        return losses, {**terms, "weight": 0.5}


class TermTwice(Right):
    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        return losses, {**terms, "gan": losses["classifier"]}


class TermLater(Right):
    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        return losses, {**terms, "late": losses["classifier"]} if clock > 1000 else terms


class Backward(Right):
    def classify(self, batches, clock):
        self.discriminator(batches.first.x).sum().backward()
        return super().classify(batches, clock)


class Freezer(Right):
    def game(self, batches):
        self.classifier.requires_grad_(False)
        result = super().game(batches)
        self.classifier.weight.requires_grad_(True)
        return result


class Remembers(Right):
    def game(self, batches):
        self.average.add_(1)
        return super().game(batches)


class GlobalNoise(Right):
    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        return {"classifier": losses["classifier"] + torch.rand(())}, terms


class NoiseOfNumpy(Right):
    """Drops inputs of the classifier by numpy's global generator while it is trained."""

    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        factor = float(np.random.random()) if self.training else 1.0  # noqa: NPY002 the fault
        return {"classifier": factor * losses["classifier"]}, terms


class NoiseOfPython(Right):
    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        return losses, {**terms, "luck": torch.tensor(random.random() if self.training else 0.0)}


class OldGraph(Right):
    """Lets the encoder follow the classifier through codes of the first round."""

    def __init__(self, parts):
        super().__init__(parts)
        game, (classifier,) = self.rounds
        self.rounds = (game, (classifier, Player("encoder", (parts.model.encoder,))))

    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        return {**losses, "encoder": batches.first.latent.z.square().mean()}, terms


class NewGraph(OldGraph):
    def classify(self, batches, clock):
        losses, terms = Right.classify(self, batches, clock)
        z = batches.model.encode(batches.first.x).mean
        return {**losses, "encoder": z.square().mean()}, terms


class PlainTensor(Right):
    def __init__(self, parts):
        super().__init__(parts)
        self.scale = torch.tensor(2.0)


class HoldsTheModel(Right):
    def __init__(self, parts):
        super().__init__(parts)
        self.model = parts.model


class SavedNowhere(Right):
    """Trains a network that is not an attribute of the objective."""

    def __init__(self, parts):
        super().__init__(parts)
        self.parts = (torch.nn.Linear(parts.dim, parts.labels[0]),)
        del self.classifier
        self.rounds = (self.rounds[0], (Player("classifier", self.parts),))

    def classify(self, batches, clock):
        logits = self.parts[0](batches.second.latent.z.detach())
        loss = torch.nn.functional.cross_entropy(logits, batches.second.labels[:, 0])
        return {"classifier": loss}, {"cross_entropy": loss}


class Counts(Right):
    """Weighs the classifier by a count of calls that no checkpoint holds."""

    calls = 0

    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        self.calls += 1
        return {"classifier": losses["classifier"] / self.calls}, terms


class OwnGenerator(Right):
    def __init__(self, parts):
        super().__init__(parts)
        self.source = torch.Generator().manual_seed(0)

    def classify(self, batches, clock):
        losses, terms = super().classify(batches, clock)
        return {"classifier": losses["classifier"] * torch.rand((), generator=self.source)}, terms


class UnknownArchitecture(Right):
    architecture = "my-dist:mpl:widths=3,4"


class UnknownOptimizer(Right):
    optimizer = "rmspop"


FAULTS = {
    ListOfRounds: "rounds",
    OneName: "player-names",
    TwoOptimizers: "player-names",
    SharedDecoder: "parameters",
    Forgotten: "untrained",
    ForgottenDecoder: "untrained",
    OneNumberInAVector: "losses",
    LossOfNobody: "losses",
    IdleLayer: "gradients",
    TermOfEachImage: "terms",
    TermAsNumber: "terms",
    TermTwice: "terms",
    TermLater: "terms",
    Backward: "no-grad",
    Freezer: "no-grad",
    Remembers: "evaluation",
    GlobalNoise: "generator",
    NoiseOfNumpy: "dropout",
    NoiseOfPython: "dropout",
    OldGraph: "graphs",
    PlainTensor: "state",
    HoldsTheModel: "state",
    Counts: "resume",
    OwnGenerator: "resume",
    UnknownArchitecture: "registered",
    UnknownOptimizer: "registered",
}


@pytest.mark.parametrize("right", [Right, NewGraph, Twice])
def test_a_right_objective_passes(right):
    report = run(CHECKS, right)
    assert report.ok, str(report)
    assert len(report.names("passed")) == len(CHECKS)


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(CHECKS, wrong)
    assert report.names("failed") == (FAULTS[wrong],), str(report)


def test_a_network_that_no_checkpoint_holds_fails():
    report = run(CHECKS, SavedNowhere)
    assert "state" in report.names("failed"), str(report)
    assert "player 'classifier' trains a Linear that no checkpoint holds" in str(report)


@pytest.mark.parametrize(
    ("rounds", "words"),
    [
        ((), "at least one round"),
        (((),), "round 0 has no player"),
        ((Player("a", ()),), r"round 0 must be a tuple of players, got Player; write (player,)"),
        (((Player("", ()),),), "empty name"),
        (((Player("a", [torch.nn.Linear(1, 1)]),),), "must be a tuple, got list"),
        (((Player("a", (torch.nn.Parameter(torch.ones(1)),)),),), "torch Modules, got Parameter"),
        (((Player("a", (torch.nn.ReLU(),)),),), "no parameter that requires"),
        (((Player("a", (torch.nn.Linear(1, 1),), torch.optim.SGD),),), "optimizer of player 'a'"),
        (((object(),),), "a player of round 0 has no name, modules, optimizer"),
    ],
)
def test_rounds_that_are_none(rounds, words):
    def factory(parts):
        objective = Right(parts)
        objective.rounds = rounds
        return objective

    (result,) = run([check for check in CHECKS if check.name == "rounds"], factory).results
    assert result.outcome == "failed"
    assert words in result.message


def test_detached_and_infinite_losses_fail():
    def factory(change):
        class Changed(Right):
            def classify(self, batches, clock):
                losses, terms = super().classify(batches, clock)
                return {"classifier": change(losses["classifier"])}, terms

        return Changed

    chosen = [check for check in CHECKS if check.name == "losses"]
    detached = str(run(chosen, factory(torch.Tensor.detach)))
    assert "the loss of player 'classifier' carries no gradient" in detached
    assert "must be finite, got nan" in str(run(chosen, factory(lambda loss: loss * torch.nan)))
    assert "must be a tensor, got float" in str(run(chosen, factory(torch.Tensor.item)))


def test_the_images_are_facts():
    seen = []

    class Looks(Right):
        def game(self, batches):
            seen.append((*batches.first.x.shape, batches.first.latent.z.shape[1]))
            return super().game(batches)

    report = run(objective_checks(image_shape=(9, 8, 3), dim=2, labels=(7,), known=NAMES), Looks)
    assert report.ok, str(report)
    assert set(seen) == {(8, 3, 9, 8, 2), (2, 3, 9, 8, 2)}


def test_without_labels_a_use_of_them_is_said():
    class Needs(Right):
        def __init__(self, parts):
            super().__init__(parts)
            self.rounds = self.rounds[:1]
            del self.classifier

        def game(self, batches):
            assert batches.first.labels is not None
            return super().game(batches)

    assert run(CHECKS, Needs).ok
    report = str(run([c for c in CHECKS if c.name == "losses"], Needs))
    assert "passed" in report
    without = [c for c in objective_checks(labels=(), known=NAMES) if c.name == "losses"]

    class Without(Needs):
        def __init__(self, parts):
            torch.nn.Module.__init__(self)
            self.cost = parts.cost
            self.rounds = ((Player("autoencoder", (parts.model,)),),)

    assert "needs labels, and the data set has none" in str(run(without, Without))


def test_unknown_kinds_of_names_are_refused():
    with pytest.raises(ValueError, match="kinds among architecture, optimizer, got 'metric'"):
        objective_checks(known={"metric": ["mig"]})


def states_of_global_generators():
    numpys = np.random.get_state(legacy=False)["state"]["key"].tolist()  # noqa: NPY002
    return random.getstate(), numpys, torch.random.get_rng_state().tolist()


def test_global_generators_are_left_alone():
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 what users of it would see
    torch.manual_seed(0)
    before = states_of_global_generators()
    run(CHECKS, Right)
    assert states_of_global_generators() == before


class TestDropoutOfArchitectures:
    """The check that a forward in training mode is a function of torch's global seed."""

    @staticmethod
    def outcome(layer):
        def build(image_shape, dim, outputs):
            encoder, decoder = small_model.networks(image_shape, dim, outputs)
            return torch.nn.Sequential(encoder, layer()), decoder

        checks = [check for check in architecture_checks() if check.name == "dropout"]
        (result,) = run(checks, build).results
        return result.outcome

    class OfNumpy(torch.nn.Module):
        def forward(self, x):
            return x * np.random.random() if self.training else x  # noqa: NPY002 the fault

    class OfAGenerator(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.source = torch.Generator().manual_seed(0)

        def forward(self, x):
            return x * torch.rand(x.shape, generator=self.source)

    class OfACount(torch.nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x / self.calls

    @pytest.mark.parametrize(
        "layer",
        [
            lambda: torch.nn.Dropout(0.5),
            lambda: torch.nn.BatchNorm1d(7),
            lambda: torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(7, 7)),
            torch.nn.Identity,
        ],
    )
    def test_layers_of_torch_pass(self, layer):
        assert self.outcome(layer) == "passed"

    @pytest.mark.parametrize("layer", [OfNumpy, OfAGenerator, OfACount])
    def test_noise_that_cannot_be_resumed_fails(self, layer):
        assert self.outcome(layer) == "failed"


@pytest.mark.skipif(not importlib.util.find_spec("unweave"), reason="unweave is not installed")
class TestWithTheCore:
    def test_the_stand_ins_have_the_members_of_the_core(self):
        from unweave import latent, method, players

        def public(kind):
            return {name for name in dir(kind) if not name.startswith("_")}

        pairs = [
            (stand_ins.Parts, players.Parts),
            (stand_ins.Weighing, players.Weighing),
            (stand_ins.Batches, players.Batches),
            (stand_ins.Latent, latent.Latent),
        ]
        for small, real in pairs:
            names = [field.name for field in fields(real)]
            assert [field.name for field in fields(small)] == names
            assert public(small) >= public(real)
        parts = stand_ins.small_parts()
        batch = stand_ins.small_batches(parts).first
        assert public(batch) >= public(players.Batch)
        assert {field.name for field in fields(method.Schedule)} <= public(
            parts.weighings["divergence", "kl"].weight
        )

    def test_names_are_looked_up_in_the_registry(self):
        pytest.importorskip("unweave_estimators")
        selection = [check for check in objective_checks() if check.name == "registered"]
        assert run(selection, Right).ok
        report = str(run(selection, UnknownOptimizer))
        assert "no optimizer is called 'rmspop'; known: adam, adamw, rmsprop, sgd" in report
