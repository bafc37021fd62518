"""Checks that every optimizer must pass: steps, learning rate, state and resume."""

from __future__ import annotations

from typing import Any

from unweave_testing.check import Check
from unweave_testing.torch_modules import generator

RATE, STEPS = 1e-2, 5


def optimizer_checks() -> list[Check]:
    """List the checks of optimizers; their factory is `optimizer(parameters, lr)`.

    As in the trainer, it gets a list of parameters, one of them in torch's channels-last layout,
    and the learning rate as a scalar tensor.

    - `optimizer`: the factory returns a torch Optimizer of exactly these parameters.
    - `step`: `step()` moves every parameter that has a gradient, and no other.
    - `rate`: `lr` of the parameter groups is the learning rate: with 0 nothing moves, and a rate
      that is set later acts like one that was passed at the start.
    - `descends`: a quadratic function falls to less than half in 300 steps.
    - `state`: the state of a parameter has only scalar tensors and tensors of the parameter's shape
      and layout, all finite.
    - `resume`: a new optimizer with that state takes the same steps, bit for bit.

    Examples
    --------
    >>> from unweave_testing import optimizer_checks
    >>> [check.name for check in optimizer_checks()][:3]
    ['optimizer', 'step', 'rate']
    """
    return [
        Check("optimizer", _optimizer),
        Check("step", _step),
        Check("rate", _rate),
        Check("descends", _descends),
        Check("state", _state),
        Check("resume", _resume),
    ]


def _parameters() -> list[Any]:
    """Return weights of a convolution in channels-last layout, a matrix and a scalar."""
    import torch

    source = generator(0)
    convolution = torch.randn(4, 3, 2, 2, generator=source)
    convolution = convolution.contiguous(memory_format=torch.channels_last)
    values = [convolution, torch.randn(3, 5, generator=source), torch.randn((), generator=source)]
    return [torch.nn.Parameter(value) for value in values]


def _build(factory: Any, parameters: list[Any], rate: float = RATE) -> Any:
    import torch

    return factory(parameters, torch.tensor(rate))


def _fill(optimizer: Any, rate: float) -> None:
    """Set the rate as the trainer does at every step."""
    import torch

    for group in optimizer.param_groups:
        assert "lr" in group, "a parameter group has no 'lr', which the trainer fills at every step"
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def _move(optimizer: Any, parameters: list[Any], steps: int, seed: int = 1) -> None:
    """Take steps with random gradients."""
    import torch

    source = generator(seed)
    for _ in range(steps):
        for parameter in parameters:
            gradient = torch.empty_like(parameter)
            parameter.grad = gradient.copy_(torch.randn(parameter.shape, generator=source))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def _copies(parameters: list[Any]) -> list[Any]:
    import torch

    return [
        torch.nn.Parameter(p.detach().clone(memory_format=torch.preserve_format))
        for p in parameters
    ]


def _same(first: list[Any], other: list[Any]) -> bool:
    import torch

    return all(torch.equal(one, two) for one, two in zip(first, other, strict=True))


def _optimizer(factory: Any) -> None:
    import torch

    parameters = _parameters()
    optimizer = _build(factory, parameters)
    assert isinstance(optimizer, torch.optim.Optimizer), (
        f"the factory must return a torch Optimizer, got {type(optimizer).__name__}"
    )
    ids = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(ids) == sorted(map(id, parameters)), (
        f"the optimizer must hold each of its {len(parameters)} parameters once, got {len(ids)}"
    )
    for group in optimizer.param_groups:
        assert "lr" in group, "a parameter group has no 'lr', which the trainer fills at every step"


def _step(factory: Any) -> None:
    import torch

    parameters = _parameters()
    before = _copies(parameters)
    optimizer = _build(factory, parameters)
    for _ in range(3):
        for parameter in parameters[:-1]:
            parameter.grad = torch.ones_like(parameter)
        try:
            optimizer.step()
        except TypeError as error:
            raise AssertionError(f"step() must take no argument: {error}") from error
    for number, (parameter, old) in enumerate(zip(parameters[:-1], before, strict=False)):
        assert bool(parameter.isfinite().all()), f"parameter {number} is not finite after 3 steps"
        count = int((parameter == old).sum())
        assert not count, f"{count} of {old.numel()} values of parameter {number} did not move"
    assert torch.equal(parameters[-1], before[-1]), "a parameter without a gradient moved"


def _rate(factory: Any) -> None:
    parameters = _parameters()
    before = _copies(parameters)
    optimizer = _build(factory, parameters)
    _fill(optimizer, 0.0)
    _move(optimizer, parameters, 1)
    assert _same(parameters, before), "a step with lr = 0 in the parameter groups moves parameters"
    early, late = _copies(before), _copies(before)
    first, second = _build(factory, early, RATE), _build(factory, late, 10 * RATE)
    _fill(second, RATE)
    _move(first, early, STEPS)
    _move(second, late, STEPS)
    assert _same(early, late), (
        "a rate that is set in lr after the optimizer was built acts differently from one that was "
        "passed to it; read lr in step()"
    )


def _descends(factory: Any) -> None:
    parameters = _parameters()
    optimizer = _build(factory, parameters)

    def value() -> Any:
        return sum(parameter.square().sum() for parameter in parameters) / 2

    start = float(value().detach())
    for _ in range(300):
        value().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    end = float(value().detach())
    assert end < 0.5 * start, (
        f"300 steps must lower a quadratic function to less than half, got {start:.4g} at the "
        f"start and {end:.4g} at the end"
    )


def _state(factory: Any) -> None:
    import torch

    parameters = _parameters()
    optimizer = _build(factory, parameters)
    _move(optimizer, parameters, STEPS)
    for parameter in parameters:
        for key, value in optimizer.state[parameter].items():
            assert isinstance(value, torch.Tensor), (
                f"{key} in the state must be a tensor, so that a checkpoint can hold it, got "
                f"{type(value).__name__}"
            )
            assert not value.dim() or value.shape == parameter.shape, (
                f"{key} in the state must be a scalar or have the parameter's shape "
                f"{tuple(parameter.shape)}, "
                f"got {tuple(value.shape)}"
            )
            assert not value.dim() or value.stride() == parameter.stride(), (
                f"{key} in the state has another memory layout than its parameter; make it with "
                "torch.zeros_like(parameter)"
            )
            assert bool(value.isfinite().all()), f"{key} in the state is not finite"


def _resume(factory: Any) -> None:
    whole, part = _parameters(), _parameters()
    one, two = _build(factory, whole), _build(factory, part)
    for optimizer, parameters in ((one, whole), (two, part)):
        _move(optimizer, parameters, STEPS)
    fresh = _copies(part)
    three = _build(factory, fresh)
    for old, new in zip(part, fresh, strict=True):
        three.state[new].update({key: _copy(value) for key, value in two.state[old].items()})
    _move(one, whole, STEPS, seed=2)
    _move(three, fresh, STEPS, seed=2)
    assert _same(whole, fresh), (
        "a new optimizer with the state of the old one takes other steps; keep what changes in "
        "self.state[parameter]"
    )


def _copy(value: Any) -> Any:
    import torch

    return value.clone() if isinstance(value, torch.Tensor) else value
