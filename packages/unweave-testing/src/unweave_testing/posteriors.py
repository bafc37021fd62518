"""Checks that every family of posteriors must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from unweave_testing import torch_modules as modules
from unweave_testing.check import Check, NotApplicable
from unweave_testing.posterior_draws import (
    check_moments,
    check_normalised,
    check_samples_jointly,
    check_samples_marginals,
)
from unweave_testing.posterior_facts import DIM, B, Facts, outputs_of


def posterior_checks(*, exact_moments: bool = True, any_code: bool = True) -> list[Check]:
    """List the checks of posterior families; the factory takes the number of code dimensions.

    - `family`: a torch Module with `has_density`, and `outputs`, the number of encoder outputs.
    - `shapes`: mean, std and a draw are (b, dim), finite, std not negative; log_prob is (b,), and
      `distribution` has batch shape (b,) and event shape (dim,).
    - `density`: without a density, log_prob raises ValueError; with one, log_prob of a draw equals
      log_prob of an equal tensor and of `distribution`.
    - `rows`: the posterior of an image does not depend on other images in the batch.
    - `moments`: mean and standard deviation of 10,000 draws agree with `mean` and `std`.
    - `normalised`: the density integrates to one in one and two dimensions, by quadrature.
    - `samples-marginals`: every coordinate of the draws follows the density, by its
      Kolmogorov-Smirnov distance.
    - `samples-jointly`: two coordinates together follow the density, by joint moments of ranks.
    - `gradients`: the gradients of draws and their log_prob to the encoder's outputs and to every
      weight equal central differences; every output changes a draw or log_prob.
    - `generator`: a draw depends on the generator alone.
    - `dtype`, `device`: posteriors follow the family and the encoder's outputs.
    - `save-and-load`: `state_dict` holds every tensor, and draws follow it.
    - `wrong-width`: another number of outputs raises an error that names both numbers.

    Parameters
    ----------
    exact_moments : bool
        Whether `mean` and `std` are exact; for flows there is no closed form.
    any_code : bool
        Whether log_prob takes any codes; False if it takes only draws of the same posterior.

    Examples
    --------
    >>> from unweave_testing import posterior_checks
    >>> [check.name for check in posterior_checks()][:3]
    ['family', 'shapes', 'density']
    """
    facts = Facts(exact_moments, any_code)
    functions: dict[str, Callable[[Any, Facts], None]] = {
        "family": _family,
        "shapes": _shapes,
        "density": _density,
        "rows": _rows,
        "moments": check_moments,
        "normalised": check_normalised,
        "samples-marginals": check_samples_marginals,
        "samples-jointly": check_samples_jointly,
        "gradients": _gradients,
        "generator": _generator,
        "dtype": _dtype,
        "device": _device,
        "save-and-load": _save_and_load,
        "wrong-width": _wrong_width,
    }
    return [Check(name, _with(facts, function)) for name, function in functions.items()]


def _with(facts: Facts, function: Callable[[Any, Facts], None]) -> Callable[[Any], None]:
    return lambda factory: function(factory, facts)


def _family(factory: Any, facts: Facts) -> None:
    import torch

    family = factory(DIM)
    assert isinstance(family, torch.nn.Module), (
        f"a posterior family must be a torch Module, got {type(family).__name__}"
    )
    has, outputs = getattr(family, "has_density", None), getattr(family, "outputs", None)
    assert isinstance(has, bool), f"has_density must be True or False, got {has!r}"
    assert type(outputs) is int, f"outputs must be a positive integer, got {outputs!r}"
    assert outputs > 0, f"outputs must be a positive integer, got {outputs}"
    answer = family.double()(outputs_of(family)).has_density
    assert answer is has, f"has_density is {has} for the family, but {answer} for its posteriors"


def _shapes(factory: Any, facts: Facts) -> None:
    family = factory(DIM).double()
    q = family(outputs_of(family))
    for name, value in (("mean", q.mean), ("std", q.std), ("a draw", q.rsample())):
        assert tuple(value.shape) == (B, DIM), f"{name} must be {B, DIM}, got {tuple(value.shape)}"
        assert bool(value.isfinite().all()), f"{name} must be finite"
    assert bool((q.std >= 0).all()), f"std must not be negative, got {float(q.std.min()):.3g}"
    if not family.has_density:
        return
    p = q.distribution
    for name, shape, expected in [
        ("batch_shape", p.batch_shape, (B,)),
        ("event_shape", p.event_shape, (DIM,)),
        ("the shape of log_prob", q.log_prob(q.rsample()).shape, (B,)),
    ]:
        assert tuple(shape) == expected, f"{name} must be {expected}, got {tuple(shape)}"


def _density(factory: Any, facts: Facts) -> None:
    import torch

    family = factory(DIM).double()
    q = family(outputs_of(family))
    z = q.rsample(modules.generator(1))
    if not family.has_density:
        try:
            q.log_prob(z)
        except ValueError:
            return
        raise AssertionError("has_density is False, but log_prob does not raise a ValueError")
    density = q.log_prob(z)
    others = {"distribution.log_prob": q.distribution.log_prob(z)}
    if facts.any_code:
        others["log_prob of an equal tensor"] = q.log_prob(z.clone())
    for name, value in others.items():
        assert torch.allclose(density, value, rtol=1e-5, atol=1e-6), (
            f"log_prob of a draw is {float(density[0]):.6g}, {name} {float(value[0]):.6g}"
        )


def _rows(factory: Any, facts: Facts) -> None:
    import torch

    family = factory(DIM).double()
    parameters = outputs_of(family)
    together = family(parameters)
    for name in ("mean", "std"):
        alone = torch.cat([getattr(family(row), name) for row in parameters.split(1)])
        assert torch.allclose(alone, getattr(together, name)), (
            f"{name} of an image depends on other images in the batch"
        )


def _draw(q: Any, seed: int) -> Any:
    """Draw codes under a seed of the generator and of torch's global one.

    The check `generator` judges whether the global one is used.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return q.rsample(modules.generator(seed))


def _gradients(factory: Any, facts: Facts) -> None:
    import torch

    family = factory(DIM).double()
    parameters = outputs_of(family)
    weights = torch.randn(DIM, generator=modules.generator(6), dtype=torch.float64)

    def draws(outputs: Any) -> Any:
        return _draw(family(outputs), 7) @ weights

    def densities(outputs: Any) -> Any:
        q = family(outputs)
        return q.log_prob(_draw(q, 7))

    functions = {"a draw": draws} | ({"log_prob": densities} if family.has_density else {})
    for name, function in functions.items():
        modules.check_code_gradient(function, parameters, name, "output")

    def total() -> Any:
        return sum(function(parameters).sum() for function in functions.values())

    modules.check_parameter_gradients(family, total, "draws and log_prob")
    parameters.requires_grad_()
    (gradient,) = torch.autograd.grad(total(), parameters)
    idle = torch.nonzero(gradient.abs().sum(dim=0) == 0).flatten().tolist()
    assert not idle, f"outputs {idle} of {family.outputs} change neither a draw nor log_prob"


def _generator(factory: Any, facts: Facts) -> None:
    import torch

    family = factory(DIM).double()
    q = family(outputs_of(family))
    if not bool((q.std > 0).any()):
        raise NotApplicable("std is zero, so that draws are not random")
    with torch.random.fork_rng(devices=[]):
        draws = []
        for seed in (0, 1):
            torch.default_generator.manual_seed(seed)
            draws.append(q.rsample(modules.generator(8)))
    assert torch.equal(*draws), (
        "two draws under one generator seed differ; draw from `generator` alone"
    )
    other = q.rsample(modules.generator(9))
    assert not torch.equal(draws[0], other), (
        "draws under two generator seeds are the same; draw from `generator`"
    )


def _results(family: Any, parameters: Any) -> Iterator[tuple[str, Any]]:
    q = family(parameters)
    z = q.rsample()
    yield from (("mean", q.mean), ("std", q.std), ("a draw", z))
    if family.has_density:
        yield "log_prob", q.log_prob(z)


def _dtype(factory: Any, facts: Facts) -> None:
    import torch

    for dtype in (torch.float32, torch.float64):
        family = factory(DIM).to(dtype)
        for name, value in _results(family, outputs_of(family).to(dtype)):
            assert value.dtype == dtype, f"after .to({dtype}), {name} is {value.dtype}"


def _device(factory: Any, facts: Facts) -> None:
    family = factory(DIM)
    parameters = outputs_of(family).float()
    modules.check_device(family, lambda module: _results(module, parameters.to(_place(module))))


def _place(family: Any) -> str:
    """Return a family's device; for a family without tensors, the device of `check_device`."""
    import torch

    tensors = [*family.parameters(), *family.buffers()]
    if tensors:
        return str(tensors[0].device)
    return "cuda" if torch.cuda.is_available() else "meta"


def _save_and_load(factory: Any, facts: Facts) -> None:
    family = factory(DIM)
    parameters = outputs_of(family).float()

    def draw(module: Any) -> Any:
        return _draw(module(parameters), 10)

    modules.check_state(family, factory(DIM), draw, "a draw")


def _wrong_width(factory: Any, facts: Facts) -> None:
    family = factory(DIM)
    modules.check_wrong_dimension(
        lambda parameters: family(parameters), family.outputs, "the family", "outputs"
    )
