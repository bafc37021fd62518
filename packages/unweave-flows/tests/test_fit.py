import pytest
import torch

import unweave_flows
from unweave_flows import KINDS, MAF, Density, fit_flow

QUICK = {"transforms": 2, "hidden": (16,), "epochs": 3}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("maf", {}),
        ("nsf", {}),
        ("realnvp", {"hidden": (64, 64)}),
        ("iaf", {"transforms": 4}),
    ],
)
def test_reaches_the_entropy_of_a_mixture(kind, options, draw, entropy):
    codes = draw(10_000, seed=0)
    flow = fit_flow(codes, kind, generator=seeded(), epochs=12, batch_size=250, **options)
    with torch.no_grad():
        loss = -float(flow.log_prob(draw(20_000, seed=1)).mean())
    # The held-out average has a standard error of 0.007 nats.
    assert -0.03 < loss - entropy < 2 * 0.05


def test_improves_on_the_normal_density(draw):
    codes = draw(2_000, seed=0)
    flow = fit_flow(codes, "nsf", generator=seeded(), transforms=2, hidden=(16,), epochs=6)
    normal = torch.distributions.MultivariateNormal(codes.mean(dim=0), torch.cov(codes.T))
    held_out = draw(2_000, seed=1)
    assert flow.log_prob(held_out).mean() > normal.log_prob(held_out).mean() + 0.1


def test_moments_are_those_of_the_codes(draw):
    codes = draw(3_000, seed=0)
    flow = MAF(2, transforms=1, hidden=(8,)).fit(codes, generator=seeded(), epochs=1)
    # A tenth is held out: the fitted moments differ by about the standard error of 300 codes.
    torch.testing.assert_close(flow.shift, codes.mean(dim=0), rtol=0, atol=0.2)
    torch.testing.assert_close(flow.scale, codes.std(dim=0), rtol=0.1, atol=0)


def test_randomness_comes_from_the_generator(draw):
    codes = draw(200, seed=0)
    torch.manual_seed(0)
    first = fit_flow(codes, generator=seeded(5), **QUICK)
    torch.manual_seed(1)
    again = fit_flow(codes, generator=seeded(5), **QUICK)
    other = fit_flow(codes, generator=seeded(6), **QUICK)
    assert torch.equal(first.log_prob(codes), again.log_prob(codes))
    assert not torch.equal(first.log_prob(codes), other.log_prob(codes))


def test_progress_and_losses_cover_every_epoch(draw):
    calls = []
    flow = fit_flow(
        draw(200, seed=0),
        generator=seeded(),
        progress=lambda count, total: calls.append((count, total)),
        **QUICK,
    )
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert len(flow.losses) == 3


def test_stops_early_and_keeps_the_best_weights(draw):
    codes = draw(60, seed=0)
    flow = MAF(2, transforms=3, hidden=(64, 64))
    flow.fit(codes, generator=seeded(), epochs=200, learning_rate=1e-2, patience=3)
    held_out = [loss for _, loss in flow.losses]
    assert len(held_out) < 200
    assert min(held_out) == held_out[-4]
    # The same generator gives the same split: its first permutation holds out the first tenth.
    rows = torch.randperm(60, generator=seeded())[:6]
    kept = -float(flow.log_prob(codes[rows]).mean().detach())
    assert kept == pytest.approx(min(held_out), abs=1e-5)


def test_a_loss_that_is_not_finite_stops_the_fit(draw):
    flow = MAF(2, transforms=2, hidden=(16,))
    with pytest.raises(FloatingPointError, match="became .* in epoch 1; lower learning_rate"):
        flow.fit(draw(500, seed=0), generator=seeded(), learning_rate=1e30)
    assert all(parameter.isfinite().all() for parameter in flow.parameters())


def test_a_loss_that_rises_is_a_diverged_fit(draw):
    flow = MAF(2, transforms=2, hidden=(16,))
    before = {name: value.clone() for name, value in flow.named_parameters()}
    with pytest.raises(FloatingPointError, match="the fit diverged: the held-out loss rose from"):
        flow.fit(draw(500, seed=0), generator=seeded(), learning_rate=30.0, epochs=3)
    assert all(torch.equal(value, before[name]) for name, value in flow.named_parameters())


def test_a_second_fit_that_gains_nothing_keeps_the_first(draw):
    codes = draw(400, seed=0)
    flow = MAF(2, transforms=2, hidden=(16,)).fit(codes, generator=seeded(), epochs=30)
    before = flow.log_prob(codes)
    flow.fit(codes, generator=seeded(), epochs=1, learning_rate=0.1)
    assert torch.equal(flow.log_prob(codes), before)


def test_interruption_keeps_the_best_weights(draw):
    def interrupt(count, total):
        if count == 2:
            raise KeyboardInterrupt

    flow = MAF(2, transforms=2, hidden=(16,))
    with pytest.raises(KeyboardInterrupt):
        flow.fit(draw(200, seed=0), generator=seeded(), progress=interrupt)
    assert flow.log_prob(draw(10, seed=1)).isfinite().all()


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        (torch.zeros(100, 3), r"codes must have shape \(n, 2\), got \(100, 3\)"),
        (torch.zeros(100), r"codes must have shape \(n, 2\), got \(100,\)"),
        (torch.rand(5, 2), "at least 20 rows, got 5"),
        (torch.full((50, 2), float("nan")), "finite, got 50 rows with NaN"),
        (torch.full((50, 2), 0.5), "vary in at least one dimension, got constant codes"),
    ],
)
def test_codes_are_checked(codes, sentence):
    with pytest.raises(ValueError, match=sentence):
        MAF(2).fit(codes)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 0}, "epochs must be a positive integer, got 0"),
        ({"batch_size": 1.5}, "batch_size must be a positive integer, got 1.5"),
        ({"validation": 1.0}, "validation must be a fraction between 0 and 1, got 1.0"),
    ],
)
def test_training_options_are_checked(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        MAF(2).fit(torch.rand(50, 2), **options)


def test_fresh_draws_are_fitted_instead_of_the_codes(draw):
    # Means on a grid, noise of deviation 0.5: the density of the codes has both.
    means = torch.arange(-2.0, 3.0).repeat(400)[:, None].expand(-1, 2)
    seen = []

    def noisy(rows, generator):
        seen.append(rows)
        return means[rows] + 0.5 * torch.randn(len(rows), 2, generator=generator)

    flow = MAF(2, transforms=1, hidden=(8,))
    codes = noisy(torch.arange(2000), seeded(3))
    seen.clear()
    flow.fit(codes, generator=seeded(), draw=noisy, epochs=3)
    rows = torch.cat(seen)
    assert len(rows) == 3 * 1800
    assert set(rows.bincount(minlength=2000).tolist()) == {0, 3}
    again = MAF(2, transforms=1, hidden=(8,)).fit(codes, generator=seeded(), draw=noisy, epochs=3)
    assert torch.equal(flow.log_prob(codes), again.log_prob(codes))
    other = MAF(2, transforms=1, hidden=(8,)).fit(codes, generator=seeded(), epochs=3)
    assert not torch.equal(flow.log_prob(codes), other.log_prob(codes))


def test_fresh_noise_keeps_a_flow_from_learning_the_codes_by_heart():
    g = seeded(0)
    means = torch.randn(30, 2, generator=g)

    def noisy(rows, generator):
        return means[rows] + 0.3 * torch.randn(len(rows), 2, generator=generator)

    codes, held_out = noisy(torch.arange(30), g), noisy(torch.arange(30).repeat(50), g)
    options = {"epochs": 200, "patience": 200, "learning_rate": 1e-2, "validation": 0.1}
    losses = []
    for draw in (None, noisy):
        flow = MAF(2, transforms=2, hidden=(32,))
        flow.fit(codes, generator=seeded(1), draw=draw, **options)
        losses.append([fitted for fitted, _ in flow.losses][-1])
    # What is fitted over and over sinks far below its entropy, what is drawn anew cannot.
    normal = torch.distributions.MultivariateNormal(held_out.mean(dim=0), torch.cov(held_out.T))
    entropy = -float(normal.log_prob(held_out).mean())
    assert losses[0] < entropy - 0.6
    assert losses[1] > entropy - 0.4


def test_draws_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"must return codes of shape \(45, 2\), got \(45, 3\)"):
        MAF(2).fit(torch.rand(50, 2), draw=lambda rows, _: torch.zeros(len(rows), 3))


def test_unknown_kinds_and_options_list_the_known_ones():
    with pytest.raises(ValueError, match="kind must be one of .*maf.*, got 'mav'"):
        fit_flow(torch.rand(50, 2), "mav")
    with pytest.raises(TypeError, match="no option epoch; known options: .*epochs.*transforms"):
        fit_flow(torch.rand(50, 2), "maf", epoch=3)
    with pytest.raises(ValueError, match=r"shape \(n, dim\), got \(50,\)"):
        fit_flow(torch.rand(50))


def test_lists_and_integers_are_codes_too():
    codes = [[i % 7, i % 5] for i in range(100)]
    assert fit_flow(codes, generator=seeded(), **QUICK)().sample((3,)).dtype == torch.float32


def test_arrays_keep_their_dtype():
    numpy = pytest.importorskip("numpy")
    codes = numpy.random.default_rng(0).normal(size=(100, 2))
    assert fit_flow(codes, generator=seeded(), **QUICK)().sample((3,)).dtype == torch.float64


def test_every_hooked_name_is_a_kind():
    hooks = pytest.importorskip("_unweave_flows_plugin", reason="needs pluggy")
    for name, target in hooks.unweave_flows().items():
        module, attribute = target.split(":")
        assert module == "unweave_flows"
        assert issubclass(getattr(unweave_flows, attribute), Density)
        assert KINDS[name] is getattr(unweave_flows, attribute)
