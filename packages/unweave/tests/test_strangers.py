"""Everything wrong that a stranger's plugin may give: one sentence, before a file is written."""

import json
import sys
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from conftest import write_distribution
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

import unweave
from unweave import Method, Term
from unweave.errors import ConfigError, PluginWarning
from unweave.players import Player
from unweave.posterior import Gaussian, GaussianPosterior
from unweave.registry import registry
from unweave.scores import file as score_file

HEAD = """
import pluggy
UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")
"""
HERE = __name__


@pytest.fixture
def odd(tmp_path_factory, monkeypatch):
    """Register objects of this file as a plugin `odd 1.0`: kind -> name -> object."""

    def register(**kinds):
        place = tmp_path_factory.mktemp("odd")
        hooks = HEAD
        for kind, things in kinds.items():
            targets = {}
            for name, thing in things.items():
                monkeypatch.setitem(globals(), thing.__name__, thing)
                targets[name] = f"{HERE}:{thing.__name__}"
            hooks += f"@hookimpl\ndef unweave_{kind}s():\n    return {targets!r}\n"
        write_distribution(place, "odd", hooks)
        monkeypatch.syspath_prepend(place)
        monkeypatch.setenv("UNWEAVE_PLUGINS", "unweave,toy,odd")
        sys.modules.pop("_hooks_odd", None)  # of the test before
        registry.cache_clear()

    return register


@pytest.fixture
def refused(tmp_path, settings):
    """Train, and return the sentence with which that is refused; nothing may be written."""

    def train(method="toy-vae", **changes):
        out = tmp_path / "run"
        with pytest.raises(ConfigError) as caught:
            unweave.train(method, out=out, device="cpu", **{**settings, **changes})
        assert not out.exists()
        sentence = str(caught.value)
        assert "\n" not in sentence
        return sentence

    return train


# Costs


class Squared(nn.Module):
    units = "squared pixels"

    def forward(self, x, output):
        return (x - output).square().flatten(1).sum(1)

    def image(self, output):
        return output.clamp(0, 1)


class PixelCost(Squared):
    def forward(self, x, output):
        return (x - output).square()


class SumCost(Squared):
    def forward(self, x, output):
        return (x - output).square().sum()


class FloatCost(Squared):
    def forward(self, x, output):
        return 3.0


class DetachedCost(Squared):
    def forward(self, x, output):
        return super().forward(x, output.detach())


class WideImageCost(Squared):
    def image(self, output):
        return 255 * output.sigmoid()


class FlatImageCost(Squared):
    def image(self, output):
        return output.sigmoid().flatten(1)


class NoImageCost(nn.Module):
    units = ""


class NoUnitsCost(Squared):
    units = property(lambda self: self.nowhere)


class RaisingCost(Squared):
    def forward(self, x, output):
        raise KeyError("weights")


class LeavingCost(Squared):
    def __init__(self):
        raise SystemExit(3)


class PlainCost:
    units = "none"

    def image(self, output):
        return output


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (PixelCost, "the cost of each image must have shape (2,), got (2, 1, 16, 16)"),
        (SumCost, "the cost of each image must have shape (2,), got ()"),
        (FloatCost, "the cost of each image must be a tensor, got float"),
        (DetachedCost, "without a gradient to the decoder's output"),
        (WideImageCost, "image(output) must be in [0, 1], got values from"),
        (FlatImageCost, "image(output) must have shape (2, 1, 16, 16), got (2, 256)"),
        (NoImageCost, "without 'image', which every cost has"),
        (NoUnitsCost, "without 'units', which every cost has"),
        (RaisingCost, "raised KeyError: 'weights' (in a rehearsal"),
        (LeavingCost, "raised SystemExit: 3"),
        (PlainCost, "must give a torch.nn.Module, got PlainCost"),
    ],
)
def test_costs(odd, refused, cost, words):
    odd(cost={"odd-cost": cost})
    sentence = refused(cost="odd-cost")
    assert sentence.startswith("cost odd-cost of odd 1.0")
    assert words in sentence


# Posteriors


class OddPosterior(GaussianPosterior):
    """A posterior with one fault."""


class FaultyFamily(Gaussian):
    posterior = GaussianPosterior

    def forward(self, parameters):
        mean, spread = self.check(parameters).chunk(2, dim=1)
        return self.posterior(mean, (spread / 2).exp())


def family(name, /, **members):
    posterior = type(f"{name}Posterior", (GaussianPosterior,), members)
    return type(name, (FaultyFamily,), {"posterior": posterior})


def missing(self):
    raise AttributeError("not there")


def lost(self, *_):
    raise RuntimeError("lost")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (family("PerDim", log_prob=lambda self, z: self.log_prob_per_dim(z)),
         "log_prob(z) must have shape (2,), got (2, 4)"),
        (family("OneStd", std=property(lambda self: torch.ones(4)), __init__=lambda s, m, d:
                s.__dict__.update(mean=m)), "std must have shape (2, 4), got (4,)"),
        (family("NoDensityFlag", has_density=property(missing)),
         "gives a posterior without 'has_density'"),
        (family("OtherDensityFlag", has_density=False), "has_density must be the same"),
        (family("NoCodes", rsample=lost), "raised RuntimeError: lost"),
        (family("NumpyCodes", rsample=lambda self, g: self.mean.detach().numpy()),
         "rsample() must be a tensor, got ndarray"),
        (family("WrongEvent", distribution=property(lambda self: Normal(self.mean, self.std))),
         "distribution must have batch shape (2,) and event shape (4,), got (2, 4) and ()"),
    ],
)  # fmt: skip
def test_posteriors(odd, refused, target, words):
    odd(posterior={"odd-posterior": target})
    sentence = refused(posterior="odd-posterior")
    assert sentence.startswith("posterior odd-posterior of odd 1.0")
    assert words in sentence


def test_families_without_their_members(odd, refused):
    for name in ("outputs", "has_density"):
        made = type(f"Without_{name}", (nn.Module,), {"__init__": lambda self, dim: None})
        for other in {"outputs", "has_density"} - {name}:
            setattr(made, other, 4)
        odd(posterior={"odd-posterior": made})
        assert f"without {name!r}, which every posterior has" in refused(posterior="odd-posterior")
    made = type("TextOutputs", (Gaussian,), {"outputs": property(lambda self: "8", lambda *_: 0)})
    odd(posterior={"odd-posterior": made})
    assert "outputs must be the count of numbers" in refused(posterior="odd-posterior")


# Priors


class LoosePrior(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self):
        return Normal(torch.zeros(self.dim), torch.ones(self.dim))


class TensorPrior(LoosePrior):
    def forward(self):
        return torch.zeros(self.dim)


class WidePrior(LoosePrior):
    def forward(self):
        return Independent(Normal(torch.zeros(self.dim + 1), 1.0), 1)


class ShortSamplesPrior(LoosePrior):
    def forward(self):
        return Independent(super().forward(), 1)

    def sample(self, n, generator=None):
        return torch.zeros(self.dim)


class PlainPrior:
    def __init__(self, dim):
        self.dim = dim


class HalfTaughtPrior(nn.Module):
    """Two learned parameters, of which only one has to do with the density."""

    def __init__(self, dim):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.zeros(dim))

    def forward(self):
        return Independent(Normal(torch.zeros_like(self.scale), self.scale), 1)


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (LoosePrior, "batch shape () and event shape (4,), got (4,) and ()"),
        (TensorPrior, "must give a torch Distribution when called, got Tensor"),
        (WidePrior, "event shape (4,), got () and (5,)"),
        (ShortSamplesPrior, "a sample of 3 codes must have shape (3, 4), got (4,)"),
        (PlainPrior, "must give a torch.nn.Module, got PlainPrior"),
        (HalfTaughtPrior, "no term of the method trains its parameter 'shift'"),
    ],
)
def test_priors(odd, refused, prior, words):
    odd(prior={"odd-prior": prior})
    sentence = refused(prior="odd-prior")
    assert sentence.startswith("prior odd-prior of odd 1.0")
    assert words in sentence


# Estimators


class Plain(nn.Module):
    terms = ("kl",)
    needs_density = False

    def __init__(self, dim):
        super().__init__()

    def kl(self, latent):
        return kl_divergence(latent.posterior.distribution, latent.prior())

    def forward(self, latent):
        return {"kl": self.kl(latent).mean()}


def estimator(name, give, **members):
    return type(name, (Plain,), {"forward": give, **members})


class OwnNet(Plain):
    """A term with a gradient, but only to the estimator's own parameters."""

    def __init__(self, dim):
        super().__init__(dim)
        self.net = nn.Linear(dim, 1)

    def forward(self, latent):
        return {"kl": self.net(latent.z.detach()).mean()}


class BadCritic(OwnNet):
    critic_optimizer: Any = {"learning_rate": 1e-3}

    def forward(self, latent):
        return {"kl": latent.z.mean()}

    def critic_loss(self, latent, second):
        return self.net(second.z.detach()).mean()


class ListOptimizer(BadCritic):
    critic_optimizer = ["adam"]


class TextRate(BadCritic):
    critic_optimizer = {"lr": "fast"}


class VectorCritic(BadCritic):
    critic_optimizer = {"lr": 1e-3}

    def critic_loss(self, latent, second):
        return self.net(second.z.detach())


class RaisingCritic(VectorCritic):
    def critic_loss(self, latent, second):
        return self.no_such_net(second.z)  # type: ignore[operator]


class RaisingInit(Plain):
    def __init__(self, dim):
        raise RuntimeError("no memory for it")


class NoTerms(nn.Module):
    def __init__(self, dim):
        super().__init__()


ESTIMATORS = [
    (estimator("Vectors", lambda s, la: {"kl": s.kl(la)}), "must have shape (), got (2,)"),
    (estimator("Floats", lambda s, la: {"kl": 1.0}), "term 'kl' must be a tensor, got float"),
    (estimator("Bare", lambda s, la: s.kl(la).mean()), "a mapping from term to scalar tensor, got"),
    (estimator("WrongKey", lambda s, la: {"KL": s.kl(la).mean()}),
     "must give the terms that it declares, kl; it gives KL"),
    (estimator("MoreKeys", lambda s, la: {"kl": s.kl(la).mean(), "more": s.kl(la).mean()}),
     "must give the terms that it declares, kl; it gives kl, more"),
    (estimator("UnknownSource", Plain.forward, gradient_of={"kk": "other"}),
     "gradient_of has the key 'kk', which is not one of its terms, kl"),
    (estimator("SourceIsTerm", Plain.forward, gradient_of={"kl": "kl"}),
     "gradient_of names 'kl', which is a term itself; use another name"),
    (estimator("NoMapping", Plain.forward, gradient_of=("kl",)),
     "gradient_of must be a mapping from terms to names, got ('kl',)"),
    (estimator("NoSource", Plain.forward, gradient_of={"kl": "other"}),
     "must give the terms that it declares, kl, other; it gives kl"),
    (estimator("VectorSource", lambda s, la: {"kl": s.kl(la).mean(), "other": s.kl(la)},
               gradient_of={"kl": "other"}),
     "'other', named in gradient_of, must have shape (), got (2,)"),
    (estimator("Nan", lambda s, la: {"kl": la.z.mean() * float("nan")}),
     "kl is nan before the first step: estimator odd-estimator of odd"),
    (estimator("Detached", lambda s, la: {"kl": la.z.detach().mean()}),
     "gives the term 'kl' without a gradient to the model"),
    (OwnNet, "gives the term 'kl' without a gradient to the model"),
    (estimator("Raising", lambda s, la: la.nothing), "raised AttributeError: 'Latent' object"),
    (estimator("TextTerms", Plain.forward, terms="kl"), "terms must be a tuple of names, got 'kl'"),
    (estimator("StepTerm", Plain.forward, terms=("step",)), "other than 'step'"),
    (NoTerms, "without 'terms', which every estimator has"),
    (RaisingInit, "raised RuntimeError: no memory for it"),
    (BadCritic, "unknown option of optimizer adam 'learning_rate'"),
    (ListOptimizer, "its optimizer must be a text such as adam:lr=1e-4 or a mapping"),
    (TextRate, "expected a number"),
    (VectorCritic, "must have shape (), got (2, 1)"),
    (RaisingCritic, "raised AttributeError"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "words"), ESTIMATORS, ids=[e.__name__ for e, _ in ESTIMATORS])
def test_estimators(odd, refused, target, words):
    odd(estimator={"odd-estimator": target})
    sentence = refused(Method((Term("odd-estimator", 1.0),), "l2sq", prior="toy-normal"))
    assert "estimator odd-estimator of odd 1.0" in sentence
    assert words in sentence


@pytest.mark.parametrize("name", ["my.kl", "values", "train"])
def test_names_that_torch_would_not_take_are_no_obstacle(odd, tmp_path, settings, name):
    odd(estimator={name: Plain})
    method = Method((Term(f"odd:{name}", 1.0),), "l2sq", prior="toy-normal")
    run = unweave.train(method, out=tmp_path / "run", device="cpu", **settings)
    assert run.scalars()[-1]["kl"] > 0


class LateFault(Plain):
    def __init__(self, dim):
        super().__init__(dim)
        self.calls = 0

    def forward(self, latent):
        self.calls += self.training
        if self.calls > 7:
            raise RuntimeError("no more")
        return super().forward(latent)


class LateExit(LateFault):
    def forward(self, latent):
        self.calls += self.training
        if self.calls > 7:
            raise SystemExit
        return Plain.forward(self, latent)


@pytest.mark.parametrize(
    ("target", "words"), [(LateFault, "RuntimeError: no more"), (LateExit, "SystemExit")]
)
def test_an_error_at_step_7_is_named_and_what_was_computed_is_kept(
    odd, tmp_path, settings, target, words
):
    odd(estimator={"late": target})
    method = Method((Term("late", 1.0),), "l2sq", prior="toy-normal")
    settings |= {"checkpoint_every": 5}
    message = rf"estimator late of odd 1.0 raised {words} \(at step 7\)"
    with pytest.raises(ConfigError, match=message):
        unweave.train(method, out=tmp_path / "run", device="cpu", **settings)
    assert unweave.Run.open(tmp_path / "run").step == 5


def test_a_late_error_in_a_posterior_names_its_family(odd, tmp_path, settings):
    calls = []

    def rsample(self, generator=None):
        calls.append(self)
        if len(calls) > 9:
            raise RuntimeError("no more")
        return GaussianPosterior.rsample(self, generator)

    odd(posterior={"late": family("LateFamily", rsample=rsample)})
    with pytest.raises(ConfigError, match="posterior late of odd 1.0 raised RuntimeError: no more"):
        unweave.train(
            "toy-vae", out=tmp_path / "run", device="cpu", **{**settings, "posterior": "late"}
        )


# Architectures


def flat_decoder(image_shape, dim, outputs):
    size = int(np.prod(image_shape))
    return nn.Sequential(nn.Flatten(), nn.Linear(size, outputs)), nn.Linear(dim, size)


def wide_encoder(image_shape, dim, outputs):
    encoder, _ = flat_decoder(image_shape, dim, outputs + 1)
    return encoder, nn.Sequential(nn.Linear(dim, 256), nn.Unflatten(1, (1, 16, 16)))


def encoder_alone(image_shape, dim, outputs):
    return nn.Flatten()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (flat_decoder, "what the decoder gives must have shape (2, 1, 16, 16), got (2, 256)"),
        (wide_encoder, "what the encoder gives must have shape (2, 8), got (2, 9)"),
        (encoder_alone, "must give an encoder and a decoder, two torch modules; it gave Flatten"),
    ],
)
def test_architectures(odd, refused, target, words):
    odd(architecture={"odd-architecture": target})
    sentence = refused(architecture="odd-architecture")
    assert sentence.startswith("architecture odd-architecture of odd 1.0")
    assert words in sentence


# Data sets


class Images:
    name, bits, image_shape = "odd images", 8, (16, 16, 1)
    factor_names, factor_sizes, factor_values = ("a",), (2,), None

    def __init__(self):
        rng = np.random.default_rng(0)
        self.pixels = rng.integers(0, 256, (40, 16, 16, 1), dtype=np.uint8)
        self.factors = (np.arange(40) % 2)[:, None]

    def __len__(self):
        return 40

    def images(self, index):
        return self.pixels[index]

    def stored(self, progress=None):
        return self.pixels


def lose(*_):
    raise FileNotFoundError(2, "No such file", "/nowhere")


def data(name, **members):
    return type(name, (Images,), members)


DATA = [
    (data("FewFactors", factors=property(lambda s: np.zeros((39, 1), int), lambda *_: None)),
     "factors must be integers of shape (40, K), one row for each image, got int64 of shape (39,"),
    (data("FloatFactors", factors=property(lambda s: np.zeros((40, 1)), lambda *_: None)),
     "factors must be integers"),
    (data("SmallSize", factor_sizes=(1,)), "factor 'a' of size 1 has classes from 0 to 1"),
    (data("HugeSize", factor_sizes=(10**300,)), "factor 'a' of size 1000"),
    (data("NoSizes", factor_sizes=()), "factor_names and factor_sizes must have 1 entries each"),
    (data("OddBits", bits=16), "bits must be 1, 8 or 32, got 16"),
    (data("FlatShape", image_shape=(256,)), "image_shape must be (h, w, c), got (256,)"),
    (data("FloatImages", images=lambda s, i: s.pixels[i] / np.float32(255)),
     "images(index) must be uint8 with shape (2, 16, 16, 1), got float32"),
    (data("OneImage", images=lambda s, i: s.pixels[0]), "got uint8 with shape (16, 16, 1)"),
    (data("LostFile", images=lose),
     "raised FileNotFoundError: [Errno 2] No such file: '/nowhere'"),
    (data("LostStore", stored=lose),
     "No such file: '/nowhere' (in stored())"),
    (data("OtherStore", stored=lambda s, p=None: s.pixels[::-1].copy()),
     "stored() must hold the images that images() gives"),
    (data("ShortStore", stored=lambda s, p=None: s.pixels[:30]), "stored()"),
    (data("Empty", __len__=lambda s: 0), "has no images"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "words"), DATA, ids=[d.__name__ for d, _ in DATA])
def test_data_sets(odd, refused, target, words):
    odd(dataset={"odd-images": target})
    sentence = refused(data="odd-images")
    assert sentence.startswith("dataset odd-images of odd 1.0")
    assert words in sentence


def test_a_data_set_needs_nothing_optional(odd, tmp_path, settings):
    odd(dataset={"odd-images": Images})
    unweave.train(
        "toy-vae", out=tmp_path / "run", device="cpu", **{**settings, "data": "odd-images"}
    )


# Optimizers


class Keeps(torch.optim.SGD):
    def step(self, closure=None):
        super().step()
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["steps"] = 1


def counting(parameters, lr):
    return Keeps(parameters, lr=float(lr))


def no_optimizer(parameters, lr):
    return list(parameters)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (no_optimizer, "must give a torch.optim.Optimizer, got list"),
        (counting, "its state must be tensors, so that a run can be resumed; 'steps' is of type"),
    ],
)
def test_optimizers(odd, refused, target, words):
    odd(optimizer={"odd-optimizer": target})
    sentence = refused(optimizer="odd-optimizer")
    assert "optimizer odd-optimizer of odd 1.0" in sentence
    assert words in sentence


# Metrics and flows: what was computed is kept


def gives_none(codes):
    return None


def gives_dict(codes):
    return {"score": 1.0}


def gives_array(codes):
    return np.zeros(3)


def gives_one_array(codes):
    return np.zeros(1)


def gives_truth(codes):
    return True


def raises(codes):
    raise RuntimeError("singular")


def leaves(codes):
    raise SystemExit(1)


METRICS = {
    f.__name__.replace("_", "-"): f
    for f in (gives_none, gives_dict, gives_array, gives_one_array, gives_truth, raises, leaves)
}


def test_a_metric_costs_the_others_nothing(odd, tmp_path, settings):
    odd(metric=METRICS)
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        scores = run.evaluate((*METRICS, "toy-correlation"))
    assert np.isfinite(scores["toy-correlation"])
    kept = json.loads(run.scores_path.read_text())["scores"]
    for name in METRICS:
        assert np.isnan(scores[name])
        assert f"metric {name} of odd 1.0" in kept[name]["reason"]
        assert any(f"no score {name}: metric {name} of odd 1.0" in str(w.message) for w in said)
    assert "got NoneType" in kept["gives-none"]["reason"]
    assert "got ndarray of shape (3,)" in kept["gives-array"]["reason"]


class FitBuffer(nn.Module):
    """A flow that registers a buffer in its fit."""

    def __init__(self, dim):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(dim))

    def forward(self):
        return Independent(Normal(self.mean, 1.0), 1)

    def fit(self, codes, *, generator=None, progress=None):
        self.register_buffer("seen", codes.mean(0))
        return self


class NanFit(FitBuffer):
    def fit(self, codes, *, generator=None, progress=None):
        with torch.no_grad():
            self.mean.fill_(float("nan"))


class LoosePosteriorFit(FitBuffer):
    def forward(self):
        return Normal(self.mean, 1.0)

    def fit(self, codes, *, generator=None, progress=None):
        return self


class RaisingFit(FitBuffer):
    def fit(self, codes, *, generator=None, progress=None):
        raise SystemExit("enough")


class NoFit(nn.Module):
    def __init__(self, dim):
        super().__init__()


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        (FitBuffer, "cannot be loaded after its fit"),
        (NanFit, "did not converge: mean is not finite"),
        (LoosePosteriorFit, "must give each code a finite log density"),
        (RaisingFit, "raised SystemExit: enough (in its fit"),
        (NoFit, "has no method 'fit', which every flow has"),
    ],
)
def test_a_flow_that_fails_leaves_the_density_that_was_there(odd, tmp_path, settings, flow, words):
    odd(flow={"odd-flow": flow})
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    run.fit_density("toy-affine")
    before = (run.path / "density.safetensors").read_bytes()
    with pytest.raises(ConfigError) as caught:
        run.fit_density("odd-flow")
    assert "flow odd-flow of odd 1.0" in str(caught.value)
    assert words in str(caught.value)
    assert (run.path / "density.safetensors").read_bytes() == before
    assert run.density.mean.shape == (4,)


# Methods and objectives


class FlatRounds(nn.Module):
    def __init__(self, parts):
        super().__init__()
        self.rounds: tuple[Any, ...] = (Player("autoencoder", (parts.model,)),)

    def losses(self, number, batches, clock):
        return {}, {}


class NoPlayers(FlatRounds):
    def __init__(self, parts):
        super().__init__(parts)
        self.rounds = ()


class NoLosses(FlatRounds):
    def __init__(self, parts):
        super().__init__(parts)
        self.rounds = (self.rounds,)


class TupleLosses(NoLosses):
    def losses(self, number, batches, clock):
        return batches.first.latent.z.mean(), {}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (FlatRounds, "when asked for its rounds of players"),
        (NoPlayers, "has no players"),
        (NoLosses, "must give a loss for each player of round 0, autoencoder; it gave none"),
        (TupleLosses, "must give a mapping of losses in round 0, got Tensor"),
    ],
)
def test_objectives(odd, refused, target, words):
    odd(objective={"odd-objective": target})
    sentence = refused(Method((Term("toy-kl", 1.0),), "l2sq", objective="odd-objective",
                              prior="toy-normal"))  # fmt: skip
    assert "objective odd-objective of odd 1.0" in sentence
    assert words in sentence


def none_method():
    return None


def test_methods(odd, refused):
    odd(method={"none-method": none_method})
    assert "must give an unweave.Method, got NoneType" in refused("none-method")


# Errors that cannot be shown


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class UnspeakableCost(Squared):
    def forward(self, x, output):
        raise Unspeakable


def test_an_error_that_cannot_be_shown_is_named_by_its_class(odd, refused):
    odd(cost={"odd-cost": UnspeakableCost})
    assert "raised Unspeakable: its message cannot be shown" in refused(cost="odd-cost")


OBSERVER = """
class Unspeakable(BaseException):
    def __str__(self):
        raise SystemExit

@hookimpl
def unweave_run_start(run):
    raise SystemExit(5)

@hookimpl
def unweave_run_log(run, step, scalars):
    scalars.clear()
    raise Unspeakable

@hookimpl
def unweave_run_end(run, outcome):
    raise GeneratorExit
"""


def test_observers_end_nothing(tmp_path, settings, monkeypatch):
    write_distribution(tmp_path, "loud", HEAD + OBSERVER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("UNWEAVE_PLUGINS", "unweave,toy,loud")
    registry.cache_clear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", PluginWarning)
        run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    sentences = [str(warning.message) for warning in said]
    for fault in ("SystemExit: 5", "Unspeakable: its message cannot be shown", "GeneratorExit"):
        assert any(f"of loud failed: {fault}; the run continues" in text for text in sentences)
    assert run.outcome == "finished"
    assert run.scalars()[-1]["kl"] > 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "memory is not enough"),
        (ModuleNotFoundError("No module", name="gone"), "the package 'gone' is needed and is not"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), "not enough"),
        (type("Mute", (ValueError,), {"__str__": lost})(), "its message cannot be shown"),
    ],
)
def test_what_a_command_raises_is_one_sentence(call, monkeypatch, error, words):
    def fail():
        raise error

    monkeypatch.setattr("unweave.commands.lists.list_plugins", fail)
    said = call("plugins", code=2)
    assert words in said
    assert "Traceback" not in said


# After training


class LateImageCost(Squared):
    """Its pictures are as they should be until training is over."""

    trained = False

    def image(self, output):
        if LateImageCost.trained:
            raise KeyError("palette")
        return super().image(output)


def test_an_error_after_training_is_named(odd, tmp_path, settings, monkeypatch, call):
    odd(cost={"odd-cost": LateImageCost})
    settings |= {"cost": "odd-cost"}
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    monkeypatch.setattr(LateImageCost, "trained", True)
    sentence = "cost odd-cost of odd 1.0 raised KeyError: 'palette'"
    with pytest.raises(ConfigError, match=sentence):
        run.sample(2)
    for command in ("sample", "report", "figures", "traverse", "evaluate"):
        said = call(command, run.path, code=2)
        assert f"unweave: {sentence}" in said
        assert "Traceback" not in said


class LatePosterior(GaussianPosterior):
    trained = False

    def rsample(self, generator=None):
        if LatePosterior.trained:
            raise AttributeError("noise")
        return super().rsample(generator)


class LatePosteriorFamily(FaultyFamily):
    posterior = LatePosterior


def test_an_error_of_a_posterior_after_training_names_its_family(
    odd, tmp_path, settings, monkeypatch
):
    odd(posterior={"late": LatePosteriorFamily})
    settings |= {"posterior": "late"}
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    monkeypatch.setattr(LatePosterior, "trained", True)
    with pytest.raises(ConfigError, match=r"posterior late of odd 1\.0 raised AttributeError: noi"):
        run.posterior_codes(4)


class LateName(LateFault):
    """A term that is called otherwise from some step on."""

    def forward(self, latent):
        self.calls += self.training
        terms = Plain.forward(self, latent)
        return {"KL": terms["kl"]} if self.calls > 7 else terms


class LateTerms(LateName):
    """The names that it declares change as well."""

    @property
    def terms(self):  # type: ignore[override]
        return ("KL",) if getattr(self, "calls", 0) > 7 else ("kl",)


class LateLogSum(NoLosses):
    """An objective that forgets a term, later its loss."""

    def losses(self, number, batches, clock):
        loss = batches.first.output.square().mean() + batches.first.latent.z.square().mean()
        late, self.calls = getattr(self, "calls", 0) > 7, getattr(self, "calls", 0) + 1
        return {"autoencoder": loss}, {} if late else {"loss": loss}


class LateLoss(LateLogSum):
    def losses(self, number, batches, clock):
        losses, terms = super().losses(number, batches, clock)
        return losses if terms else {}, {"loss": losses["autoencoder"]}


@pytest.mark.parametrize(
    ("kind", "target", "missing", "names"),
    [
        ("estimator", LateName, "kl", "KL"),
        ("estimator", LateTerms, "kl", "KL"),
        ("objective", LateLogSum, "loss", "nothing"),
        ("objective", LateLoss, "autoencoder", "nothing"),
    ],
)
def test_a_name_that_changes_in_training_is_one_sentence(
    odd, tmp_path, settings, kind, target, missing, names
):
    odd(**{kind: {"late": target}})
    method = (
        Method((Term("late", 1.0),), "l2sq", prior="toy-normal")
        if kind == "estimator"
        else Method((), "l2sq", objective="late", prior="toy-normal")
    )
    with pytest.raises(ConfigError) as caught:
        unweave.train(method, out=tmp_path / "run", device="cpu", **settings)
    assert str(caught.value) == (
        f"{kind} late of odd 1.0 no longer gives {missing!r}, which it gave before training; "
        f"it gives {names}"
    )


def test_evaluations_at_once_lose_no_score(odd, tmp_path, settings, monkeypatch):
    """Each reads the scores that are there and adds its own, whoever else does so."""
    metrics = {f"score-{n}": f for n, f in enumerate((zero, one, two, three))}
    odd(metric=metrics)
    path = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings).path
    unweave.Run.open(path, device="cpu").evaluate(("toy-correlation",))
    real = score_file.read_scores

    def slow(run):
        found = real(run)
        time.sleep(0.1)
        return found

    monkeypatch.setattr(score_file, "read_scores", slow)
    runs = [unweave.Run.open(path, device="cpu") for _ in metrics]
    threads = [
        threading.Thread(target=run.evaluate, args=((name,),))
        for run, name in zip(runs, metrics, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = json.loads((path / "scores.json").read_text())["scores"]
    assert {"toy-correlation", *metrics} <= kept.keys()


def zero(codes):
    return 0.0


def one(codes):
    return 1.0


def two(codes):
    return 2.0


def three(codes):
    return 3.0
