"""Checks that every pair of encoder and decoder must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from unweave_testing import torch_modules as modules
from unweave_testing.check import Check

Shape = tuple[int, int, int]
SHAPES: tuple[Shape, ...] = ((28, 28, 1), (64, 64, 3), (8, 8, 1), (13, 20, 3))
B, DIM, OUTPUTS = 3, 5, 7


def architecture_checks(*, image_shapes: Sequence[Shape] = SHAPES) -> list[Check]:
    """List the checks of architectures; their factory is `build(image_shape, dim, outputs)`.

    - `modules`: `build` returns a tuple (encoder, decoder) of torch Modules.
    - `encoder`: maps images (b, c, h, w) of every image shape to finite numbers (b, outputs).
    - `decoder`: maps codes (b, dim) to finite numbers (b, c, h, w) for every image shape.
    - `rows`: in `eval` mode, the output of one row does not depend on the other rows.
    - `gradients`: each network's output has a gradient to every parameter and every input.
    - `first-weights`: two builds under one seed of torch's global generator have equal weights.
    - `dropout`: in training mode, the output is a function of state, input and the seed of torch's
      global generator, so that a resumed run equals an uninterrupted one.
    - `dtype`, `device`: outputs follow the modules.

    Parameters
    ----------
    image_shapes : tuples (h, w, c)
        Image shapes for which the networks are built; by default square and oblong images of 8
        rows and more.

    Examples
    --------
    >>> from unweave_testing import architecture_checks
    >>> [check.name for check in architecture_checks()][:3]
    ['modules', 'encoder', 'decoder']
    """
    shapes = tuple(image_shapes)
    functions: dict[str, Callable[[Any, tuple[Shape, ...]], None]] = {
        "modules": _modules,
        "encoder": _encoder,
        "decoder": _decoder,
        "rows": _rows,
        "gradients": _gradients,
        "first-weights": _first_weights,
        "dropout": _dropout,
        "dtype": _dtype,
        "device": _device,
    }
    return [Check(name, _with(shapes, function)) for name, function in functions.items()]


def _with(shapes: tuple[Shape, ...], function: Callable[[Any, Any], None]) -> Callable[[Any], None]:
    return lambda factory: function(factory, shapes)


def _build(factory: Any, shape: Shape, seed: int = 0) -> tuple[Any, Any]:
    """Build the pair with the same first weights every time."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        encoder, decoder = factory(shape, DIM, OUTPUTS)
    return encoder, decoder


def _images(shape: Shape) -> Any:
    import torch

    height, width, channels = shape
    return torch.rand(B, channels, height, width, generator=modules.generator(1))


def _codes() -> Any:
    import torch

    return torch.randn(B, DIM, generator=modules.generator(2))


def _modules(factory: Any, shapes: tuple[Shape, ...]) -> None:
    import torch

    pair = factory(shapes[0], DIM, OUTPUTS)
    assert isinstance(pair, tuple), (
        f"build must return a tuple (encoder, decoder), got {type(pair).__name__}"
    )
    assert len(pair) == 2, f"build must return an encoder and a decoder, got {len(pair)} objects"
    for name, module in zip(("encoder", "decoder"), pair, strict=True):
        assert isinstance(module, torch.nn.Module), (
            f"the {name} must be a torch Module, got {type(module).__name__}"
        )


def _encoder(factory: Any, shapes: tuple[Shape, ...]) -> None:
    for shape in shapes:
        output = _build(factory, shape)[0](_images(shape))
        _expect(f"the encoder of images {shape}", output, (B, OUTPUTS))


def _decoder(factory: Any, shapes: tuple[Shape, ...]) -> None:
    for shape in shapes:
        output = _build(factory, shape)[1](_codes())
        height, width, channels = shape
        _expect(f"the decoder to images {shape}", output, (B, channels, height, width))


def _expect(name: str, output: Any, expected: tuple[int, ...]) -> None:
    assert tuple(output.shape) == expected, (
        f"{name} must return shape {expected}, got {tuple(output.shape)}"
    )
    assert bool(output.isfinite().all()), f"{name} returns numbers that are not finite"


def _both(factory: Any, shape: Shape) -> Iterator[tuple[str, Any, Any]]:
    """Yield each network with its name and an input."""
    encoder, decoder = _build(factory, shape)
    yield "encoder", encoder, _images(shape)
    yield "decoder", decoder, _codes()


def _rows(factory: Any, shapes: tuple[Shape, ...]) -> None:
    import torch

    for name, module, inputs in _both(factory, shapes[0]):
        module = module.double().eval()
        inputs = inputs.double()
        alone = torch.cat([module(row) for row in inputs.split(1)])
        assert torch.allclose(alone, module(inputs), rtol=1e-8, atol=1e-10), (
            f"in eval mode, the output of the {name} for one row depends on the other rows"
        )


def _gradients(factory: Any, shapes: tuple[Shape, ...]) -> None:
    import torch

    for name, module, inputs in _both(factory, shapes[0]):
        # No input is zero, and the weights are random, so that no gradient vanishes by chance.
        inputs = inputs.requires_grad_()
        weights = torch.randn(module(inputs).shape, generator=modules.generator(3))
        value = (module(inputs) * weights).sum()
        parameters = dict(module.named_parameters())
        gradient, *others = torch.autograd.grad(
            value, [inputs, *parameters.values()], allow_unused=True
        )
        idle = [key for key, other in zip(parameters, others, strict=True) if other is None]
        assert not idle, f"parameters {', '.join(idle)} of the {name} receive no gradient"
        assert gradient is not None, f"the output of the {name} does not depend on its input"
        count = int((gradient.abs().sum(dim=0) == 0).sum())
        assert not count, (
            f"{count} of {gradient[0].numel()} inputs of the {name} do not change its output"
        )


def _first_weights(factory: Any, shapes: tuple[Shape, ...]) -> None:
    import torch

    pairs = zip(_both(factory, shapes[0]), _both(factory, shapes[0]), strict=True)
    for (name, first, _), (_, again, _) in pairs:
        for key, value in first.state_dict().items():
            assert torch.equal(value, again.state_dict()[key]), (
                f"{key} of the {name} differs in two builds under one seed of torch's global "
                "generator; draw first weights from this generator"
            )


def _dropout(factory: Any, shapes: tuple[Shape, ...]) -> None:
    for number, (name, _, inputs) in enumerate(_both(factory, shapes[0])):

        def build(number: int = number) -> Any:
            return _build(factory, shapes[0])[number]

        def call(module: Any, inputs: Any = inputs) -> Any:
            return module(inputs)

        modules.check_dropout(build, call, f"the {name}")


def _dtype(factory: Any, shapes: tuple[Shape, ...]) -> None:
    import torch

    for dtype in (torch.float32, torch.float64):
        for name, module, inputs in _both(factory, shapes[0]):
            result = module.to(dtype)(inputs.to(dtype)).dtype
            assert result == dtype, f"after .to({dtype}), the {name} returns {result}"


def _device(factory: Any, shapes: tuple[Shape, ...]) -> None:
    import torch

    place = "cuda" if torch.cuda.is_available() else "meta"

    def result(name: str, inputs: Any) -> Callable[[Any], Iterator[tuple[str, Any]]]:
        return lambda module: iter([(name, module(inputs.to(place)))])

    for name, module, inputs in _both(factory, shapes[0]):
        modules.check_device(module, result(f"the {name}", inputs))
