"""Checks that several kinds of torch modules share; torch is imported inside functions only."""

from __future__ import annotations

import contextlib
import io
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def generator(seed: int) -> Any:
    """Return a seeds torch generator on the CPU."""
    import torch

    return torch.Generator().manual_seed(seed)


@contextlib.contextmanager
def seeds(seed: int, others: int = 0) -> Iterator[None]:
    """Seed torch's global generator, and with `others` numpy's and Python's; restore all three."""
    import torch

    python, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 the kit detects its use
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        random.seed(others)
        np.random.seed(others)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy_state)  # noqa: NPY002


def draw(module: Any, n: int, seed: int) -> Any:
    """Draw codes (n, dim) from the distribution of a module; restore torch's global generator."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return module().sample((n,))


def check_density(module: Any, dim: int) -> None:
    """Refuse a module that does not return a distribution over codes (dim,)."""
    import torch

    assert isinstance(module, torch.nn.Module), (
        f"the factory must return a torch Module, got {type(module).__name__}"
    )
    p = module()
    assert isinstance(p, torch.distributions.Distribution), (
        f"a call of the module must return a torch Distribution, got {type(p).__name__}"
    )
    for name, value, expected in [
        ("event_shape", tuple(p.event_shape), (dim,)),
        ("batch_shape", tuple(p.batch_shape), ()),
        ("the shape of log_prob of (5, dim) codes", tuple(p.log_prob(p.sample((5,))).shape), (5,)),
    ]:
        assert value == expected, f"{name} must be {expected}, got {value}"


def check_code_gradient(
    function: Callable[[Any], Any], z: Any, what: str = "log_prob", of: str = "code dimension"
) -> None:
    """Compare the gradient of a function (n, dim) -> (n,) with central differences.

    `what` and `of` name the function and a column of its argument in messages.
    """
    import torch

    z = z.clone().requires_grad_()
    value = function(z).sum() + 0.0 * z.sum()  # gives a constant density a gradient of zero
    (gradient,) = torch.autograd.grad(value, z)
    step, origin = 1e-6, z.detach()
    for column in range(z.shape[1]):
        offset = torch.zeros_like(origin)
        offset[:, column] = step
        with torch.no_grad():
            slope = (function(origin + offset) - function(origin - offset)) / (2 * step)
        assert torch.allclose(gradient[:, column], slope, rtol=1e-4, atol=1e-5), (
            f"gradient of {what} to {of} {column} is {gradient[:, column].tolist()}, "
            f"central differences give {slope.tolist()}"
        )


def check_parameter_gradients(
    module: Any, function: Callable[[], Any], what: str = "log_prob"
) -> None:
    """Compare the gradient to every parameter with a central difference in a random direction."""
    import torch

    names = [name for name, _ in module.named_parameters()]
    parameters = [parameter for _, parameter in module.named_parameters()]
    if not parameters:
        return
    value = function()
    assert value.requires_grad, f"{what} carries no gradient to {', '.join(names)}"
    gradients = torch.autograd.grad(value, parameters, allow_unused=True)
    for name, parameter, gradient in zip(names, parameters, gradients, strict=True):
        assert gradient is not None, f"parameter {name} receives no gradient from {what}"
        direction = torch.randn(parameter.shape, generator=generator(0), dtype=parameter.dtype)
        along = float((gradient * direction).sum())
        slope = _slope(function, parameter, direction)
        assert np.isclose(along, slope, rtol=1e-4, atol=1e-4), (
            f"gradient of {what} to parameter {name} is {along:.6g} in a random direction, "
            f"central differences give {slope:.6g}"
        )


def _slope(function: Callable[[], Any], parameter: Any, direction: Any) -> float:
    import torch

    step, values = 1e-6, []
    with torch.no_grad():
        start = parameter.clone()
        for sign in (1, -1):
            parameter.copy_(start + sign * step * direction)
            values.append(float(function()))
        parameter.copy_(start)
    return (values[0] - values[1]) / (2 * step)


def check_device(module: Any, results: Callable[[Any], Iterator[tuple[str, Any]]]) -> None:
    """Move a module to a GPU, or else to torch's meta device, and check the results' device.

    Tensors on the meta device have no values, and some operations do not exist there. A module that
    needs a value, or such an operation, passes without a check.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "meta"
    try:
        places = [(name, tensor.device.type) for name, tensor in results(module.to(device))]
    except (RuntimeError, NotImplementedError) as error:
        no_kernel = isinstance(error, NotImplementedError) and "Meta kernel" in str(error)
        if no_kernel or ("meta" in str(error) and "device" not in str(error)):
            return
        raise AssertionError(f"after .to({device!r}), a call fails: {error}") from error
    for name, place in places:
        assert place == device, f"after .to({device!r}), {name} returns a tensor on {place}"


def check_dropout(build: Callable[[], Any], call: Callable[[Any], Any], what: str) -> None:
    """Refuse outputs in training mode that are not a function of state and torch's global seed.

    Of such a module, dropout is the same in a resumed and in an uninterrupted run. Two modules have
    the same state, and only one was called before, as after a resume.
    """
    import torch

    one, other = build().train(), build().train()
    with seeds(1, others=1):
        call(one)
    other.load_state_dict(one.state_dict())
    values = []
    for others, module in enumerate((one, other)):
        with seeds(0, others):
            values.append(call(module))
    assert torch.equal(*values), (
        f"in training mode, {what} returns two outputs under one state and one seed of torch's "
        "global generator; draw from torch, which unweave seeds at every step, and keep what "
        "changes in buffers"
    )


def check_generator(module: Any) -> None:
    """Refuse `sample(n, generator)` that depends on anything but the generator."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, other = module.sample(6, generator(1)), module.sample(6, generator(2))
        state = torch.random.get_rng_state()
        torch.manual_seed(0)
        assert torch.equal(torch.random.get_rng_state(), state), (
            "sample(n, generator) draws from torch's global generator; draw from `generator`"
        )
        torch.manual_seed(1)
        again = module.sample(6, generator(1))
    assert torch.equal(first, again), (
        "two samples under one generator seed differ; draw from `generator` alone"
    )
    assert not torch.equal(first, other), (
        "samples under two generator seeds are the same; draw from `generator`"
    )


def check_state(
    module: Any, other: Any, function: Callable[[Any], Any], what: str = "log_prob"
) -> None:
    """Change every float of a module's state, load it into another, compare a function of both."""
    import torch

    state = module.state_dict()
    tensors = dict([*module.named_parameters(), *module.named_buffers(), *plain_tensors(module)])
    missing = sorted(set(tensors) - set(state))
    assert not missing, (
        f"state_dict does not hold {', '.join(missing)}; register each as a buffer or a parameter"
    )
    before = function(module)
    floats = [value for value in state.values() if value.is_floating_point()]
    with torch.no_grad():
        for value in floats:
            value.mul_(1.01).add_(0.01)
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    other.load_state_dict(torch.load(stream, weights_only=True))
    assert torch.equal(function(module), function(other)), (
        f"{what} differs in another instance with the saved state"
    )
    assert not floats or not torch.equal(before, function(module)), (
        f"{what} does not change with the state; is the distribution built in __init__?"
    )


def plain_tensors(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield names and values of tensors that are plain attributes of a module or submodule."""
    import torch

    for prefix, part in module.named_modules():
        for name, value in vars(part).items():
            if isinstance(value, torch.Tensor):
                yield f"{prefix}.{name}".lstrip("."), value


def check_wrong_dimension(
    function: Callable[[Any], Any], dim: int, what: str = "log_prob", of: str = "codes"
) -> None:
    """Require an error for a wrong last dimension, and that its message names both numbers."""
    for wrong in (dim + 1, dim - 1):
        message = _error(function, (7, wrong))
        assert message is not None, (
            f"{what} accepts {of} with last dimension {wrong}; it must refuse all but {dim}"
        )
        assert {str(dim), str(wrong)} <= set(re.findall(r"\d+", message)), (
            f"the error for {of} with last dimension {wrong} must name {dim} and {wrong}, "
            f"got: {message}"
        )


def _error(function: Callable[[Any], Any], shape: tuple[int, ...]) -> str | None:
    """Return the message of the error that a function raises for zeros, or None without error."""
    import torch

    try:
        function(torch.zeros(shape))
    except Exception as error:
        return str(error)
    return None
