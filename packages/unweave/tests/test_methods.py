"""Rows of the table of methods: what their options become."""

import inspect

import pytest

from unweave.errors import ConfigError
from unweave.methods import regularised, variational, wasserstein
from unweave.options import build
from unweave.registry import registry

CRITICS = {"density-ratio", "latent-gan"}


def rows():
    for module in (regularised, variational, wasserstein):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                yield pytest.param(function, id=name)


@pytest.mark.parametrize("row", list(rows()))
def test_every_method_with_a_critic_hands_its_learning_rate_on(row):
    critics = [term for term in row().terms if term.estimator in CRITICS]
    assert ("critic_lr" in inspect.signature(row).parameters) == bool(critics)
    for given in [1e-4, 1e-5] if critics else []:
        method = row(critic_lr=given, critic_width=7, critic_layers=3)
        (term,) = (term for term in method.terms if term.estimator in CRITICS)
        found = {name: term.options[name] for name in ("lr", "width", "layers")}
        assert found == {"lr": given, "width": 7, "layers": 3}


@pytest.mark.parametrize("row", list(rows()))
def test_every_method_with_a_critic_of_the_total_correlation_can_standardize_its_codes(row):
    critics = [term for term in row().terms if term.estimator == "density-ratio"]
    assert ("critic_standardized" in inspect.signature(row).parameters) == bool(critics)
    for given in [False, True] if critics else []:
        method = row(critic_standardized=given)
        (term,) = (term for term in method.terms if term.estimator == "density-ratio")
        assert term.options["standardized"] == given


@pytest.mark.parametrize("lr", [0.0, -1e-4, float("nan")])
def test_a_learning_rate_of_a_critic_must_be_positive(lr):
    with pytest.raises(ValueError, match="critic_lr must be a positive number, got"):
        wasserstein.tcwae_gan(critic_lr=lr)


def test_the_two_of_kim_and_mnihs_set_up_take_their_likelihood():
    assert wasserstein.tc_vcae().cost == "bernoulli"
    assert wasserstein.tc_cwae().cost == "bernoulli"
    assert wasserstein.vcae().cost == "l2sq"


@pytest.mark.parametrize(
    ("alpha", "beta", "gamma", "weights"),
    [
        (1.0, 6.0, 1.0, {"total_correlation": 5.0}),
        (1.0, 1.0, 1.0, {}),
        (2.0, 6.0, 1.0, {"total_correlation": 4.0, "dimension_wise_kl": -1.0}),
        (0.0, 6.0, 2.0, {"total_correlation": 6.0, "dimension_wise_kl": 2.0}),
    ],
)
def test_beta_tcvae_with_the_analytic_kl_has_the_weights_of_the_sum(alpha, beta, gamma, weights):
    method = variational.beta_tcvae(
        alpha=alpha, beta=beta, gamma=gamma, estimator="mss", kl="analytic"
    )
    first, second = method.terms
    assert (first.estimator, first.weights) == ("analytic-kl", {"kl": alpha})
    assert (second.estimator, second.weights) == ("mss", weights)


def test_beta_tcvae_with_the_analytic_kl_refuses_schedules():
    entry = registry().lookup("method", "beta-tcvae")
    options = {"beta": "warmup(6, 100)"}
    assert build(entry, options=options).terms[0].weights["total_correlation"] == "warmup(6, 100)"
    with pytest.raises(ConfigError, match="kl=analytic takes numbers for alpha, beta and gamma"):
        build(entry, options={**options, "kl": "analytic"})
