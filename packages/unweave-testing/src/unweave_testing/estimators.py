"""Checks that every estimator must pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unweave_testing import torch_modules as modules
from unweave_testing.check import Check, NotApplicable

Exact = Callable[[Any], Mapping[str, float]]
B, DIM, SIZE = 64, 3, 1_000


@dataclass(frozen=True)
class _Facts:
    """The author's statements about the estimator."""

    bounds: Mapping[str, tuple[float, float]]
    exact: Exact | None
    tolerance: float


def estimator_checks(
    *,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    exact: Exact | None = None,
    tolerance: float = 1e-6,
) -> list[Check]:
    """List the checks of estimators; their factory is called with the number of code dimensions.

    The latent of the checks has 64 codes, a Gaussian posterior, a standard normal prior, a small
    decoder and a data set of 1,000 images.

    - `terms`: a call returns the names in `terms` and the values of `gradient_of`, each with a
      finite scalar.
    - `needs-density`: if `needs_density` is False, the values are finite for a deterministic
      posterior.
    - `bounds`: the values lie within `bounds`.
    - `exact`: the values equal those of `exact`, up to `tolerance`.
    - `generator`: the values depend on no random numbers but the latent's generator.
    - `batch-order`: an estimator that draws no random numbers does not depend on the order of the
      batch.
    - `gradients`: the gradient of every term to codes and posterior equals central differences of
      the term or, if `gradient_of` has the term, of the value that it names; a term that depends
      on neither has a gradient to the decoder or the prior.
    - `critic`: `critic_loss` has a gradient to every parameter and to no code, and
      `critic_optimizer` is text such as "adam:lr=1e-4" or has `lr`, `betas` and `eps`.

    Parameters
    ----------
    bounds : mapping from term to two floats, optional
        Smallest and largest possible value.
    exact : callable, optional
        Takes the latent and returns the true value of some terms.
    tolerance : float
        Largest allowed difference from the true values; it must cover the estimator's bias and
        spread.

    Examples
    --------
    >>> from unweave_testing import estimator_checks
    >>> [check.name for check in estimator_checks()][:3]
    ['terms', 'needs-density', 'bounds']
    """
    facts = _Facts(bounds or {}, exact, tolerance)
    functions: dict[str, Callable[[Any, _Facts], None]] = {
        "terms": _terms,
        "needs-density": _needs_density,
        "bounds": _bounds,
        "exact": _exact,
        "generator": _generator,
        "batch-order": _batch_order,
        "gradients": _gradients,
        "critic": _critic,
    }
    return [Check(name, _with(facts, function)) for name, function in functions.items()]


def _with(facts: _Facts, function: Callable[[Any, _Facts], None]) -> Callable[[Any], None]:
    return lambda factory: function(factory, facts)


@dataclass(frozen=True)
class _Posterior:
    """Factorised Gaussian; with `has_density` False and std zero, a deterministic posterior."""

    mean: Any
    std: Any
    has_density: bool = True

    @property
    def distribution(self) -> Any:
        import torch

        if not self.has_density:
            raise ValueError("a deterministic posterior has no density")
        normal = torch.distributions.Normal(self.mean, self.std, validate_args=False)
        return torch.distributions.Independent(normal, 1)

    def log_prob(self, z: Any) -> Any:
        return self.distribution.log_prob(z)

    def rsample(self, generator: Any = None) -> Any:
        import torch

        noise = torch.randn(self.mean.shape, generator=generator, dtype=self.mean.dtype)
        return self.mean + self.std * noise


@dataclass(frozen=True)
class _Latent:
    """The argument of an estimator."""

    z: Any
    posterior: _Posterior
    generator: Any
    dataset_size: int = SIZE
    prior: Any = field(default_factory=lambda: _prior())
    decoder: Any = field(default_factory=lambda: _decoder())

    def prior_sample(self) -> Any:
        import torch

        return torch.randn(self.z.shape, generator=self.generator, dtype=self.z.dtype)


@dataclass(frozen=True)
class _Prior:
    """Standard normal prior around a location."""

    loc: Any

    def __call__(self) -> Any:
        import torch

        scale = torch.ones_like(self.loc)
        normal = torch.distributions.Normal(self.loc, scale, validate_args=False)
        return torch.distributions.Independent(normal, 1)


def _prior(*, requires_grad: bool = False) -> _Prior:
    import torch

    return _Prior(torch.zeros(DIM, dtype=torch.float64, requires_grad=requires_grad))


def _decoder() -> Any:
    """Build a small smooth decoder with the same weights every time."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        hidden, output = torch.nn.Linear(DIM, 8), torch.nn.Linear(8, 12)
    parts = (hidden, torch.nn.Tanh(), output, torch.nn.Unflatten(1, (1, 3, 4)))
    return torch.nn.Sequential(*parts).double()


def _latent(seed: int = 0, draws: int = 0, *, density: bool = True) -> _Latent:
    """Build a batch of correlated codes; `draws` is the seed of the latent's generator."""
    import torch

    generator = modules.generator(seed)
    mean, std, noise = (
        torch.randn(B, DIM, generator=generator, dtype=torch.float64) for _ in range(3)
    )
    mean = mean + 0.5 * mean.roll(1, dims=1)
    std = 0.3 * (0.3 * std).exp() if density else torch.zeros_like(mean)
    z = mean + std * noise
    return _Latent(z, _Posterior(mean, std, density), modules.generator(draws))


def _values(factory: Any, latent: _Latent) -> dict[str, float]:
    import torch

    with torch.no_grad():
        values = _build(factory)(latent)
    return {name: float(value) for name, value in values.items()}


def _build(factory: Any) -> Any:
    """Build the estimator with the same first weights every time."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return factory(DIM).double()


def _terms(factory: Any, facts: _Facts) -> None:
    estimator = _build(factory)
    values = estimator(_latent())
    sources = _sources(estimator)
    names = (*estimator.terms, *dict.fromkeys(sources.values()))
    declaration = "terms and gradient_of" if sources else "terms"
    assert tuple(values) == names, (
        f"a call must return the names in {declaration}, {names}, got {tuple(values)}"
    )
    for name, value in values.items():
        assert tuple(value.shape) == (), f"{name} must be a scalar, got {tuple(value.shape)}"
        number = float(value.detach())
        assert np.isfinite(number), f"{name} must be finite, got {number}"


def _sources(estimator: Any) -> Mapping[str, str]:
    """Return a mapping from terms that have the gradient of another value to its name."""
    sources: Mapping[str, str] = getattr(estimator, "gradient_of", {})
    for term, source in sources.items():
        assert term in estimator.terms, f"gradient_of names {term!r}, which is not in terms"
        assert source not in estimator.terms, (
            f"gradient_of maps {term!r} to {source!r}, which is itself a term; use another name"
        )
    return sources


def _needs_density(factory: Any, facts: _Facts) -> None:
    estimator = _build(factory)
    needs = estimator.needs_density
    assert isinstance(needs, bool), f"needs_density must be True or False, got {needs!r}"
    if not needs:
        for name, value in estimator(_latent(density=False)).items():
            number = float(value.detach())
            assert np.isfinite(number), (
                f"{name} must be finite for a deterministic posterior, got {number}; set "
                "needs_density = True if it needs a density"
            )


def _bounds(factory: Any, facts: _Facts) -> None:
    if not facts.bounds:
        raise NotApplicable("no bounds are known")
    for seed in range(5):
        values = _values(factory, _latent(seed))
        for name, (low, high) in facts.bounds.items():
            assert low <= values[name] <= high, (
                f"{name} must lie in {low, high}, got {values[name]:.6g}"
            )


def _exact(factory: Any, facts: _Facts) -> None:
    if facts.exact is None:
        raise NotApplicable("no exact values are known")
    latent = _latent()
    values = _values(factory, latent)
    for name, expected in facts.exact(latent).items():
        assert abs(values[name] - expected) <= facts.tolerance, (
            f"{name} is {values[name]:.6g}, expected {float(expected):.6g}"
        )


def _generator(factory: Any, facts: _Facts) -> None:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        first = _values(factory, _latent())
        torch.default_generator.manual_seed(2)
        again = _values(factory, _latent())
    assert first == again, (
        f"under one generator seed the values are {first} and then {again}; draw from "
        "latent.generator alone"
    )


def _batch_order(factory: Any, facts: _Facts) -> None:
    latent = _latent()
    values = _values(factory, latent)
    if values != _values(factory, _latent(draws=1)):
        raise NotApplicable("the estimator draws random numbers")
    mean, std = latent.posterior.mean.flip(0), latent.posterior.std.flip(0)
    reverse = _Latent(latent.z.flip(0), _Posterior(mean, std), modules.generator(0))
    for name, value in _values(factory, reverse).items():
        assert np.isclose(value, values[name], rtol=1e-8, atol=1e-10), (
            f"{name} changes from {values[name]:.6g} to {value:.6g} with the order of the batch"
        )


def _gradients(factory: Any, facts: _Facts) -> None:
    import torch

    estimator, latent, prior = _build(factory), _latent(), _prior(requires_grad=True)
    direction = torch.randn(B, 3 * DIM, generator=modules.generator(3), dtype=torch.float64)
    along_z, along_mean, along_std = direction.chunk(3, dim=1)

    def latent_at(step: Any) -> _Latent:
        mean = latent.posterior.mean + step * along_mean
        std = latent.posterior.std * (step * along_std).exp()
        return _Latent(
            latent.z + step * along_z, _Posterior(mean, std), modules.generator(0), prior=prior
        )

    step, zero = 1e-6, torch.zeros((), dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        up, down = estimator(latent_at(step)), estimator(latent_at(-step))
    origin = latent_at(zero)
    sources = _sources(estimator)
    for name, value in estimator(origin).items():
        assert value.requires_grad, (
            f"{name} carries no gradient to codes, posterior, decoder or prior"
        )
        gradient = _slope(value, zero, origin)
        source = sources.get(name, name)
        slope = float(up[source] - down[source]) / (2 * step)
        # If a network has a kink within the step, the two differ by about the step.
        assert np.isclose(gradient, slope, rtol=1e-3, atol=1e-5), (
            f"gradient of {name} is {gradient:.6g}, central differences of {source} give "
            f"{slope:.6g}"
        )


def _slope(value: Any, step: Any, latent: _Latent) -> float:
    """Return the derivative of a term by the step; 0 if it depends on decoder or prior alone."""
    import torch

    inputs = [step, latent.prior.loc, *latent.decoder.parameters()]
    gradients: tuple[Any, ...] = torch.autograd.grad(
        value, inputs, retain_graph=True, allow_unused=True
    )
    assert any(gradient is not None for gradient in gradients), (
        "a term carries no gradient to codes, posterior, decoder or prior"
    )
    return 0.0 if gradients[0] is None else float(gradients[0])


def _critic(factory: Any, facts: _Facts) -> None:
    import torch

    estimator = _build(factory)
    if not hasattr(estimator, "critic_loss"):
        raise NotApplicable("the estimator has no critic")
    if not isinstance(estimator.critic_optimizer, str):
        missing = sorted({"lr", "betas", "eps"} - set(estimator.critic_optimizer))
        assert not missing, f"critic_optimizer lacks {', '.join(missing)}"
    first, second = _latent(1), _latent(2)
    for latent in (first, second):
        latent.z.requires_grad_()
    loss = estimator.critic_loss(first, second)
    assert tuple(loss.shape) == (), f"critic_loss must be a scalar, got {tuple(loss.shape)}"
    parameters = dict(estimator.named_parameters())
    gradients = torch.autograd.grad(
        loss, [*parameters.values(), first.z, second.z], allow_unused=True
    )
    for name, gradient in zip(parameters, gradients, strict=False):
        assert gradient is not None, f"parameter {name} receives no gradient from critic_loss"
    assert gradients[-2] is gradients[-1] is None, (
        "critic_loss leaks a gradient into the codes; detach them"
    )
