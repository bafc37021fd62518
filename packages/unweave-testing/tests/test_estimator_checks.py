"""Each deliberately wrong estimator fails the check that is named for its fault, and no other."""

from typing import TYPE_CHECKING

import pytest

from unweave_testing import estimator_checks, run

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")


class Right(torch.nn.Module):
    """KL of the Gaussian posterior to the standard normal prior, in closed form."""

    terms = ("kl",)
    needs_density = True

    def __init__(self, dim):
        super().__init__()

    def forward(self, latent):
        mean, std = latent.posterior.mean, latent.posterior.std
        return {"kl": (0.5 * (mean**2 + std**2 - 1) - std.log()).sum(dim=1).mean()}


def exact(latent):
    kl = torch.distributions.kl_divergence(latent.posterior.distribution, latent.prior())
    return {"kl": float(kl.mean())}


class OtherName(Right):
    terms = ("divergence",)


class SaysItNeedsNone(Right):
    needs_density = False


class GlobalNoise(Right):
    def forward(self, latent):
        return {"kl": super().forward(latent)["kl"] + 1e-12 * torch.randn(())}


class Ordered(Right):
    """Weighs the codes by their place, around an average of one."""

    def forward(self, latent):
        weights = torch.linspace(-1, 1, len(latent.z), dtype=latent.z.dtype)
        return {"kl": super().forward(latent)["kl"] + 1e-8 * (weights * latent.z[:, 0]).sum()}


class Doubled(Right):
    def forward(self, latent):
        value = super().forward(latent)["kl"]
        return {"kl": 2 * value - value.detach()}


class Shifted(Right):
    def forward(self, latent):
        return {"kl": super().forward(latent)["kl"] + 0.01}


class OfTheDecoder(Right):
    """Size of the decoder's weights: it needs no gradient to the codes."""

    needs_density = False

    def forward(self, latent):
        return {"kl": sum(p.square().sum() for p in latent.decoder.parameters())}


class OfThePrior(Right):
    needs_density = False

    def forward(self, latent):
        return {"kl": -latent.prior().log_prob(latent.z.detach()).mean()}


class OfItself(Right):
    needs_density = False

    def __init__(self, dim):
        super().__init__(dim)
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, latent):
        return {"kl": self.weight + 0.0 * latent.z.detach().sum()}


class OfAnother(Right):
    """Twice the value, with the gradient of the value itself, which a call returns too."""

    gradient_of = {"kl": "kl_published"}

    def forward(self, latent):
        value = super().forward(latent)["kl"]
        return {"kl": value + value.detach(), "kl_published": value}


class OfNeither(OfAnother):
    """The same, with the gradient of three times the value."""

    def forward(self, latent):
        value = super().forward(latent)["kl_published"]
        return {"kl": 3 * value - value.detach(), "kl_published": value}


class OfAnUnknownTerm(OfAnother):
    gradient_of = {"divergence": "kl_published"}


class OfATerm(OfAnother):
    gradient_of = {"kl": "kl"}


class WithoutItsSource(OfAnother):
    def forward(self, latent):
        return Right.forward(self, latent)


CHECKS = estimator_checks(exact=exact, bounds={"kl": (0.0, 100.0)})
FAULTS = {
    SaysItNeedsNone: "needs-density",
    GlobalNoise: "generator",
    Ordered: "batch-order",
    Doubled: "gradients",
    Shifted: "exact",
}


class WithCritic(torch.nn.Module):
    """Difference of a network's mean between codes and prior samples."""

    terms = ("gap",)
    needs_density = False
    critic_optimizer: object = {"lr": 1e-4, "betas": (0.5, 0.9), "eps": 1e-8}

    def __init__(self, dim):
        super().__init__()
        self.critic = torch.nn.Sequential(
            torch.nn.Linear(dim, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
        )

    def forward(self, latent):
        return {"gap": self.critic(latent.z).mean()}

    def codes(self, latent):
        return latent.z.detach()

    def critic_loss(self, latent, second_latent):
        softplus = torch.nn.functional.softplus
        real, fake = self.codes(latent), second_latent.prior_sample()
        return softplus(-self.critic(real)).mean() + softplus(self.critic(fake)).mean()


class Leaking(WithCritic):
    def codes(self, latent):
        return latent.z


class NoRate(WithCritic):
    critic_optimizer = {"betas": (0.5, 0.9), "eps": 1e-8}


class IdleCritic(WithCritic):
    def __init__(self, dim):
        super().__init__(dim)
        self.idle = torch.nn.Parameter(torch.zeros(1))


def test_a_right_estimator_passes():
    report = run(CHECKS, Right)
    assert report.ok, str(report)
    assert report.names("skipped") == ("critic",)


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(CHECKS, wrong)
    assert report.names("failed") == (FAULTS[wrong],), str(report)


def test_a_term_of_the_decoder_alone_passes():
    report = run(estimator_checks(), OfTheDecoder)
    assert report.ok, str(report)


@pytest.mark.parametrize("wrong", [OfThePrior, OfItself])
def test_a_term_whose_gradient_to_the_codes_is_cut_fails(wrong):
    assert run(estimator_checks(), wrong).names("failed") == ("gradients",)


def test_terms_are_compared_with_what_is_returned():
    report = run(estimator_checks(), OtherName)
    assert "a call must return the names in terms, ('divergence',), got ('kl',)" in str(report)


def test_a_gradient_is_compared_with_the_value_that_it_belongs_to():
    report = run(estimator_checks(), OfAnother)
    assert report.ok, str(report)
    assert run(estimator_checks(), OfNeither).names("failed") == ("gradients",)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (OfAnUnknownTerm, "gradient_of names 'divergence', which is not in terms"),
        (OfATerm, "gradient_of maps 'kl' to 'kl', which is itself a term"),
        (WithoutItsSource, "the names in terms and gradient_of, ('kl', 'kl_published'), got"),
    ],
)
def test_what_gradient_of_says_is_checked(wrong, message):
    report = run(estimator_checks(), wrong)
    assert "terms" in report.names("failed")
    assert message in str(report)


def test_bounds_are_facts():
    report = run(estimator_checks(bounds={"kl": (0.0, 0.1)}), Right)
    assert report.names("failed") == ("bounds",)


class WithRMSProp(WithCritic):
    critic_optimizer = "rmsprop:lr=1e-4"


@pytest.mark.parametrize("right", [WithCritic, WithRMSProp])
def test_a_right_critic_passes(right):
    report = run(estimator_checks(), right)
    assert report.ok, str(report)
    assert "critic" in report.names("passed")


@pytest.mark.parametrize("wrong", [Leaking, NoRate, IdleCritic])
def test_a_fault_of_the_critic_fails_its_check_alone(wrong):
    assert run(estimator_checks(), wrong).names("failed") == ("critic",)
