"""Networks: sizes of layers against the papers' tables, any image, first weights."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from unweave.architectures.conv import conv64
from unweave.architectures.lat28 import lat28
from unweave.architectures.mlp import mlp
from unweave.architectures.vcae import vcae28, vcae64
from unweave.architectures.wae64 import wae64

SMALL: dict[str, Callable[..., tuple[nn.Module, nn.Module]]] = {
    "conv64": conv64,
    "mlp": partial(mlp, widths=(64, 64)),
    "lat28": partial(lat28, width=0.25),
    "vcae28": partial(vcae28, width=0.05),
    "vcae64": partial(vcae64, width=0.05),
    "wae64": partial(wae64, width=0.25),
}


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("side", [8, 9, 11, 15, 16, 28, 31, 32, 50, 64, 97, 128])
@pytest.mark.parametrize("name", SMALL)
def test_architectures_take_any_size_and_use_every_pixel(name, side, colours):
    torch.manual_seed(0)
    shape, build = (side, side + 3, colours), SMALL[name]
    encoder, decoder = build(shape, 5, 10)
    x = torch.rand(2, colours, side, side + 3, requires_grad=True)
    parameters = encoder(x)
    assert parameters.shape == (2, 10)
    assert decoder(parameters[:, :5]).shape == x.shape
    # A pixel at the border that was cropped would have no gradient; a dead ReLU has some zeros.
    touched = torch.zeros(colours, side, side + 3, dtype=torch.bool)
    for _ in range(6):
        encoder, _ = build(shape, 5, 10)
        (gradient,) = torch.autograd.grad(encoder(x).square().sum(), x)
        touched |= (gradient != 0).any(0)
        if touched.all():
            break
    assert touched.all()


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("shape", [(8, 8, 1), (13, 22, 3), (28, 28, 1)])
def test_every_pixel_of_an_output_and_every_weight_has_a_gradient(name, shape):
    torch.manual_seed(0)
    encoder, decoder = SMALL[name](shape, 5, 10)
    z = torch.randn(16, 5, requires_grad=True)
    output = decoder(z)
    # An output pixel that no weight but its bias reaches would be the same for all codes.
    assert (output.std(0) > 0).all()
    weights = torch.randn(output.shape)
    x = torch.randn(16, shape[2], *shape[:2])
    value = (output * weights).sum() + (encoder(x) * torch.randn(16, 10)).sum()
    value.backward()
    if name == "lat28" and shape == (8, 8, 1):
        return  # 5 x 5 kernels over 2 x 2 pixels
    for module in (*encoder.modules(), *decoder.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            assert module.weight.grad is not None
            assert (module.weight.grad.abs().sum((0, 1)) > 0).all(), module


def test_conv64_at_64_is_the_published_one():
    encoder, decoder = conv64((64, 64, 1), 10, 20)
    weights = [tuple(p.shape) for p in encoder.parameters() if p.ndim > 1]
    assert weights == [
        (32, 1, 4, 4), (32, 32, 4, 4), (64, 32, 4, 4), (64, 64, 4, 4), (256, 1024), (20, 256),
    ]  # fmt: skip
    weights = [tuple(p.shape) for p in decoder.parameters() if p.ndim > 1]
    assert weights == [
        (256, 10), (1024, 256), (64, 64, 4, 4), (64, 32, 4, 4), (32, 32, 4, 4), (32, 1, 4, 4),
    ]  # fmt: skip


# Counted by hand from the papers' tables: kernel² x inputs x outputs, and a bias for each output,
# or scale and shift where a normalisation follows.
COUNTS = {
    "lat28": (
        lat28, (28, 28, 1), 10, 20,
        25 * 32 + 32 + 25 * 32 * 64 + 64 + 25 * 64 * 128 + 128 + 4 * 128 * 256 + 256 + 257 * 20,
        11 * 3136 + 4 * 64 * 32 + 32 + 4 * 32 + 1,
    ),
    "vcae28": (
        vcae28, (28, 28, 1), 16, 16,
        16 * 128 + 256 + 16 * 128 * 256 + 512 + 16 * 256 * 512 + 1024 + 16 * 512 * 1024 + 2048
        + (2 * 2 * 1024 + 1) * 16,
        17 * 7 * 7 * 1024 + 16 * 1024 * 512 + 1024 + 16 * 512 * 256 + 512 + 16 * 256 + 1,
    ),
    "vcae64": (
        vcae64, (64, 64, 3), 64, 64,
        25 * 3 * 128 + 256 + 25 * 128 * 256 + 512 + 25 * 256 * 512 + 1024
        + 25 * 512 * 1024 + 2048 + (4 * 4 * 1024 + 1) * 64,
        65 * 8 * 8 * 1024 + 25 * 1024 * 512 + 1024 + 25 * 512 * 256 + 512 + 25 * 256 * 128 + 256
        + 25 * 128 * 3 + 3,
    ),
    "wae64": (
        wae64, (64, 64, 3), 32, 64,
        16 * 3 * 32 + 64 + 16 * 32 * 64 + 128 + 16 * 64 * 128 + 256 + 16 * 128 * 256 + 512
        + (4 * 4 * 256 + 1) * 64,
        33 * 8 * 8 * 256 + 512 + 16 * 256 * 128 + 256 + 16 * 128 * 64 + 128 + 16 * 64 * 32 + 64
        + 16 * 32 * 3 + 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_those_of_the_papers_tables(name):
    build, shape, dim, outputs, encoder, decoder = COUNTS[name]
    counted = [sum(p.numel() for p in m.parameters()) for m in build(shape, dim, outputs)]
    assert counted == [encoder, decoder]


def sizes_and_products(module, inputs):
    """Return the sides of every convolution's output, and its multiply-adds for one input."""
    sizes, products = [], []

    def look(layer, arguments, output):
        sizes.append(output.shape[-1])
        # A transposed convolution spreads every pixel of its input.
        pixels = arguments[0] if isinstance(layer, nn.ConvTranspose2d) else output
        products.append(layer.weight.numel() * math.prod(pixels.shape[2:]))

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(look)
    with torch.no_grad():
        module.eval()(inputs)
    return sizes, sum(products)


@pytest.mark.parametrize(
    ("build", "shape", "encoder", "decoder"),
    [
        (lat28, (28, 28, 1), [28, 10, 5, 1], [14, 28]),
        (vcae28, (28, 28, 1), [14, 7, 4, 2], [14, 28, 28]),
        (vcae28, (32, 32, 3), [16, 8, 4, 2], [16, 32, 32]),
        (vcae28, (64, 64, 3), [32, 16, 8, 4, 2], [16, 32, 64, 64]),
        (vcae64, (64, 64, 3), [32, 16, 8, 4], [16, 32, 64, 64]),
        (vcae64, (28, 28, 1), [14, 7], [28, 28]),
        (wae64, (64, 64, 3), [32, 16, 8, 4], [16, 32, 64, 64]),
        (wae64, (128, 128, 3), [64, 32, 16, 8, 4], [16, 32, 64, 128, 128]),
        (wae64, (8, 8, 1), [4], [8, 8]),
    ],
)
def test_layers_have_the_sizes_of_the_tables(build, shape, encoder, decoder):
    pair = build(shape, 4, 8, width=0.05)
    x, z = torch.rand(1, shape[2], *shape[:2]), torch.rand(1, 4)
    assert sizes_and_products(pair[0], x)[0] == encoder
    assert sizes_and_products(pair[1], z)[0] == decoder


def test_vcae28_costs_what_its_page_says():
    inputs = torch.rand(1, 1, 28, 28), torch.rand(1, 16)

    def products(width):
        pair = vcae28((28, 28, 1), 16, 16, width=width)
        return sum(sizes_and_products(m, x)[1] for m, x in zip(pair, inputs, strict=True))

    assert products(1.0) == pytest.approx(0.9e9, rel=0.05)
    assert products(0.25) == pytest.approx(products(1.0) / 16, rel=0.05)


@pytest.mark.parametrize("build", [conv64, lat28, vcae28, vcae64, wae64])
def test_width_is_a_factor_on_every_hidden_channel(build):
    def hidden(width):
        layers = [m for m in build((64, 64, 3), 4, 8, width=width)[0] if hasattr(m, "weight")]
        return [m.weight.shape[0] for m in layers][:-1]

    assert hidden(0.5) == [c // 2 for c in hidden(1.0)]
    assert set(hidden(1e-6)) == {1}


def glorot(weight):
    """Return sqrt(2 / (fan in + fan out))."""
    return math.sqrt(2 / ((weight.shape[0] + weight.shape[1]) * math.prod(weight.shape[2:])))


@pytest.mark.parametrize("build", [conv64, mlp, lat28, vcae28, vcae64, wae64])
@pytest.mark.parametrize("init", ["torch", "glorot", "authors"])
def test_first_weights_have_the_spread_that_is_said(build, init):
    torch.manual_seed(0)
    options = {} if build is mlp else {"width": 0.5}
    encoder, decoder = build((28, 28, 3), 10, 20, init=init, **options)
    layers = [
        m
        for m in (*encoder.modules(), *decoder.modules())
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)
    ]
    assert len(layers) >= 6
    for layer in layers:
        weight = layer.weight.detach()
        wanted = glorot(weight)
        if init == "authors" and isinstance(layer, nn.Linear):
            wanted = 0.1
        if init == "torch":  # uniform with variance 1 / (3 fan in)
            wanted = 1 / math.sqrt(3 * weight[0].numel())
        # Five standard errors of the standard deviation of as many draws.
        assert weight.std().item() == pytest.approx(wanted, rel=5 / math.sqrt(2 * weight.numel()))
        assert abs(weight.mean().item()) < 5 * wanted / math.sqrt(weight.numel())
        if init != "torch" and layer.bias is not None:
            assert not layer.bias.any()
        if init == "glorot" or (init == "authors" and weight.ndim == 4):
            assert weight.abs().max() <= math.sqrt(3) * wanted + 1e-6  # uniform
        if init == "authors" and weight.ndim == 2 and weight.numel() > 1000:
            assert weight.abs().max() > 0.1 * math.sqrt(3) + 0.05  # normal


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conv64((7, 64, 1), 2, 4), "at least 8 x 8 pixels, got 7 x 64"),
        (lambda: conv64((64, 64, 1), 2, 4, width=0), "width must be a positive number"),
        (lambda: lat28((28, 7, 1), 2, 4), "at least 8 x 8 pixels, got 28 x 7"),
        (lambda: lat28((28, 28, 1), 2, 4, width=-1), "width must be a positive number"),
        (lambda: vcae28((1, 100, 1), 2, 4), "at least 8 x 8 pixels, got 1 x 100"),
        (lambda: wae64((64, 64, 1), 2, 4, width=math.nan), "width must be a positive number"),
        (lambda: mlp((8, 8, 1), 2, 4, widths=()), "widths must be"),
        (lambda: mlp((8, 8, 1), 2, 4, widths=(3, 0)), "widths must be"),
        (lambda: mlp((8, 8, 1), 2, 4, init="xavier"), "unknown init 'xavier'.*'authors'"),
    ],
)
def test_architectures_that_cannot_be(call, message):
    with pytest.raises(ValueError, match=message):
        call()
