"""Exactness: bits of dropout and of denormal numbers, devices, and what was computed from what."""

import json
import os
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import torch
from torch import nn

import unweave
from unweave.checkpoint import list_checkpoints, load_checkpoint
from unweave.errors import RunError
from unweave.processor import prepare, remark


@pytest.fixture
def run(tmp_path, settings):
    return unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)


class Dropped(nn.Module):
    """An encoder or decoder that draws from torch's global generator in several ways."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        x = self.drop(self.layers(x))
        return x + 0.1 * torch.randn_like(x) if self.training else x


def networks():
    return (
        Dropped(nn.Flatten(), nn.Linear(256, 8)),
        nn.Sequential(Dropped(nn.Linear(4, 256)), nn.Unflatten(1, (1, 16, 16))),
    )


@pytest.mark.parametrize("method", ["toy-vae", "toy-gan"])
def test_dropout_goes_on_bit_for_bit(tmp_path, settings, method):
    settings |= {"architecture": networks(), "checkpoint_every": 7, "holdout": 20}
    settings |= {"validate_every": 5}
    whole = unweave.train(method, out=tmp_path / "whole", device="cpu", **settings)
    torch.manual_seed(12345)
    part = unweave.train(method, out=tmp_path / "part", device="cpu", **settings)
    for path in list_checkpoints(part.checkpoints)[1:]:
        path.unlink()
    torch.rand(7)
    before = torch.get_rng_state()
    unweave.resume(part.path, device="cpu", architecture=settings["architecture"])
    assert torch.equal(torch.get_rng_state(), before)
    expected, resumed = (load_checkpoint(run.checkpoints)[1] for run in (whole, part))
    assert expected.keys() == resumed.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, resumed[name]), name
    assert whole.scalars() == part.scalars()


FLUSHED = """
import torch
torch.set_num_threads(4)
tiny = torch.full((4_000_000,), 1e-39)
(tiny * 1.0).sum()                     # starts the threads
from unweave.processor import prepare, remark
prepare()
print(int((tiny * 1.0 != 0).sum()))
"""


@pytest.mark.skipif(not torch.set_flush_denormal(True), reason="the processor cannot flush")
def test_numbers_are_flushed_in_threads_that_ran_before():
    environment = {**os.environ, "OMP_NUM_THREADS": "4"}
    done = subprocess.run(
        [sys.executable, "-c", FLUSHED], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"


def test_threads_compute_after_they_were_ended():
    torch.set_num_threads(2)
    try:
        for _ in range(3):
            prepare()
            assert torch.ones(2_000_000).mul(2).sum().item() == 4_000_000
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("emulated", [True, False])
def test_a_run_says_that_its_processor_emulates_bfloat16(monkeypatch, emulated):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: not emulated)
    cpu = torch.device("cpu")
    assert ("emulation" in remark("bfloat16", cpu)) == emulated
    assert not remark("float32", cpu)
    assert not remark("bfloat16", torch.device("cuda"))


# Devices


def test_the_device_is_the_one_that_was_asked_for(tmp_path, settings, monkeypatch):
    """As if there were a GPU, which `auto` would take."""
    there = torch.cuda.is_available()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    assert run.device == torch.device("cpu")
    assert next(run.model.parameters()).device == torch.device("cpu")
    assert unweave.resume(run.path, steps=25, device="cpu").device == torch.device("cpu")
    if not there:
        with pytest.raises(RunError, match="device 'cuda' does not exist here"):
            _ = unweave.Run.open(run.path).device


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate",),
        ("report",),
        ("sample",),
        ("traverse",),
        ("traverse", "--latent", 1),
        ("interpolate", 0, 1),
        ("encode", "--out", "codes.npz"),
        ("fit-density", "--flow", "toy-affine"),
        ("fid", "--images", 10),
    ],
    ids=lambda arguments: "-".join(map(str, arguments)),
)
def test_commands_that_compute_take_a_device(run, call, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = call(arguments[0], run.path, *arguments[1:], "--device", "cuda:77", code=2)
    assert "device 'cuda:77' does not exist here; use auto, cpu, cuda or cuda:N" in said


# What was computed from what


def age(path):
    """Give files a time far from now."""
    for file in (path, *path.rglob("*")):
        os.utime(file, (1, 1) if file.suffix == ".json" else (time.time() + 1e6,) * 2)


def test_files_are_fresh_by_their_step_however_old_they_are(run, monkeypatch):
    run.evaluate(("toy-correlation",))
    run.fit_density("toy-affine")
    age(run.path)
    again = unweave.Run.open(run.path, device="cpu")
    monkeypatch.setattr("unweave.api.evaluate", None)  # may not be asked
    assert "toy-correlation" in again.scores
    assert again.sample_source == "density"
    assert again.density.mean.shape == (4,)


def test_files_are_stale_by_their_step_however_new_they_are(run, settings):
    run.evaluate(("toy-correlation",))
    run.fit_density("toy-affine")
    unweave.resume(run.path, steps=30, device="cpu")
    again = unweave.Run.open(run.path, device="cpu")
    assert again.sample_source == "prior"
    with pytest.raises(RunError, match="was fitted at step 20, and training continued"):
        _ = again.density
    again.evaluate(())
    content = json.loads(run.scores_path.read_text())
    assert content["step"] == 30
    assert "toy-correlation" not in content["scores"]


def test_scores_and_density_are_of_the_weights_that_were_loaded(run):
    """Training goes on while somebody evaluates: what he computed is of the step he began with."""
    _ = run.model
    unweave.resume(run.path, steps=30, device="cpu")
    assert run.step == 30
    run.evaluate(())
    run.fit_density("toy-affine")
    assert json.loads(run.scores_path.read_text())["step"] == 20
    with h5py.File(run.codes_path) as file:
        assert file.attrs["step"] == 20
    assert unweave.Run.open(run.path).sample_source == "prior"


def test_a_traversal_needs_no_evaluation_before_and_takes_no_stale_codes(run, call):
    assert not run.codes_path.exists()
    call("traverse", run.path, "--device", "cpu")
    call("traverse", run.path, "--latent", 1, "--device", "cpu")
    assert (run.figures / "traversal-0.png").is_file()
    from unweave.report.dimensions import read_codes

    run.evaluate(())
    with h5py.File(run.codes_path, "r+") as file:
        file["codes"][...] = 77
    assert (read_codes(unweave.Run.open(run.path, device="cpu")).mean == 77).all()
    unweave.resume(run.path, steps=30, device="cpu")
    assert not (read_codes(unweave.Run.open(run.path, device="cpu")).mean == 77).any()


def test_one_code_dimension_is_enough(tmp_path, settings, call):
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **{**settings, "dim": 1})
    run.evaluate(("toy-correlation",))
    call("report", run.path, "--device", "cpu")
    call("traverse", run.path, "--device", "cpu")
    assert run.report_path.is_file()


class Dollars:
    """A data set whose factors have names that look like TeX."""

    name, note, bits, image_shape = "dollars", "", 8, (8, 8, 1)
    factor_names, factor_sizes, factor_values = ("$x^$", "\\frac_", "$"), (2, 2, 3), None

    def __init__(self):
        rng = np.random.default_rng(0)
        self.factors = np.stack([rng.integers(0, n, 200) for n in (2, 2, 3)], axis=1)
        self._pixels = rng.integers(0, 256, (200, 8, 8, 1), dtype=np.uint8)

    def __len__(self):
        return 200

    def images(self, index):
        return self._pixels[index]

    def stored(self, progress=None):
        return self._pixels


def test_names_that_look_like_tex_are_drawn(tmp_path, settings):
    run = unweave.train(
        "toy-vae", out=tmp_path / "run", device="cpu", **{**settings, "data": Dollars()}
    )
    run.evaluate(("toy-correlation",))
    content = json.loads(run.scores_path.read_text())
    entry = content["scores"]["toy-correlation"]
    entry["parts"] = {"mutual_information": np.ones((4, 3)).tolist()}
    content["scores"]["$x^$"] = entry
    run.scores_path.write_text(json.dumps(content))
    from unweave.report import write_report

    assert write_report(run).is_file()
    assert list(run.figures.glob("*.png"))


def test_a_folder_below_home_is_found_again(tmp_path, settings, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    run = unweave.train("toy-vae", out="~/run", device="cpu", **settings)
    assert (tmp_path / "run" / "config.toml").is_file()
    run.fit_density("toy-affine")
    flow = {**settings, "prior": "flow:fitted=~/run"}
    other = unweave.train("toy-sampled", out="~/other", device="cpu", **flow)
    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.chdir("/")
    assert unweave.Run.open(other.path, device="cpu").sample(2).shape[0] == 2
