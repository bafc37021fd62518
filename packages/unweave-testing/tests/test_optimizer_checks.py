"""Each deliberately wrong optimizer fails the check that is named for its fault, and no other."""

import pytest

from unweave_testing import optimizer_checks, run

torch = pytest.importorskip("torch")


class Right(torch.optim.Optimizer):
    """Gradient descent with momentum."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.move(parameter, group["lr"])

    def move(self, parameter, lr):
        momentum = self.remember(parameter)
        momentum.mul_(0.5).add_(parameter.grad)
        parameter.sub_(lr * momentum)

    def remember(self, parameter):
        return self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))


class Ascends(Right):
    def move(self, parameter, lr):
        super().move(parameter, -lr)


class OwnRate(Right):
    def move(self, parameter, lr):
        super().move(parameter, 0.01)


class MovesAll(Right):
    @torch.no_grad()
    def step(self):
        super().step()
        for parameter in self.param_groups[0]["params"]:
            if parameter.grad is None:
                parameter.mul_(1 - self.param_groups[0]["lr"])


class OwnMemory(Right):
    def remember(self, parameter):
        self.own = getattr(self, "own", {})
        return self.own.setdefault(id(parameter), torch.zeros_like(parameter))


class Counts(Right):
    def move(self, parameter, lr):
        self.state[parameter]["step"] = self.state[parameter].get("step", 0) + 1
        super().move(parameter, lr)


class Contiguous(Right):
    def remember(self, parameter):
        zeros = torch.zeros(parameter.shape, dtype=parameter.dtype)
        return self.state[parameter].setdefault("momentum", zeros)


FAULTS = {
    Ascends: "descends",
    OwnRate: "rate",
    MovesAll: "no-gradient",
    OwnMemory: "state",
    Counts: "state",
    Contiguous: "layout",
}


@pytest.mark.parametrize(
    "right", [Right, torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop, torch.optim.NAdam]
)
def test_right_optimizers_pass(right):
    report = run(optimizer_checks(), right)
    assert report.ok, str(report)
    assert len(report.names("passed")) == 5


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(optimizer_checks(), wrong)
    assert report.names("failed") == (FAULTS[wrong],), str(report)
