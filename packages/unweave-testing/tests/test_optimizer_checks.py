"""Each deliberately wrong optimizer fails the check that is named for its fault, and no other."""

from typing import TYPE_CHECKING, Any

import pytest

from unweave_testing import optimizer_checks, run

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")


class Right(torch.optim.Optimizer):
    """Heavy-ball momentum: m <- beta m + g, p <- p - lr m."""

    def __init__(self, parameters: Any, lr: Any, *, beta: float = 0.5) -> None:
        super().__init__(parameters, {"lr": lr})
        self.beta = beta

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.move(parameter, self.rate(group))

    def rate(self, group):
        return group["lr"]

    def start(self, parameter):
        return torch.zeros_like(parameter)

    def move(self, parameter, lr):
        state = self.state[parameter]
        if not state:
            state["momentum"] = self.start(parameter)
        state["momentum"].mul_(self.beta).add_(parameter.grad)
        parameter.sub_(lr * state["momentum"])


class Duck:
    """Has the members of an optimizer and is none."""

    def __init__(self, parameters, lr):
        self.inner = Right(parameters, lr)
        self.param_groups, self.state = self.inner.param_groups, self.inner.state
        self.step, self.zero_grad = self.inner.step, self.inner.zero_grad


class WantsClosure(Right):
    """Takes one more argument where it is asked to; as LBFGS does, it raises without."""

    def step(self, closure=None):
        if all(p.grad is not None for group in self.param_groups for p in group["params"]):
            super().step()
        else:
            raise TypeError("a closure is missing")


class MovesAll(Right):
    """Shrinks every parameter, also one without a gradient."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        super().step()
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.mul_(1 - 1e-3 * group["lr"])


class FirstRate(Right):
    """Keeps the rate that it was built with, but for zero."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr)
        self.first = float(lr)

    def rate(self, group):
        return self.first if group["lr"] > 0 else 0.0


class NotNothing(Right):
    def rate(self, group):
        return group["lr"] + 1e-4


class Ascends(Right):
    def move(self, parameter, lr):
        super().move(parameter, -lr)


class Barely(Right):
    def rate(self, group):
        return 1e-3 * group["lr"]


class PythonNumber(Right):
    def move(self, parameter, lr):
        super().move(parameter, lr)
        self.state[parameter]["steps"] = self.state[parameter].get("steps", 0) + 1


class OtherLayout(Right):
    def start(self, parameter):
        return torch.zeros(parameter.shape)


class OtherShape(Right):
    def move(self, parameter, lr):
        super().move(parameter, lr)
        self.state[parameter]["sizes"] = torch.ones(7)


class Forgetful(Right):
    """Keeps its momentum where no checkpoint finds it."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr)
        self.moments = {}

    def move(self, parameter, lr):
        momentum = self.moments.get(id(parameter), torch.zeros_like(parameter))
        self.moments[id(parameter)] = momentum.mul(self.beta).add(parameter.grad)
        parameter.sub_(lr * self.moments[id(parameter)])


FAULTS = {
    Duck: "optimizer",
    WantsClosure: "step",
    MovesAll: "step",
    FirstRate: "rate",
    NotNothing: "rate",
    Ascends: "descends",
    Barely: "descends",
    PythonNumber: "state",
    OtherLayout: "state",
    OtherShape: "state",
    Forgetful: "resume",
}


def fused(parameters, lr):
    return torch.optim.Adam(parameters, lr=lr, amsgrad=True, fused=True)


def plain(parameters, lr):
    return torch.optim.RMSprop(parameters, lr=float(lr), momentum=0.9)


@pytest.mark.parametrize("right", [Right, fused, plain], ids=lambda right: right.__name__)
def test_a_right_optimizer_passes(right):
    report = run(optimizer_checks(), right)
    assert report.ok, str(report)
    assert len(report.names("passed")) == 6


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(optimizer_checks(), wrong)
    assert report.names("failed") == (FAULTS[wrong],), str(report)


def test_parameters_that_are_left_out_are_counted():
    report = run(optimizer_checks(), lambda parameters, lr: Right(parameters[:-1], lr))
    assert "each of its 3 parameters once, got 2" in str(report)


def test_a_group_without_a_rate_is_named():
    class Nameless(Right):
        def __init__(self, parameters, lr):
            super().__init__(parameters, lr)
            self.param_groups[0]["eta"] = self.param_groups[0].pop("lr")

    assert "no 'lr', which the trainer fills" in str(run(optimizer_checks(), Nameless))
