"""The faster transposed convolution against torch's own, its gradients against differences."""

import pytest
import torch
from torch import nn

from unweave.architectures.conv import conv64
from unweave.architectures.transposed import FEW, TransposedConv2d, _Doubling, shuffled

SIZES = [(5, 1, 4, 4), (3, FEW, 3, 7), (6, FEW + 1, 5, 2), (8, 32, 8, 8)]


def pair(inputs, outputs, **options):
    torch.manual_seed(0)
    ours = TransposedConv2d(inputs, outputs, 4, 2, 1, **options)
    theirs = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, **options)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def gradients(layer, x, weights):
    output = layer(x)
    wanted = (x, *layer.parameters()) if x.requires_grad else tuple(layer.parameters())
    return output, torch.autograd.grad((output * weights).sum(), wanted)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("to_input", [False, True])
@pytest.mark.parametrize(("inputs", "outputs", "height", "width"), SIZES)
def test_output_and_gradients_are_those_of_torch(
    inputs, outputs, height, width, to_input, channels_last
):
    ours, theirs = pair(inputs, outputs)
    form = torch.channels_last if channels_last else torch.contiguous_format
    ours.to(memory_format=form)
    x = torch.randn(3, inputs, height, width).to(memory_format=form).requires_grad_(to_input)
    weights = torch.randn(3, outputs, 2 * height, 2 * width)
    for one, other in zip(gradients(ours, x, weights), gradients(theirs, x, weights), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("outputs", [1, FEW + 1])
def test_first_and_second_derivatives_are_those_of_differences(outputs):
    """In float64, which is why the function and not the layer is asked."""
    torch.manual_seed(0)
    shapes = ((2, 3, 2, 3), (3, outputs, 4, 4), (outputs,))
    inputs = tuple(torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes)
    assert torch.autograd.gradcheck(_Doubling.apply, inputs)
    assert torch.autograd.gradgradcheck(_Doubling.apply, inputs)


def test_layers_of_many_members_are_those_of_each():
    members = [TransposedConv2d(3, 1, 4, 2, 1) for _ in range(3)]
    stacked, _ = torch.func.stack_module_state(members)
    x = torch.randn(3, 2, 3, 4, 4)

    def loss(parameters, images):
        return torch.func.functional_call(members[0], parameters, (images,)).square().sum()

    found = torch.func.vmap(torch.func.grad(loss))(stacked, x)
    for number, member in enumerate(members):
        alone = torch.autograd.grad(member(x[number]).square().sum(), tuple(member.parameters()))
        for one, other in zip((found["weight"], found["bias"]), alone, strict=True):
            torch.testing.assert_close(one[number], other, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    "options", [{"bias": False}, {"output_padding": 1}, {"groups": 2}], ids=lambda o: next(iter(o))
)
def test_other_layers_are_left_to_torch(options):
    ours, theirs = pair(4, 2, **options)
    x = torch.randn(2, 4, 3, 3)
    assert torch.equal(ours(x), theirs(x))


def test_no_other_numbers_without_gradients_or_in_bfloat16():
    ours, theirs = pair(4, 1)
    x = torch.randn(2, 4, 3, 3)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(x).dtype == torch.bfloat16


def test_shuffled_pixels_are_laid_out_channels_last():
    output = shuffled(torch.randn(2, 4, 3, 3), torch.randn(4, 3, 4, 4), torch.zeros(3))
    assert output.is_contiguous(memory_format=torch.channels_last)


def test_the_decoder_has_the_weights_that_it_had():
    """Names and shapes of old checkpoints."""
    _, decoder = conv64((16, 16, 3), 5, 10)
    assert {name: tuple(w.shape) for name, w in decoder.state_dict().items()} == {
        "0.weight": (256, 5), "0.bias": (256,), "2.weight": (512, 256), "2.bias": (512,),
        "5.weight": (32, 32, 4, 4), "5.bias": (32,), "7.weight": (32, 3, 4, 4), "7.bias": (3,),
    }  # fmt: skip
