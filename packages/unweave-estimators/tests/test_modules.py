"""What every registered estimator promises the trainer."""

import doctest
import importlib
import inspect
import pkgutil
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal

import unweave_estimators

CRITIC = {"width": 16, "layers": 1}
BUILD = {
    "AnalyticKL": {"free_bits": 0.1},
    "SampledKL": {},
    "MWS": {"memory": 10},
    "MSS": {"memory": 10},
    "LOO": {"dimension_wise": False},
    "Hierarchical": {"memory": 10, "groups": (1, 2)},
    "DensityRatio": CRITIC,
    "MMD": {"kernel": "rbf"},
    "LatentGAN": CRITIC,
    "Variance": {},
    "InclusiveKL": {},
    "DIP": {"kind": "ii"},
    "PriorNLL": {"detach": False},
    "CodeNorm": {},
    "DecoderL2": {},
    "DecoderGradientPenalty": {"probes": 2},
    "SlicedWasserstein": {},
    "Sinkhorn": {},
}


def build(name, dim=3):
    if name == "Sinkhorn":
        pytest.importorskip("geomloss")
    return getattr(unweave_estimators, name)(dim, **BUILD[name])


def hooks():
    pytest.importorskip("pluggy")
    import _unweave_estimators_plugin

    return _unweave_estimators_plugin.unweave_estimators()


def test_every_registered_name_leads_to_an_estimator():
    classes = {target.partition(":")[2] for target in hooks().values()}
    assert classes == set(BUILD)
    for target in hooks().values():
        module, _, name = target.partition(":")
        assert issubclass(getattr(importlib.import_module(module), name), torch.nn.Module)


@pytest.mark.parametrize("name", BUILD)
def test_options_are_keywords_with_annotations(name):
    parameters = list(inspect.signature(getattr(unweave_estimators, name)).parameters.values())
    assert [p.name for p in parameters[:1]] == ["dim"]
    for option in parameters[1:]:
        assert option.kind is inspect.Parameter.KEYWORD_ONLY
        assert option.annotation in ("int", "float", "bool", "str", "tuple[int, ...]")
        assert option.default is not inspect.Parameter.empty


@pytest.mark.parametrize("name", BUILD)
def test_terms_are_scalars_with_gradients_for_what_they_are_of(name, latent_of):
    module, latent = build(name), latent_of()
    terms = module(latent)
    sources = getattr(module, "gradient_of", {})
    assert tuple(terms) == (*module.terms, *sources.values())
    for value in terms.values():
        assert value.shape == ()
        assert value.dtype == torch.float32
        leaves = (latent.posterior.mean, latent.posterior.std)
        if name == "DecoderL2":
            leaves = tuple(latent.decoder.parameters())
        grads = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
        assert all(g.isfinite().all() for g in grads if g is not None)
        assert any(g is not None and g.abs().sum() > 0 for g in grads)


@pytest.mark.parametrize("name", BUILD)
def test_bfloat16_is_computed_in_float32(name, latent_of):
    latent = latent_of(dtype=torch.bfloat16)
    assert all(v.dtype == torch.float32 for v in build(name)(latent).values())


@pytest.mark.parametrize("name", BUILD)
def test_randomness_comes_from_the_latent_alone(name, latent_of):
    module = build(name).eval()
    torch.manual_seed(0)
    first = module(latent_of(seed=4))
    torch.manual_seed(1)
    second = module(latent_of(seed=4))
    assert all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("name", sorted(set(BUILD) - {"Sinkhorn"}))
def test_a_step_never_asks_for_a_value(name):
    """Tensors without data raise wherever a value would reach Python."""
    mean = torch.zeros(8, 3, device="meta", requires_grad=True)
    std = torch.ones(8, 3, device="meta", requires_grad=True)
    zero = torch.zeros(3, device="meta")
    latent = SimpleNamespace(
        z=mean + std,
        posterior=SimpleNamespace(
            mean=mean,
            std=std,
            has_density=True,
            distribution=Independent(Normal(mean, std, validate_args=False), 1),
            log_prob=lambda z: Normal(mean, std, validate_args=False).log_prob(z).sum(1),
        ),
        dataset_size=100,
        generator=None,
        prior=lambda: Independent(Normal(zero, zero + 1, validate_args=False), 1),
        prior_sample=lambda: torch.zeros(8, 3, device="meta"),
        decoder=torch.nn.Linear(3, 5, device="meta"),
    )
    module = build(name).to("meta")
    for _ in range(2):
        sum(module(latent).values()).backward()
    if hasattr(module, "critic_loss"):
        module.critic_loss(latent, latent).backward()


CODE_BY_CODE = {"AnalyticKL", "SampledKL", "PriorNLL", "CodeNorm"}
CODE_BY_CODE |= {"DecoderL2", "DecoderGradientPenalty"}


@pytest.mark.parametrize("name", sorted(CODE_BY_CODE))
def test_one_code_is_enough_where_codes_are_not_compared(name, latent_of):
    (value,) = build(name)(latent_of(b=1)).values()
    assert value.isfinite()


@pytest.mark.parametrize("name", sorted(set(BUILD) - CODE_BY_CODE))
def test_one_code_is_refused_where_codes_are_compared(name, latent_of):
    with pytest.raises(ValueError, match="at least 2 codes, got 1"):
        build(name)(latent_of(b=1))


def test_posteriors_of_another_shape_are_refused(latent_of):
    latent = latent_of()
    latent.posterior = latent_of(b=31).posterior
    with pytest.raises(ValueError, match=r"posterior must have the shape of z, \(32, 3\)"):
        unweave_estimators.MWS(3)(latent)


@pytest.mark.parametrize("name", ["DecoderL2", "DecoderGradientPenalty"])
def test_a_latent_without_a_decoder_is_told_so(name, latent_of):
    latent = latent_of()
    del latent.decoder
    with pytest.raises(ValueError, match=r"needs latent\.decoder, the torch module.* got NoneType"):
        build(name)(latent)


@pytest.mark.parametrize("name", ["MWS", "MSS", "LOO"])
def test_what_has_no_factors_is_refused_by_name(name, latent_of):
    kind = getattr(unweave_estimators, name)
    whole = MultivariateNormal(torch.zeros(3), torch.eye(3))
    with pytest.raises(ValueError, match="dimension_wise_kl needs a prior that factorises"):
        kind(3)(latent_of(prior=whole))
    latent = latent_of(prior=whole)
    terms = kind(3, dimension_wise=False)(latent)
    standard = kind(3)(latent_of())
    both = standard["total_correlation"] + standard["dimension_wise_kl"]
    torch.testing.assert_close(terms["marginal_kl"], both)
    latent.posterior.distribution = MultivariateNormal(latent.z.detach(), torch.eye(3))
    with pytest.raises(ValueError, match="needs a posterior that factorises"):
        kind(3)(latent)
    latent.posterior.has_density = False
    with pytest.raises(ValueError, match="needs a posterior with a density"):
        kind(3)(latent)


def test_every_public_name_is_documented_and_its_examples_run():
    for name in unweave_estimators.__all__:
        assert getattr(unweave_estimators, name).__doc__
    tried = 0
    for info in pkgutil.iter_modules(unweave_estimators.__path__, "unweave_estimators."):
        result = doctest.testmod(importlib.import_module(info.name))
        assert result.failed == 0
        tried += result.attempted
    assert tried > 30


def test_the_package_alone_imports_torch_and_nothing_else(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys; before = set(sys.modules); import torch; after = set(sys.modules)\n"
        "import unweave_estimators\n"
        "new = {m.partition('.')[0] for m in set(sys.modules) - after}\n"
        "own = {'unweave_estimators', 'sympy', 'mpmath'}  # torch 2.6 imports these two late\n"
        "print(sorted(new - own - sys.stdlib_module_names))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() in ("[]", "['torch']")
