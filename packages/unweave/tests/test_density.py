"""The second stage: densities fitted to codes, and what uses them."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from toy import ToyAffine

import unweave
from unweave.density import FILE, FlowPrior, load_density
from unweave.errors import ConfigError, RunError, UnknownNameError


@pytest.fixture
def run(tmp_path, settings):
    return unweave.train("toy-vae", out=tmp_path / "run", **settings)


def test_a_fitted_density_is_that_of_the_codes_and_is_kept(run):
    assert run.sample_source == "prior"
    density = run.fit_density("toy-affine")
    codes = run.posterior_codes()
    np.testing.assert_allclose(density.mean.detach(), codes.mean(0), atol=1e-5)
    np.testing.assert_allclose(density.scale.detach(), codes.std(0, ddof=1), rtol=1e-4)
    again = unweave.Run.open(run.path)
    assert again.sample_source == "density"
    assert torch.equal(again.density.mean, density.mean)
    drawn = again.prior_codes(4000, 0, "density")
    np.testing.assert_allclose(drawn.mean(0), codes.mean(0), atol=4 * codes.std() / 4000**0.5)
    assert again.sample(3).shape == (3, 16, 16, 1)
    assert not np.array_equal(again.sample(3, source="prior"), again.sample(3))


def test_the_report_shows_samples_of_prior_and_density(run):
    assert "fitted to the codes" not in run.report().read_text()
    alone = (run.figures / "samples.png").read_bytes()
    run.fit_density("toy-affine")
    assert "fitted to the codes" in run.report().read_text()
    assert (run.figures / "samples.png").read_bytes() != alone


def test_options_go_to_the_flow_or_to_its_fit(run):
    assert run.fit_density("toy-affine:floor=3.0").scale.min() >= 3.0
    half = run.fit_density("toy-affine:shrink=0.5").mean.detach()
    np.testing.assert_allclose(half, run.posterior_codes().mean(0) / 2, atol=1e-5)
    with pytest.raises(UnknownNameError, match="option of flow toy-affine 'flower'.*'floor'"):
        run.fit_density("toy-affine:flower=3")
    with pytest.raises(ConfigError, match="option shrink of flow toy-affine does not take 'lots'"):
        run.fit_density("toy-affine:shrink=lots")
    with pytest.raises(UnknownNameError, match="unknown flow 'toy-afine'"):
        run.fit_density("toy-afine")


def test_a_density_of_an_earlier_step_is_refused(run, tmp_path):
    run.fit_density("toy-affine")
    newest = max(run.checkpoints.glob("*"))
    newest.rename(newest.with_name("step-000000099.safetensors"))
    with pytest.raises(RunError, match="fitted at step 20, and training continued"):
        load_density(run.path, run.registry)


def test_without_or_with_a_damaged_density_the_error_says_what_to_do(run):
    with pytest.raises(RunError, match="make one: unweave fit-density"):
        run.sample(2, source="density")
    (run.path / FILE).write_bytes(b"nonsense")
    with pytest.raises(RunError, match="is not a density .*; delete it and fit it again"):
        load_density(run.path, run.registry)
    save_file({"mean": torch.zeros(4)}, run.path / FILE, metadata={"density": "[]"})
    with pytest.raises(RunError, match="is not a density"):
        load_density(run.path, run.registry)


def test_a_flow_as_prior_is_learned_or_taken_from_a_run(run, tmp_path, settings):
    again = {**settings, "prior": "flow:kind=toy-affine"}
    learned = unweave.train("toy-sampled", out=tmp_path / "learned", **again)
    prior = learned.model.prior
    assert isinstance(prior, FlowPrior)
    assert isinstance(prior.flow, ToyAffine)
    assert prior.flow.mean.abs().max() > 0, "the flow did not learn"
    fitted = run.fit_density("toy-affine")
    prior = FlowPrior(4, fitted=run.path)
    z = torch.randn(5, 4)
    torch.testing.assert_close(prior().log_prob(z), fitted().log_prob(z))
    assert not any(p.requires_grad for p in prior.parameters())
    with pytest.raises(ValueError, match="has 4 dimensions, and this run's codes have 3"):
        FlowPrior(3, fitted=run.path)


def test_the_command_line_fits_and_samples(run, call):
    assert FILE in call("fit-density", run.path, "--flow", "toy-affine")
    call("sample", run.path, "--n", 4, "--from", "density", "--out", run.path / "s.npz")
    with np.load(run.path / "s.npz") as file:
        assert file["images"].shape == (4, 16, 16, 1)
    assert "unknown source of samples 'densty'" in call(
        "sample", run.path, "--from", "densty", code=2
    )
