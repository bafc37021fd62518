"""The conformance kit on everything that is registered in the house."""

import os
from functools import partial
from typing import Any

import pytest
import torch

import unweave_testing as kit
from unweave.registry import registry

BY_DESIGN = "the gradient that helps training is not that of the logged value"
ESTIMATORS = {
    "mss": {"batch-order": "the stratified weight goes to the next sample of the batch"},
    "latent-gan": {"gradients": BY_DESIGN},
    "prior-nll": {"gradients": "detached codes: it teaches the prior alone"},
    "sinkhorn": {"gradients": "of the entropic cost, whose iterations are not run to the end"},
}
SMALL_CRITIC = {"width": 16, "layers": 2}
OPTIONS = {"density-ratio": SMALL_CRITIC, "latent-gan": SMALL_CRITIC}
POSTERIORS = {
    "flow": ({}, {"kind": "planar"}),
    "gaussian": ({}, {"head": "softplus"}, {"head": "softplus-variance"}),
}
COSTS: dict[str, tuple[dict[str, object], ...]] = {"gaussian": ({}, {"learned": "one"})}
ARCHITECTURES = {"vcae28": {"width": 0.1}, "vcae64": {"width": 0.1}}
METHODS = {
    "hfvae": {"groups": (1, 3)},
    "decomposed-vae": {"divergence": "inclusive-kl"},
    "custom": {
        "terms": ({"estimator": "mmd", "weights": 1.0},), "objective_options": {"weight": 2.0},
    },
}  # fmt: skip
WITHOUT_TERMS = ("infogan",)
OBJECTIVES = {
    "infogan": ({"codes": 3, "discrete": 0}, {"codes": 5, "discrete": 2}),
    "vae-gan": ({}, {"generator": "non-saturating", "balance": 0.2, "weight": "warmup(1, 10)"}),
}
OPTIMIZERS: dict[str, tuple[dict[str, object], ...]] = {
    "adam": ({}, {"amsgrad": True}),
    "rmsprop": ({}, {"momentum": 0.9, "centered": True}),
    "sgd": ({}, {"momentum": 0.9, "nesterov": True}),
}


def ours(kind):
    house = ("unweave", "unweave-estimators", "unweave-flows", "unweave-priors", "unweave-data")
    # `given` stands for what is given from Python, and builds nothing. `mixed` begins one-hot, and
    # the kit integrates densities over all of space: its own tests are in its package.
    apart = ("given", "mixed")
    entries = [entry for entry in registry().entries(kind) if entry.name not in apart]
    return [entry for entry in entries if entry.distribution in house]


def cases(kind):
    return pytest.mark.parametrize("entry", ours(kind), ids=lambda entry: entry.name)


@cases("estimator")
def test_estimators(entry):
    if entry.name == "sinkhorn" and os.environ.get("UNWEAVE_REQUIRE_ALL") != "1":
        pytest.importorskip("geomloss")
    torch.manual_seed(0)
    factory = partial(entry.load(), **OPTIONS.get(entry.name, {}))
    kit.run(kit.estimator_checks(), factory, ESTIMATORS.get(entry.name)).raise_if_not_ok()


@cases("posterior")
def test_posteriors(entry):
    checks = kit.posterior_checks(exact_moments=entry.name != "flow")
    for options in POSTERIORS.get(entry.name, ({},)):
        kit.run(checks, partial(entry.load(), **options)).raise_if_not_ok()


@cases("method")
def test_methods(entry):
    kinds = ("cost", "estimator", "objective", "posterior", "prior")
    names = {kind: registry().names(kind) for kind in kinds}
    checks = kit.method_checks(known=names, other=METHODS.get(entry.name))
    kit.run(checks, entry.load()).raise_if_not_ok()


@cases("architecture")
def test_architectures(entry):
    factory = partial(entry.load(), **ARCHITECTURES.get(entry.name, {}))
    kit.run(kit.architecture_checks(), factory).raise_if_not_ok()


@cases("cost")
def test_costs(entry):
    for options in COSTS.get(entry.name, ({},)):
        kit.run(kit.cost_checks(), partial(entry.load(), **options)).raise_if_not_ok()


@cases("objective")
def test_objectives(entry):
    for options in OBJECTIVES.get(entry.name, ({},)):
        factory = partial(entry.load(), **options)
        checks = kit.objective_checks(terms=entry.name not in WITHOUT_TERMS)
        kit.run(checks, factory).raise_if_not_ok()


@cases("optimizer")
def test_optimizers(entry):
    for options in OPTIMIZERS.get(entry.name, ({},)):
        factory = partial(entry.load(), **options)
        kit.run(kit.optimizer_checks(), factory).raise_if_not_ok()


@cases("executor")
def test_executors(entry):
    kit.run(kit.executor_checks(), entry.load()).raise_if_not_ok()


@cases("prior")
def test_priors(entry):
    torch.manual_seed(0)
    narrow = {"spike-slab": 0.2, "uniform": 0.5, "gaussian-mixture": 0.5, "vamp": 0.5}
    facts: dict[str, object] = {"length": narrow.get(entry.name, 1.0)}
    if entry.name in ("gaussian-mixture", "vamp", "flow"):
        facts["factorised"] = False
    options = {
        "uniform": {"low": -2.0, "high": 2.0},
        "vamp": {"components": 3},
        "flow": {"kind": "maf", "transforms": 2, "hidden": (8,)},
    }
    if entry.name == "uniform":
        facts["support"] = (-2.0, 2.0)

    def factory(dim):
        prior = entry.load()(dim, **options.get(entry.name, {}))
        if getattr(prior, "images_wanted", 0):
            torch.manual_seed(0)
            encoder = torch.nn.Linear(16, 2 * dim).requires_grad_(False)

            def encode(x):
                mean, spread = encoder.to(x)(x.flatten(1)).chunk(2, dim=1)
                normal = torch.distributions.Normal(mean, spread.exp())
                return torch.distributions.Independent(normal, 1)

            prior.attach(encode, torch.rand(prior.images_wanted, 1, 4, 4))
        return prior

    if entry.name == "gaussian-mixture":
        factory = partial(entry.load(), components=2)
    kit.run(kit.prior_checks(**facts), factory).raise_if_not_ok()


@pytest.mark.parametrize("name", ["gaussian", "gaussian-mixture", "maf", "realnvp"])
def test_flows(name):
    target = registry().lookup("flow", name).load()
    small = {"transforms": 2, "hidden": (16,)} if name in ("maf", "realnvp") else {}
    kit.run(kit.flow_checks(), partial(target, **small)).raise_if_not_ok()


def test_the_kit_finds_a_fault_in_what_it_passes_here():
    """A correct estimator with a wrong sign fails exactly `gradients` of an exact term."""

    code_norm: Any = registry().lookup("estimator", "code-norm").load()

    class Wrong(code_norm):  # type: ignore[misc]
        def forward(self, latent):
            right = super().forward(latent)["code_norm"]
            return {"code_norm": 2 * right.detach() - right}

    report = kit.run(kit.estimator_checks(), Wrong)
    failed = [result.name for result in report.results if result.outcome == "failed"]
    assert failed == ["gradients"], report
