"""Measures against what they are said to be."""

import numpy as np
import pytest
import scipy.stats
import torch
from torch.distributions import Independent, Laplace, MixtureSameFamily, Normal, StudentT

import unweave
from unweave import codetable
from unweave.codetable import encode_table
from unweave.errors import ConfigError
from unweave.experiment import code_scores
from unweave.experiment.code_scores import split_parts
from unweave.experiment.definition import Experiment, Variant
from unweave.experiment.measures import measure
from unweave.experiment.normal_margins import normal_margins


@pytest.fixture
def run(tmp_path, settings):
    return unweave.train(
        "toy-vae", out=tmp_path / "run", device="cpu", holdout=28, validate_every=10, **settings
    )


@pytest.fixture
def experiment():
    return Experiment(name="e", runs=[Variant(label="a")])


def test_normal_margins_are_those_of_the_distribution_functions():
    z = np.random.default_rng(0).normal(size=(500, 2)) * 4
    df = torch.tensor([3.0, 9.0], dtype=torch.float64)
    found = normal_margins(Independent(StudentT(df, 1.0, 2.0), 1), z)
    expected = scipy.stats.norm.isf(scipy.stats.t.sf((z - 1) / 2, df.numpy()))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    far = normal_margins(Independent(StudentT(df, 0.0, 1.0), 1), np.array([[1e6, -1e6]]))
    assert np.isfinite(far).all()
    laplace = normal_margins(Independent(Laplace(torch.zeros(2), 1.5), 1), z)
    expected = scipy.stats.norm.ppf(scipy.stats.laplace.cdf(z, scale=1.5))
    assert laplace == pytest.approx(expected, rel=1e-4, abs=1e-5)
    normal = normal_margins(Independent(Normal(torch.ones(2), 2.0), 1), z)
    assert normal == pytest.approx((z - 1) / 2)


def test_samples_of_a_prior_are_mapped_to_normal_ones():
    prior = Independent(StudentT(torch.full((2,), 5.0)), 1)
    torch.manual_seed(0)
    codes = normal_margins(prior, prior.sample((4000,)).numpy())
    assert scipy.stats.kstest(codes[:, 0], "norm").pvalue > 0.01
    assert scipy.stats.kstest(codes[:, 1], "norm").pvalue > 0.01


def test_a_prior_without_margins_is_said():
    mixture = MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(2)), Independent(Normal(torch.zeros(2, 2), 1), 1)
    )
    with pytest.raises(ConfigError, match="MixtureSameFamily does not factorise"):
        normal_margins(mixture, np.zeros((1, 2)))


@pytest.mark.parametrize("text", ["", "/holdout", "/sampled", "/sampled/holdout"])
def test_a_metric_is_that_of_the_codes_it_names(run, experiment, text):
    data = run.heldout if "holdout" in text else run.dataset
    noisy = "sampled" in text
    table = encode_table(run, run.model, rows=10_000, dataset=data, noisy=noisy)
    correlation = np.corrcoef(table.codes.T, data.factors[table.index, 0])[-1, :-1]
    expected = np.abs(correlation).max() ** 2
    found = measure(run, experiment, f"metric toy-correlation{text}")
    assert found == pytest.approx(expected, rel=1e-4)


def test_the_active_dimensions_alone(run, experiment, monkeypatch):
    table = encode_table(run, run.model, rows=10_000)
    between = table.codes.var(0)
    shares = np.sort(between / (between + np.square(table.std).mean(0)))
    assert shares[0] < shares[-1]
    monkeypatch.setattr(codetable, "ACTIVE", shares[-2:].mean())  # one dimension is more
    codes = table.codes[:, table.active]
    assert codes.shape[1] == 1
    expected = np.corrcoef(codes[:, 0], run.dataset.factors[table.index, 0])[0, 1] ** 2
    found = measure(run, experiment, "metric toy-correlation/active")
    assert found == pytest.approx(expected, rel=1e-4)


def test_without_an_active_dimension_that_is_the_reason(run, experiment, monkeypatch):
    monkeypatch.setattr(codetable, "ACTIVE", 1.0)
    with pytest.raises(ConfigError, match="no dimension is active"):
        measure(run, experiment, "metric toy-correlation/active")


def test_a_failed_score_of_all_dimensions_is_that_of_the_active_ones(run, experiment, monkeypatch):
    """Where all are active there is one score, and one reason."""
    entry = {"value": None, "reason": "singular", "seed": 0, "rows": len(run.dataset)}
    monkeypatch.setattr(code_scores, "_known_scores", lambda _: {"toy-correlation": entry})
    monkeypatch.setattr(code_scores, "_score", lambda *_: None)
    monkeypatch.setattr(code_scores, "_some_active", lambda *_: True)
    with pytest.raises(ConfigError, match="singular"):
        measure(run, experiment, "metric toy-correlation/active")


def test_a_mapped_metric_with_a_standard_normal_prior_is_the_metric(run, experiment):
    plain = measure(run, experiment, "metric toy-correlation")
    assert measure(run, experiment, "mapped-metric toy-correlation") == pytest.approx(plain)


def test_errors_of_held_out_images_are_of_these(run, experiment):
    images = run.heldout.images(np.arange(28)) / 255.0
    pictures = run.reconstruct(run.heldout.images(np.arange(28))) / 255.0
    expected = np.square(images - pictures).sum((1, 2, 3)).mean()
    found = measure(run, experiment, "test-squared-error")
    assert found == pytest.approx(expected, rel=0.02)
    noisy = measure(run, experiment, "noisy-test-squared-error")
    assert noisy != found


def test_what_a_metric_is_of():
    assert split_parts("mig") == ("mig", set())
    assert split_parts("mig:bins=3/active/sampled") == ("mig:bins=3", {"active", "sampled"})
    assert split_parts("active") == ("active", set())


def test_a_term_that_is_not_in_the_log_is_said(run, experiment):
    assert measure(run, experiment, "log kl") == run.scalars()[-1]["kl"]
    with pytest.raises(ConfigError, match="unknown term in the log 'kll'; did you mean 'kl'"):
        measure(run, experiment, "log kll")
