"""Checks that every optimizer must pass."""

from __future__ import annotations

import copy
from typing import Any

from unweave_testing.check import Check

STEPS = 300
"""Of the descent; at a rate of 0.01 a step of fixed length then goes a distance of three."""


def optimizer_checks() -> list[Check]:
    """List the checks of optimizers; their factory is called with parameters and a rate.

    - `descends`: in 300 steps at a rate of 0.01 the loss of a quadratic falls to a tenth.
    - `rate`: the learning rate is that of `param_groups`, a number or a tensor that is filled.
    - `no-gradient`: parameters without a gradient are left alone.
    - `state`: what it remembers is in `optimizer.state[parameter]`, as tensors: a second optimizer
      that gets them goes on in the same way.
    - `layout`: what has the shape of a parameter is laid out in memory like the parameter.

    Examples
    --------
    >>> from unweave_testing import optimizer_checks
    >>> [check.name for check in optimizer_checks()][:3]
    ['descends', 'rate', 'no-gradient']
    """
    return [
        Check("descends", _descends),
        Check("rate", _rate),
        Check("no-gradient", _no_gradient),
        Check("state", _state),
        Check("layout", _layout),
    ]


def _parameters() -> list[Any]:
    import torch

    generator = torch.Generator().manual_seed(0)
    draws = (torch.randn(shape, generator=generator) for shape in [(3, 2), (4,)])
    return [torch.nn.Parameter(draw.clamp(-1.5, 1.5)) for draw in draws]


def _loss(parameters: list[Any]) -> Any:
    """Half the squared distance from 0.1, with curvatures of 1 and 2."""
    return sum((1 + n) * (p - 0.1).square().sum() / 2 for n, p in enumerate(parameters))


def _step(optimizer: Any, parameters: list[Any]) -> None:
    optimizer.zero_grad()
    _loss(parameters).backward()
    optimizer.step()


def _descends(factory: Any) -> None:
    parameters = _parameters()
    optimizer, first = factory(parameters, 0.01), float(_loss(parameters).detach())
    for _ in range(STEPS):
        _step(optimizer, parameters)
    last = float(_loss(parameters).detach())
    assert last < first / 10, (
        f"the loss of a quadratic must fall to a tenth in {STEPS} steps, got {last:.3g} from "
        f"{first:.3g}"
    )


def _rate(factory: Any) -> None:
    import torch

    for rate in (0.01, torch.tensor(0.01)):
        parameters = _parameters()
        optimizer = factory(parameters, rate)
        _step(optimizer, parameters)
        before = copy.deepcopy(parameters)
        for group in optimizer.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(0)
            else:
                group["lr"] = 0.0
        _step(optimizer, parameters)
        moved = max(
            float((p - q).detach().abs().max()) for p, q in zip(parameters, before, strict=True)
        )
        assert moved == 0, f"at a rate of 0 nothing must move, got steps of {moved:.3g}"


def _no_gradient(factory: Any) -> None:
    parameters = _parameters()
    still = parameters[1].detach().clone()
    optimizer = factory(parameters, 0.01)
    _loss(parameters[:1]).backward()
    optimizer.step()
    assert bool((parameters[1] == still).all()), "a parameter without a gradient was moved"


def _state(factory: Any) -> None:
    import torch

    ours = _parameters()
    first = factory(ours, 0.01)
    for _ in range(3):
        _step(first, ours)
    theirs = copy.deepcopy(ours)
    second = factory(theirs, 0.01)
    for ours_one, theirs_one in zip(ours, theirs, strict=True):
        for name, value in first.state[ours_one].items():
            assert isinstance(value, torch.Tensor), (
                f"state {name!r} of a parameter must be a tensor, got {type(value).__name__}"
            )
            second.state[theirs_one][name] = value.clone()
    _step(first, ours)
    _step(second, theirs)
    assert all(torch.equal(p, q) for p, q in zip(ours, theirs, strict=True)), (
        "an optimizer that gets the state of another goes on in another way; keep all that is "
        "remembered in optimizer.state[parameter]"
    )


def _layout(factory: Any) -> None:
    import torch

    weight = torch.nn.Parameter(torch.ones(2, 3, 4, 4).to(memory_format=torch.channels_last))
    optimizer = factory([weight], 0.01)
    weight.square().sum().backward()
    optimizer.step()
    for name, value in optimizer.state[weight].items():
        if getattr(value, "shape", None) == weight.shape:
            assert value.stride() == weight.stride(), (
                f"state {name!r} has strides {value.stride()}, its parameter {weight.stride()}; "
                "make it with torch.zeros_like"
            )
