"""The transposed convolution of training on a processor against torch's."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from unweave.architectures import transposed
from unweave.architectures.conv import conv64
from unweave.architectures.transposed import OneChannel, TransposedConvolution

# Channels, outputs, kernel, stride, padding, output padding, groups, bias.
CASES = [
    (3, 1, 4, 2, 1, 0, 1, True),
    (3, 1, 4, 2, 1, (1, 0), 1, True),
    (5, 1, 5, 2, 2, 1, 1, False),
    (2, 1, (3, 4), (1, 2), (0, 1), 0, 1, True),
    (3, 2, 4, 2, 1, 0, 1, True),
    (3, 2, 5, 2, 2, 1, 1, False),
    (4, 2, 4, 2, 1, 0, 2, True),
]


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_those_of_torch(case):
    layer = TransposedConvolution(*case)
    twin = nn.ConvTranspose2d(*case)
    twin.load_state_dict(layer.state_dict())
    x = torch.randn(4, case[0], 5, 7).to(memory_format=torch.channels_last)
    ours, theirs = (x.clone().requires_grad_() for _ in range(2))
    y, wanted = layer(ours), twin(theirs)
    torch.testing.assert_close(y, wanted, rtol=1e-5, atol=1e-6)
    weights = torch.randn(y.shape)
    (y * weights).sum().backward()
    (wanted * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-5)
    for p, q in zip(layer.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-5, atol=1e-5)


def test_the_gradient_is_the_derivative():
    x = torch.randn(2, 3, 4, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    arguments = (x, weight, (2, 2), (1, 1), (1, 0))
    assert torch.autograd.gradcheck(OneChannel.apply, arguments)
    assert torch.autograd.gradgradcheck(OneChannel.apply, arguments)


def test_many_models_at_once_have_the_gradients_of_each_alone():
    layers = [TransposedConvolution(3, 1, 4, 2, 1) for _ in range(3)]
    x = torch.randn(3, 2, 3, 4, 4)

    def loss(parameters, x):
        return functional_call(layers[0], parameters, (x,)).square().sum()

    every = {
        name: torch.stack([layer.state_dict()[name] for layer in layers])
        for name in layers[0].state_dict()
    }
    together = vmap(grad(loss))(every, x)
    for i, layer in enumerate(layers):
        alone = grad(loss)(dict(layer.named_parameters()), x[i])
        for name, value in alone.items():
            torch.testing.assert_close(together[name][i], value, rtol=1e-5, atol=1e-5)


def test_only_training_in_float32_on_a_processor_has_other_kernels(monkeypatch):
    uses = []
    monkeypatch.setattr(transposed, "_one_channel", lambda *arguments: uses.append(arguments))
    layer = TransposedConvolution(3, 1, 4, 2, 1, bias=False)
    x = torch.randn(2, 3, 4, 4)
    with torch.no_grad():
        assert layer(x).shape == (2, 1, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).shape == (2, 1, 8, 8)
    assert layer.double()(x.double()).shape == (2, 1, 8, 8)
    assert not uses
    layer.float()(x)
    assert len(uses) == 1


def test_networks_are_made_of_it():
    _, decoder = conv64((16, 16, 1), 5, 10)
    found = [layer for layer in decoder.modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert len(found) == 2
    assert all(isinstance(layer, TransposedConvolution) for layer in found)
