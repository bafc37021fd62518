"""Each deliberately wrong pair fails the check that is named for its fault, and no other."""

import math
from typing import TYPE_CHECKING

import pytest

from unweave_testing import architecture_checks, run

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
nn = torch.nn


def right(image_shape, dim, outputs):
    h, w, c = image_shape
    pixels = math.prod(image_shape)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 6), nn.Tanh(), nn.Linear(6, outputs))
    return encoder, nn.Sequential(nn.Linear(dim, pixels), nn.Unflatten(1, (c, h, w)))


def around(*, encoder=None, decoder=None):
    """Put a module behind the encoder or the decoder."""

    def build(image_shape, dim, outputs):
        first, second = right(image_shape, dim, outputs)
        first = nn.Sequential(first, encoder()) if encoder else first
        return first, nn.Sequential(second, decoder()) if decoder else second

    return build


class Wrapper(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def one_module(image_shape, dim, outputs):
    return right(image_shape, dim, outputs)[0]


def too_many_outputs(image_shape, dim, outputs):
    return right(image_shape, dim, outputs + 1)[0], right(image_shape, dim, outputs)[1]


def channels_last(image_shape, dim, outputs):
    encoder, decoder = right(image_shape, dim, outputs)
    return encoder, nn.Sequential(decoder, Wrapper(lambda x: x.permute(0, 2, 3, 1)))


def cropped(image_shape, dim, outputs):
    """Leaves the last row of odd images out."""
    h, w, c = image_shape
    encoder, decoder = right((h - 1, w, c), dim, outputs)
    padded = nn.ZeroPad2d((0, 0, 0, 1))
    return nn.Sequential(Wrapper(lambda x: x[:, :, :-1]), encoder), nn.Sequential(decoder, padded)


class Idle(nn.Module):
    def __init__(self):
        super().__init__()
        self.idle = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x


class Unseeded(nn.Module):
    def __init__(self):
        super().__init__()
        seed = torch.seed()
        self.scale = nn.Parameter(torch.tensor(1 + seed % 1000 / 1000))

    def forward(self, x):
        return self.scale * x


class AlwaysOnCpu(nn.Module):
    def forward(self, x):
        return x + torch.zeros(x.shape[1:], dtype=x.dtype)


FAULTS = {
    "encoder": too_many_outputs,
    "decoder": channels_last,
    "rows": around(encoder=lambda: Wrapper(lambda x: x + 0.1 * x.mean(dim=0))),
    "gradients": cropped,
    "first-weights": around(decoder=Unseeded),
    "dtype": around(decoder=lambda: Wrapper(lambda x: x.double())),
    "device": around(encoder=AlwaysOnCpu),
}


def test_a_right_pair_passes():
    report = run(architecture_checks(), right)
    assert report.ok, str(report)
    assert len(report.names("passed")) == 9


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_its_check_alone(fault):
    report = run(architecture_checks(), FAULTS[fault])
    assert report.names("failed") == (fault,), str(report)


def test_a_parameter_without_a_gradient_is_named():
    report = run(architecture_checks(), around(encoder=Idle))
    assert report.names("failed") == ("gradients",)
    assert "1.idle of the encoder" in str(report)


def test_two_modules_are_asked_for():
    report = run(architecture_checks(), one_module)
    assert "modules" in report.names("failed")


def test_image_shapes_are_facts():
    def square(image_shape, dim, outputs):
        if image_shape[0] != image_shape[1]:
            raise ValueError("images must be square")
        return right(image_shape, dim, outputs)

    assert run(architecture_checks(), square).names("failed") == ("encoder", "decoder")
    report = run(architecture_checks(image_shapes=[(16, 16, 1)]), square)
    assert report.ok, str(report)
