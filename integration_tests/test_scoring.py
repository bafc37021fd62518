"""Scores of a run: one call of the package of metrics, strangers among them, and a preset."""

import math
import subprocess
import sys
import time
import warnings

import h5py
import numpy as np
import pytest
import scipy.linalg
import torch

import unweave
import unweave_metrics as um
from unweave.evaluate import evaluate, read_scores
from unweave.experiment.definition import Experiment, Variant
from unweave.experiment.measures import measure
from unweave.options import parse_spec
from unweave.registry import Entry, registry
from unweave.scores import frechet
from unweave.scores.scoring import Call, Failed, score_table
from unweave.trained import sample_rows

CALLS: list[int] = []


def first_correlation(codes: np.ndarray, factors: np.ndarray, *, power: int = 1) -> float:
    CALLS.append(len(codes))
    return float(np.corrcoef(codes[:, 0], factors[:, 0])[0, 1] ** power)


def slow(codes: np.ndarray) -> float:
    CALLS.append(len(codes))
    if len(CALLS) == 1:
        time.sleep(0.6)
    return 1.0


def raises(codes):
    raise RuntimeError("singular")


def leaves(codes):
    raise SystemExit(3)


class Arrays:
    """Arrays by name, as a run hands them over."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.factors = rng.integers(0, 5, (800, 2))
        self.codes = (self.factors + 0.4 * rng.normal(size=(800, 2))).astype(np.float32)

    def get(self, name, needs):
        return getattr(self, name)


def ours(text):
    name, options = parse_spec(text)
    return text, Call(registry().lookup("metric", name), options, ("codes", "factors"))


def strange(function, *needs, **options):
    entry = Entry("metric", function.__name__, f"{__name__}:{function.__name__}", "odd", "1.0")
    return function.__name__, Call(entry, options, needs)


@pytest.fixture
def calls(monkeypatch):
    """The keyword arguments of each call of the package."""
    records, real = [], um.evaluate

    def counted(*arguments, **options):
        records.append(options)
        return real(*arguments, **options)

    monkeypatch.setattr(um, "evaluate", counted)
    CALLS.clear()
    return records


def test_metrics_of_equal_options_share_one_call_with_those_of_strangers(calls):
    arrays = Arrays()
    metrics = [
        ours("mig"), ours("mig:bins=10"), ours("sap"),
        strange(first_correlation, "codes", "factors", power="2"),
    ]  # fmt: skip
    scores = score_table(metrics, arrays, registry(), seed=0, resamples=200)
    assert list(scores) == ["mig", "mig:bins=10", "sap", "first_correlation"]
    assert [len(options["metrics"]) for options in calls] == [3, 1]
    assert float(scores["mig"]) == float(um.mig(arrays.codes, arrays.factors))
    assert float(scores["mig:bins=10"]) == float(um.mig(arrays.codes, arrays.factors, bins=10))
    assert float(scores["sap"]) == float(um.sap(arrays.codes, arrays.factors))
    expected = np.corrcoef(arrays.codes[:, 0], arrays.factors[:, 0])[0, 1] ** 2
    assert float(scores["first_correlation"]) == pytest.approx(expected)
    for score in scores.values():
        low, high = score.interval
        assert 0 < high - low < 0.3
        # Basic intervals allow for bias, and may lie beside the score itself.
        assert abs((low + high) / 2 - score) < high - low


def test_the_command_and_one_process_give_the_same_scores(tmp_path):
    run = unweave.train(
        "beta-tcvae", out=tmp_path / "run", data="dsprites:resolution=16", dim=4, steps=30,
        architecture="mlp:widths=32", device="cpu",
    )  # fmt: skip
    command = [sys.executable, "-m", "unweave", "evaluate", str(run.path), "--rows", "3000"]
    subprocess.run([*command, "--bootstrap", "100", "--device", "cpu"], check=True)
    of_command = run.scores_path.read_bytes()
    run.scores_path.unlink()
    evaluate(run, rows=3000, bootstrap=100)
    assert run.scores_path.read_bytes() == of_command
    assert b"factor-vae" in of_command


def test_one_that_fails_or_leaves_costs_the_others_nothing(calls):
    metrics = [strange(raises, "codes"), ours("mig"), strange(leaves, "codes")]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        scores = score_table(metrics, Arrays(), registry(), seed=0, resamples=100)
    assert scores["mig"].interval is not None
    assert "metric raises of odd 1.0 raised RuntimeError: singular" in scores["raises"].reason
    assert "metric leaves of odd 1.0 raised SystemExit: 3" in scores["leaves"].reason
    assert math.isnan(scores["raises"])
    assert sum("no score" in str(w.message) for w in said) == 2


def test_ours_that_cannot_be_computed_say_why():
    arrays = Arrays()
    arrays.codes[3, 0] = np.nan
    with pytest.warns(UserWarning, match="no score mig: metric mig of unweave-metrics"):
        scores = score_table([ours("mig")], arrays, registry(), seed=0, resamples=0)
    assert isinstance(scores["mig"], Failed)
    assert "codes must be finite, got nan in row 3" in scores["mig"].reason


def test_whether_a_stranger_has_an_interval_is_declared_and_not_timed(calls, monkeypatch):
    def resampled():
        CALLS.clear()
        (score,) = score_table([strange(slow, "codes")], Arrays(), registry(), seed=0,
                               resamples=20).values()  # fmt: skip
        return len(CALLS), getattr(score, "interval", None) is not None

    assert resampled() == (21, True)  # though its first call took long, as on a busy machine
    monkeypatch.setattr(slow, "seconds_per_million", math.inf, raising=False)
    assert resampled() == (1, False)
    monkeypatch.setattr(slow, "seconds_per_million", 0.099e6 / Arrays().codes.size)
    assert resampled() == (11, True)
    monkeypatch.setattr(slow, "seconds_per_million", "little")
    with pytest.warns(UserWarning, match="odd 1.0: seconds_per_million must be .* got 'little'"):
        assert resampled() == (1, False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return unweave.train(
        "vae", data="dsprites:resolution=16", out=tmp_path_factory.mktemp("r") / "run", steps=30,
        dim=4, batch_size=32, architecture="mlp:widths=64", holdout=500, device="cpu",
    )  # fmt: skip


def test_the_preset_of_gaujac_does_what_its_authors_did(run):
    scores = evaluate(run, preset="gaujac2021", rows=3000, bootstrap=0)
    mig = scores["mig:preset=gaujac2021"]
    sap, votes = (scores[f"{name}:preset=gaujac2021/sampled"] for name in ("sap", "factor-vae"))
    assert mig.settings["samples"] == 10_000
    assert (sap.settings["train_samples"], sap.settings["test_samples"]) == (10_000, 5_000)
    assert (votes.settings["train_votes"], votes.settings["eval_votes"]) == (5_000, 1_000)
    assert "mig:preset=gaujac2021/sampled" not in scores
    experiment = Experiment(name="e", runs=[Variant(label="a")])
    expected = measure(run, experiment, "noisy-test-squared-error")
    assert scores["reconstruction_error/sampled/holdout"] == pytest.approx(expected)
    with h5py.File(run.codes_path) as file:
        assert (file.attrs["codes"], file["codes"].shape) == ("mean", (3000, 4))


def test_without_held_out_images_the_preset_says_so(tmp_path):
    run = unweave.train(
        "vae", data="dsprites:resolution=16", out=tmp_path / "run", steps=2, dim=2, batch_size=8,
        architecture="mlp:widths=8", device="cpu",
    )  # fmt: skip
    scores = evaluate(run, preset="gaujac2021", rows=2000, bootstrap=0)
    assert scores["reconstruction_error/sampled/holdout"].reason.startswith("no images were held")
    assert np.isfinite(scores["mig:preset=gaujac2021"])


def test_a_preset_is_for_every_metric_that_has_one(run, command):
    command("evaluate", str(run.path), "--preset", "carbonneau2022", "--rows", "1000",
            "--metrics", "mig,hoyer-sparsity", "--bootstrap", "0")  # fmt: skip
    written = read_scores(run)
    assert written is not None
    scores = written["scores"]
    assert scores["mig:preset=carbonneau2022"]["settings"]["binning"] == "unit"
    assert "hoyer-sparsity" in scores
    output = command("evaluate", str(run.path), "--preset", "nobody2000", code=2)
    assert "unknown preset 'nobody2000'; did you mean" in output.stderr


class Pooled(torch.nn.Module):
    """Features without a carried network: means over 4 x 4 parts of the image."""

    count = 0

    def forward(self, x):
        Pooled.count += len(x)
        return torch.nn.functional.adaptive_avg_pool2d(x[:, :1], 4).flatten(1)


def test_the_distance_of_reconstructions_is_that_of_the_same_images(tmp_path, monkeypatch):
    monkeypatch.setitem(frechet.NETWORKS, "efficientnet-lite0", Pooled)
    run = unweave.train(
        "dvcae", data="digits", out=tmp_path / "run", steps=20, dim=4, batch_size=16,
        architecture="mlp:widths=32", device="cpu",
    )  # fmt: skip
    images = run.dataset.images(sample_rows(len(run.dataset), 300, 0))
    a, b = (
        Pooled()(torch.from_numpy(x.transpose(0, 3, 1, 2) / np.float32(255))).double().numpy()
        for x in (images, run.reconstruct(images))
    )
    covariances = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(sum(covariances) - 2 * root)
    experiment = Experiment(name="e", runs=[Variant(label="a")])
    distance = measure(run, experiment, "frechet reconstructions:images=300")
    assert distance == pytest.approx(expected, rel=1e-3)
    before = Pooled.count
    assert distance != pytest.approx(measure(run, experiment, "frechet prior:images=300"), rel=0.1)
    assert Pooled.count - before == 300  # those of the real images are known
    fewer = measure(run, experiment, "frechet reconstructions:images=200")
    assert fewer != pytest.approx(distance, rel=1e-6)
