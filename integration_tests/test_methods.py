"""Every method on every kind of data, through public names alone."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import unweave
from unweave.errors import ConfigError
from unweave.registry import registry

METHODS = {
    "vae": {},
    "beta-vae": {"beta": "warmup(4, 5)"},
    "beta-tcvae": {"beta": 3},
    "factor-vae": {"critic_width": 32},
    "wae-mmd": {"lambda_": 5},
    "tcwae-mws": {"beta": 6, "gamma": 2},
    "tcwae-gan": {"critic_width": 32},
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
        "dsprites": "dsprites:resolution=32",
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


@pytest.mark.parametrize("prior", ["normal", "student-t:df=4", "laplace"])
@pytest.mark.parametrize("method", ["vae", "wae-mmd", "tcwae-mws", "tcwae-gan"])
def test_methods_take_any_prior(tmp_path, method, prior):
    if prior not in (*registry().names("prior"), "student-t:df=4"):
        prior = "student-t:df=2.5"  # the Laplace plugin has a session of its own
    options = {"critic_width": 32} if method == "tcwae-gan" else {}
    run = unweave.train(
        method, data="digits", prior=prior, out=tmp_path / "run", device="cpu", **SMALL, **options
    )
    assert math.isfinite(run.scalars()[-1]["loss"])


def test_a_deterministic_posterior_with_a_density_estimator_is_refused(tmp_path):
    small = {**SMALL, "out": tmp_path / "run"}
    run = unweave.train("wae-mmd", data="digits", posterior="deterministic", device="cpu", **small)
    assert run.scalars()
    with pytest.raises(
        ConfigError, match="option posterior of method wae-mmd does not take 'flow'"
    ):
        unweave.train(
            "wae-mmd", data="digits", posterior="flow", **{**small, "out": tmp_path / "b"}
        )


def test_the_whole_way_through_the_command_line(tmp_path, unweave):
    run = tmp_path / "run"
    settings = [f"--set={key}={value}" for key, value in SMALL.items() if key != "steps"]
    unweave("train", "tcwae-mws", "--data", "digits", "--steps", "6", *settings, "--out", str(run))
    unweave("evaluate", str(run))
    unweave("report", str(run))
    scores = json.loads((run / "scores.json").read_text())["scores"]
    assert {"reconstruction_error", "mig", "factor-vae", "sap"} <= scores.keys()
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


def test_the_metrics_command_gives_the_scores_of_evaluate_without_torch(tmp_path, unweave):
    run = tmp_path / "run"
    settings = [f"--set={key}={value}" for key, value in SMALL.items() if key != "steps"]
    unweave("train", "vae", "--data", "digits", "--steps", "6", *settings, "--out", str(run))
    unweave("evaluate", str(run))
    scores = json.loads((run / "scores.json").read_text())["scores"]
    code = (
        "import sys\nfrom unweave_metrics.cli import main\n"
        f"code = main(['score', {str(run / 'codes.h5')!r}, '--json'])\n"
        "assert 'torch' not in sys.modules\nsys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = json.dumps(json.loads(done.stdout))
    for name in ("mig", "factor-vae", "sap", "reconstruction_error"):
        assert str(scores[name]["value"])[:14] in printed, name
