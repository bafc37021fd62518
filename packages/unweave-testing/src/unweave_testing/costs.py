"""Checks that every reconstruction cost must pass."""

from __future__ import annotations

from typing import Any

from unweave_testing import torch_modules as modules
from unweave_testing.check import Check


def cost_checks() -> list[Check]:
    """List the checks of costs; their factory is called without arguments.

    - `shape`: `cost(x, output)` is one finite number per image, (b,), in the images' dtype.
    - `rows`: the cost of an image does not depend on other images in the batch.
    - `summed`: the cost is a sum over pixels: two copies of an image side by side cost twice as
      much.
    - `gradients`: the gradient to the decoder's output equals central differences.
    - `better`: a step of the output along the negative gradient lowers the cost.
    - `image`: `cost.image(output)` has the output's shape and lies in [0, 1].
    - `units`: `cost.units` names the unit.

    Examples
    --------
    >>> from unweave_testing import cost_checks
    >>> [check.name for check in cost_checks()][:3]
    ['shape', 'rows', 'summed']
    """
    return [
        Check("shape", _shape),
        Check("rows", _rows),
        Check("summed", _summed),
        Check("gradients", _gradients),
        Check("better", _better),
        Check("image", _image),
        Check("units", _units),
    ]


def _batch(seed: int = 0) -> tuple[Any, Any]:
    """Draw images in [0, 1] and decoder outputs of both signs, both of shape (5, 2, 6, 7)."""
    import torch

    generator, size = modules.generator(seed), (5, 2, 6, 7)
    x = torch.rand(size, generator=generator, dtype=torch.float64)
    return x, torch.randn(size, generator=generator, dtype=torch.float64)


def _cost(factory: Any) -> Any:
    return factory().double()


def _shape(factory: Any) -> None:
    x, output = _batch()
    for dtype in (x.dtype, x.float().dtype):
        value = factory().to(dtype)(x.to(dtype), output.to(dtype)).detach()
        assert tuple(value.shape) == (5,), f"cost of 5 images has shape {tuple(value.shape)}"
        assert value.dtype == dtype, f"cost of {dtype} images is {value.dtype}"
        assert bool(value.isfinite().all()), f"cost must be finite, got {value.tolist()}"


def _rows(factory: Any) -> None:
    import torch

    cost, (x, output) = _cost(factory), _batch()
    alone = torch.cat([cost(x[i : i + 1], output[i : i + 1]) for i in range(5)])
    assert torch.allclose(alone, cost(x, output)), (
        "the cost of an image depends on other images in the batch; is there a mean over the batch?"
    )


def _summed(factory: Any) -> None:
    import torch

    cost, (x, output) = _cost(factory), _batch()
    twice = cost(torch.cat([x, x], dim=3), torch.cat([output, output], dim=3))
    assert torch.allclose(twice, 2 * cost(x, output)), (
        "two copies of an image do not cost twice as much; is there a mean over pixels?"
    )


def _gradients(factory: Any) -> None:
    cost, (x, output) = _cost(factory), _batch()
    modules.check_code_gradient(
        lambda flat: cost(x[:, :, :1, :3], flat.reshape(5, 2, 1, 3)),
        output[:, :, :1, :3].reshape(5, 6),
    )


def _better(factory: Any) -> None:
    import torch

    cost, (x, output) = _cost(factory), _batch()
    output = output.requires_grad_()
    before = cost(x, output).sum()
    (gradient,) = torch.autograd.grad(before, output)
    assert float(gradient.abs().sum()) > 0, "the cost does not depend on the decoder's output"
    with torch.no_grad():
        after = cost(x, output - 1e-4 * gradient / gradient.norm()).sum()
    assert float(after) < float(before.detach()), (
        "a step along the negative gradient does not lower the cost"
    )


def _image(factory: Any) -> None:
    cost, (_, output) = _cost(factory), _batch()
    picture = cost.image(output * 5)
    assert picture.shape == output.shape, (
        f"image(output) must have the output's shape, got {tuple(picture.shape)}"
    )
    low, high = float(picture.min()), float(picture.max())
    assert low >= 0, f"image(output) must lie in [0, 1], got {low:.3f}"
    assert high <= 1, f"image(output) must lie in [0, 1], got {high:.3f}"


def _units(factory: Any) -> None:
    units = factory().units
    assert isinstance(units, str), f"units must be text, got {units!r}"
    assert units, "units must name the cost's unit, got an empty text"
