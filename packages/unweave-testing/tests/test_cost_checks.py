"""Each deliberately wrong cost fails the check that is named for its fault, and no other."""

from typing import TYPE_CHECKING

import pytest

from unweave_testing import cost_checks, run

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")


class Right(torch.nn.Module):
    units = "squared L2"

    def forward(self, x, output):
        return (x - output).square().flatten(1).sum(dim=1)

    def image(self, output):
        return output.clamp(0, 1)


class OneNumber(Right):
    def forward(self, x, output):
        return super().forward(x, output).sum(dim=0, keepdim=True)


class BatchMean(Right):
    def forward(self, x, output):
        cost = super().forward(x, output)
        return cost - 0.5 * cost.mean().detach() + 0.5 * cost.detach()


class PixelMean(Right):
    def forward(self, x, output):
        return super().forward(x, output) / x[0].numel()


class HalfGradient(Right):
    def forward(self, x, output):
        cost = super().forward(x, output)
        return 0.5 * cost + 0.5 * cost.detach()


class Unbounded(Right):
    def image(self, output):
        return output


class Unnamed(Right):
    units = ""


class Constant(Right):
    def forward(self, x, output):
        return x.square().flatten(1).sum(dim=1) + 0 * output.flatten(1).sum(dim=1)


FAULTS = {
    PixelMean: "summed",
    HalfGradient: "gradients",
    Unbounded: "image",
    Unnamed: "units",
    Constant: "better",
}


def test_a_right_cost_passes():
    report = run(cost_checks(), Right)
    assert report.ok, str(report)
    assert len(report.names("passed")) == 7


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(cost_checks(), wrong)
    assert report.names("failed") == (FAULTS[wrong],), str(report)


def test_one_number_for_a_batch_fails():
    assert "cost of 5 images has shape (1,)" in str(run(cost_checks(), OneNumber))


def test_a_mean_over_the_batch_fails():
    assert "rows" in run(cost_checks(), BatchMean).names("failed")
