"""The measure `decomposition`: against closed forms, a sum by hand, and what it refuses."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from unweave.batches import derive_seed
from unweave.encoding import CHUNK, encode_as_one, encode_chunks
from unweave.errors import ConfigError
from unweave.executors import Serial
from unweave.experiment.checks import check_experiment
from unweave.experiment.decomposition import TERMS, decomposition_term
from unweave.experiment.definition import Experiment
from unweave.experiment.sweep import sweep
from unweave.experiment.toml_reader import parse_definition
from unweave.model import Autoencoder
from unweave.posterior import Gaussian
from unweave.registry import registry

CPU = torch.device("cpu")
STUDY = """
data = ["toy-images"]
[settings]
method = "toy-vae"
prior = "toy-normal"
dim = 3
batch_size = 16
steps = 8
architecture = "mlp:widths=16"
[[runs]]
label = "vae"
[measures]
"TC" = "decomposition total_correlation"
"""


class StandardNormal(nn.Module):
    def forward(self):
        return Independent(Normal(torch.zeros(2), torch.ones(2)), 1)


@pytest.fixture(autouse=True)
def _estimators(toy, monkeypatch):
    pytest.importorskip("unweave_estimators")
    monkeypatch.setenv("UNWEAVE_PLUGINS", "unweave,unweave-estimators,toy")
    registry.cache_clear()


@pytest.fixture
def reads_codes():
    """A model whose images are the means and log-variances of their posteriors."""
    weights = nn.Linear(1, 1)  # a model has parameters, which say where it is
    model = Autoencoder(nn.Flatten(), weights, StandardNormal(), Gaussian(2))

    def images(mean, std):
        numbers = np.concatenate([mean, np.broadcast_to(2 * np.log(std), mean.shape)], 1)
        return numbers[:, None, None, :].astype(np.float32)

    return model, images


def test_gaussian_codes_have_the_terms_of_the_closed_forms(reads_codes):
    model, images = reads_codes
    rho, std = 0.9, 0.5
    covariance = np.array([[1.0, rho], [rho, 1.0]])
    mean = np.random.default_rng(0).multivariate_normal([0.3, 0.0], covariance, 4000)
    total = covariance + std**2 * np.eye(2)
    log_det, variance = np.log(np.linalg.det(total)), total[0, 0]
    expected = {
        "total_correlation": (2 * math.log(variance) - log_det) / 2,
        "index_code_mi": (log_det - 4 * math.log(std)) / 2,
        "dimension_wise_kl": (2 * (variance - 1 - math.log(variance)) + 0.3**2) / 2,
        "marginal_kl": (2 * variance - 2 - log_det + 0.3**2) / 2,
    }
    assert expected.keys() == set(TERMS)
    for term, value in expected.items():
        found = decomposition_term(registry(), model, images(mean, std), term)
        assert found == pytest.approx(value, abs=0.04), term


def test_narrow_posteriors_have_the_sum_over_all_of_them(reads_codes):
    model, images = reads_codes
    rng = np.random.default_rng(1)
    pictures = images(rng.normal(size=(CHUNK + 5, 2)), rng.uniform(0.002, 0.1, (CHUNK + 5, 1)))
    posterior = encode_as_one(model, pictures, CPU)
    z = posterior.rsample(torch.Generator().manual_seed(derive_seed(0, "posterior"))).double()
    density = Normal(posterior.mean.double(), posterior.std.double()).log_prob(z[:, None])
    joint = density.sum(2).logsumexp(1) - math.log(len(z))
    marginals = (density.logsumexp(1) - math.log(len(z))).sum(1)
    own = density.sum(2).diagonal()
    for term, value in {
        "total_correlation": joint - marginals,
        "index_code_mi": own - joint,
        "dimension_wise_kl": marginals - Normal(0, 1).log_prob(z).sum(1),
    }.items():
        found = decomposition_term(registry(), model, pictures, term)
        assert found == pytest.approx(float(value.mean()), rel=1e-4), term


def test_images_are_encoded_as_one_batch_and_in_chunks_alike(reads_codes):
    model, images = reads_codes
    pictures = images(np.random.default_rng(2).normal(size=(2 * CHUNK + 3, 2)), 0.5)
    chunks = [posterior.mean for posterior, _ in encode_chunks(model, pictures, CPU)]
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, 3]
    assert torch.equal(encode_as_one(model, pictures, CPU).mean, torch.cat(chunks))


def test_a_sweep_has_it(tmp_path):
    study = parse_definition(STUDY, "study", Experiment)
    (row,) = sweep(study, tmp_path, Serial()).rows
    assert 0 < row.value("TC") < 10


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("total_correlation", "tc", "unknown term of the decomposition 'tc'"),
        (" total_correlation", "", "unknown term of the decomposition ''"),
        ("toy-vae", 'wae-mmd"\nposterior = "deterministic', "needs a posterior with a density"),
    ],
)
def test_what_cannot_be_computed_is_said_before_training(old, new, sentence):
    assert old in STUDY
    with pytest.raises(ConfigError, match=sentence):
        check_experiment(parse_definition(STUDY.replace(old, new), "study", Experiment))
