"""Files for other programs give the numbers of the run they are from."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import unweave
from unweave import export
from unweave.architectures.conv import conv64
from unweave.architectures.lat28 import lat28
from unweave.architectures.vcae import vcae28
from unweave.architectures.wae64 import wae64
from unweave.costs import CrossEntropy, SquaredError
from unweave.errors import ConfigError
from unweave.export import DecoderNetwork, EncoderNetwork, export_network
from unweave.posterior import Deterministic, FixedNoise, Gaussian

ONNX = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, export.ONNX_PACKAGES)),
    reason="the packages of unweave[onnx] are not installed",
)
FORMS = ["torchscript", pytest.param("onnx", marks=ONNX)]


def images(n, shape):
    return torch.rand(n, shape[2], *shape[:2], generator=torch.Generator().manual_seed(n))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("build", "shape", "family"),
    [
        (conv64, (32, 27, 3), Gaussian(4)),
        (lat28, (28, 28, 1), Gaussian(4, head="softplus-variance")),
        (vcae28, (28, 28, 1), FixedNoise(4)),
        (wae64, (33, 40, 3), Deterministic(4)),
    ],
)
def test_networks_of_the_papers_can_be_written(build, shape, family, form, tmp_path):
    torch.manual_seed(0)
    encoder, decoder = build(shape, 4, family.outputs, width=0.1)
    with torch.no_grad():  # running means that are not those of the start
        encoder(images(16, shape))
    one, two = images(2, shape), images(7, shape)
    difference = export_network(EncoderNetwork(encoder, family), one, two, tmp_path / "e", form)
    assert difference < 1e-4
    for cost in (CrossEntropy(), SquaredError()):
        network = DecoderNetwork(decoder, cost.image)
        z = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
        assert export_network(network, z[:2], z, tmp_path / "d", form) < 1e-4
    assert encoder.training  # the original is as it was


def test_a_run_in_torchscript_without_unweave(tmp_path, settings, call):
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    text = call("export", run.path)
    folder = run.path / "export"
    assert [line.split()[0] for line in text.splitlines()] == [
        "file", "encoder.pt", "decoder.pt", str(folder),
    ]  # fmt: skip
    about = json.loads((folder / "export.json").read_text())
    assert about["encoder"]["input"] == {"name": "x", "shape": ["n", 1, 16, 16]}
    assert about["decoder"]["input"] == {"name": "z", "shape": ["n", 4]}
    pixels = run.dataset.images(np.arange(9))
    np.save(tmp_path / "x.npy", pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    code = (
        "import sys, numpy, torch\n"
        f"e, d = (torch.jit.load(f'{folder}/{{n}}.pt') for n in ('encoder', 'decoder'))\n"
        f"mean, std = e(torch.from_numpy(numpy.load('{tmp_path}/x.npy')))\n"
        f"numpy.savez('{tmp_path}/y.npz', mean=mean.detach(), std=std.detach(), "
        "picture=d(mean).detach())\n"
        "assert 'unweave' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with np.load(tmp_path / "y.npz") as found:
        np.testing.assert_allclose(found["mean"], run.encode(pixels), rtol=1e-5, atol=1e-6)
        assert (found["std"] > 0).all()
        pictures = (found["picture"] * 255).round().transpose(0, 2, 3, 1)
        np.testing.assert_allclose(pictures, run.reconstruct(pixels), atol=1)


@ONNX
def test_a_run_in_onnx(tmp_path, settings, call):
    import onnxruntime

    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    call("export", run.path, "--format", "onnx", "--out", tmp_path / "files")
    pixels = run.dataset.images(np.arange(9))
    x = pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255
    session = onnxruntime.InferenceSession(tmp_path / "files" / "encoder.onnx")
    mean, std = session.run(None, {"x": x})
    assert [output.name for output in session.get_outputs()] == ["mean", "std"]
    assert (std > 0).all()
    np.testing.assert_allclose(mean, run.encode(pixels), rtol=1e-5, atol=1e-6)


class Branching(nn.Module):
    """What it does depends on the numbers, which no tracing sees."""

    def forward(self, x):
        flat = x.flatten(1)[:, :4]
        return flat if flat.sum() < 8 else -flat


class Counting(nn.Module):
    """Its output knows the size of the batch that it was traced with."""

    def forward(self, x):
        return x.flatten(1)[:, :4] + torch.arange(float(len(x)))[:, None]


@pytest.mark.parametrize("body", [Branching(), Counting()])
def test_a_file_that_disagrees_is_refused_and_not_left(body, tmp_path):
    shape = (8, 8, 1)
    network = EncoderNetwork(body, Deterministic(4))
    with pytest.raises(ConfigError, match="the encoder .* torchscript"):
        export_network(network, images(2, shape), images(9, shape), tmp_path / "e.pt")
    assert list(tmp_path.iterdir()) == []


def test_without_onnx_it_is_one_sentence(tmp_path, settings, call, monkeypatch):
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    text = call("export", run.path, "--format", "onnx", code=2)
    assert text.startswith(
        "unweave: format onnx needs the package onnx: pip install 'unweave[onnx]'"
    )
    assert len(text.splitlines()) == 1
    assert not (run.path / "export").exists()


def test_wrong_questions(tmp_path, settings, call):
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    text = call("export", run.path, "--format", "onxx", code=2)
    assert "unknown format 'onxx'; did you mean 'onnx'" in text
    text = call("export", run.path, "--out", tmp_path / "no" / "such", code=2)
    assert "cannot be made: No such file or directory" in text
    assert "is not a run directory" in call("export", tmp_path, code=2)
