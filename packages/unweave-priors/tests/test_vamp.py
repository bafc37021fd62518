"""Mixtures of posteriors against the sum over the pseudo-inputs."""

import copy

import pytest
import torch
from torch import nn
from torch.distributions import Distribution, Independent, Normal, constraints

from unweave_priors import GaussianMixture, Vamp


class Model(nn.Module):
    """An encoder of 2 x 2 images, and a prior that takes it."""

    def __init__(self, **options):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.prior = Vamp(2, components=3, **options)

    def encode(self, images):
        mean, log_std = self.linear(images.flatten(1)).chunk(2, dim=1)
        return Independent(Normal(mean, log_std.exp()), 1)


@pytest.fixture
def images(generator):
    return torch.rand(3, 1, 2, 2, generator=generator)


@pytest.fixture
def model(images):
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        model = Model()
    model.prior.attach(model.encode, images)
    return model


def test_density_is_the_mean_of_the_posteriors(model, images):
    z = torch.linspace(-1, 1, 10).reshape(5, 2)
    singles = [model.encode(image[None]).log_prob(z).exp() for image in images]
    expected = torch.stack(singles).mean(dim=0).log()
    torch.testing.assert_close(model.prior().log_prob(z), expected)


def test_samples_have_the_marginals(model, images, generator, assert_drawn_from):
    q = model.encode(images).base_dist
    z = model.prior.sample(20_000, generator)
    for d, column in enumerate(z.T):
        loc, scale = q.loc[:, d].detach().double(), q.scale[:, d].detach().double()

        def cdf(t, loc=loc, scale=scale):
            return torch.special.ndtr((t[:, None] - loc) / scale).mean(dim=1)

        assert_drawn_from(column, cdf)


def test_gradients_reach_encoder_and_pseudo_inputs(model):
    model.prior().log_prob(torch.ones(4, 2)).sum().backward()
    assert (model.linear.weight.grad != 0).any()
    assert (model.prior.pseudo_inputs.grad != 0).all()


def test_the_encoder_belongs_to_the_model_alone(model):
    assert [name for name, _ in model.prior.named_parameters()] == ["pseudo_inputs"]
    assert list(model.prior.state_dict()) == ["pseudo_inputs"]
    assert list(model.prior.children()) == []
    assert len(list(model.parameters())) == 3


def test_a_module_may_be_the_encoder(images):
    class Encoder(nn.Linear):
        def forward(self, images):
            return Independent(Normal(super().forward(images.flatten(1)), 1.0), 1)

    prior = Vamp(2, components=3)
    prior.attach(Encoder(4, 2), images)
    assert list(prior.state_dict()) == ["pseudo_inputs"]
    assert prior().log_prob(torch.zeros(1, 2)).shape == (1,)


def test_the_prior_of_a_copied_model_has_the_copy_s_encoder(model):
    twin, z = copy.deepcopy(model), torch.zeros(1, 2)
    before = model.prior().log_prob(z)
    with torch.no_grad():
        twin.linear.bias.add_(1.0)
    assert torch.equal(model.prior().log_prob(z), before)
    assert not torch.equal(twin.prior().log_prob(z), before)


def test_pseudo_inputs_are_clipped_where_they_are_used(model, images):
    z = torch.zeros(1, 2)
    with torch.no_grad():
        model.prior.pseudo_inputs.copy_(torch.ones_like(images))
        edge = model.prior().log_prob(z)
        model.prior.pseudo_inputs.add_(3.0)
    assert torch.equal(model.prior().log_prob(z), edge)


def test_pseudo_inputs_may_stay_the_images(images):
    model = Model(learned=False)
    model.prior.attach(model.encode, images)
    assert list(model.prior.parameters()) == []
    assert torch.equal(model.prior.state_dict()["pseudo_inputs"], images)


def test_learning_pseudo_inputs_makes_codes_likelier(model, generator):
    codes = GaussianMixture(2, components=3, spread=1.0, scale=0.3).sample(500, generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    losses = []
    for _ in range(300):
        loss = -model.prior().log_prob(codes).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    # A single normal density, which any K = 1 is, has the entropy of the codes' covariance.
    normal = 0.5 * torch.logdet(2 * torch.pi * torch.e * torch.cov(codes.T)).item()
    assert losses[0] > normal > losses[-1] + 0.1


def test_calls_before_attaching_are_refused():
    prior = Vamp(2, components=3)
    for use in (prior, lambda: prior.sample(4)):
        with pytest.raises(ValueError, match="no encoder yet; call prior.attach"):
            use()


def test_a_saved_state_needs_the_encoder_alone(model):
    other = Vamp(2, components=3)
    other.load_state_dict(model.prior.state_dict())
    other.attach(model.encode, None)
    z = torch.zeros(1, 2)
    assert torch.equal(other().log_prob(z), model.prior().log_prob(z))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (torch.zeros(2, 1, 2, 2), "components = 3 images, got 2; pass as many or set components"),
        (torch.full((3, 1, 2, 2), 255.0), r"values in \[0, 1\], got 255 to 255"),
        (torch.full((3, 1, 2, 2), float("nan")), r"values in \[0, 1\], got nan to nan"),
    ],
)
def test_images_are_checked(model, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        model.prior.attach(model.encode, wrong)


class Shifted(Distribution):
    """Exponential densities that start at the codes of images; they take no generator."""

    arg_constraints = {}
    support = constraints.real_vector

    def __init__(self, start):
        self.start = start
        super().__init__(start.shape[:1], start.shape[1:], validate_args=False)

    def sample(self, sample_shape=()):
        return self.start + torch.empty(*sample_shape, *self.start.shape).exponential_()

    def log_prob(self, value):
        return (self.start - value).sum(dim=-1)


def test_posteriors_that_take_no_generator_are_drawn_under_a_seed(images):
    prior = Vamp(2, components=3)
    prior.attach(lambda images: Shifted(images.flatten(1)[:, :2]), images)
    state = torch.random.get_rng_state()
    first, again, other = (
        prior.sample(500, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    expected = images.flatten(1)[:, :2].mean(dim=0) + 1
    # The standard error is about 0.05.
    torch.testing.assert_close(first.mean(dim=0), expected, rtol=0, atol=0.25)
