"""The parts of a report against what they must equal: divergences, operations, scores."""

import math

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from torch import nn

import unweave
from unweave.report import dimensions
from unweave.report.dimensions import Codes, mean_kl
from unweave.report.dimensions import _log_histogram as log_histogram
from unweave.report.dimensions import _share as share
from unweave.report.packing import choose_precision, encode_array
from unweave.report.program import UnsupportedOperation
from unweave.report.recorder import translate
from unweave.report.scores import scores_of


def test_the_mean_divergence_against_the_closed_form():
    rng = np.random.default_rng(0)
    mean = rng.standard_normal((100_000, 3)) * [1, 0.1, 2]
    std = np.full_like(mean, 1.0) * [0.2, 1.0, 0.5]
    z = mean + std * rng.standard_normal(mean.shape)
    codes = Codes(np.arange(len(mean)), mean, std, z)
    log_p = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    closed = 0.5 * (mean**2 + std**2 - 1 - 2 * np.log(std)).mean(axis=0)
    np.testing.assert_allclose(mean_kl(codes, log_p), closed, atol=0.02)


def test_the_divergence_of_points_is_infinite():
    codes = Codes(np.arange(9), np.ones((9, 2)), np.zeros((9, 2)), np.ones((9, 2)))
    assert np.isinf(mean_kl(codes, np.zeros((9, 2)))).all()


def test_the_histogram_of_a_prior_against_its_density():
    rng = np.random.default_rng(0)
    z = rng.standard_normal(2000)
    exact = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    found = log_histogram(z, rng.standard_normal(400_000))
    assert np.abs(found - exact)[np.abs(z) < 2].max() < 0.1


def test_points_are_active_by_their_spread_against_the_priors():
    prior = np.random.default_rng(0).standard_normal((10_000, 3))
    between, within = np.array([0.95, 0.05, 0.5]) ** 2, np.array([0.0, 0.0, 0.5]) ** 2
    found = share(between, within, prior)
    assert found[0] > 0.9
    assert found[1] == pytest.approx(0.0025 / (0.0025 + 0.01 * prior[:, 1].var()))
    assert found[2] == pytest.approx(0.5)


class Inner(nn.Module):
    """Branches, in-place operations and numbers, that no table of modules would know."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x):
        y = self.convolution(x).relu_()
        if y.shape[1] == 2:
            y = y * 0.5 + 1
        return torch.cat([x, y], dim=1)[:, :3]


def test_a_decoder_is_translated_by_what_it_does():
    decoder = nn.Sequential(nn.Linear(3, 8), nn.Unflatten(1, (2, 2, 2)), Inner())
    program = translate(decoder, 3)
    kinds = [o["kind"] if "kind" in o else o["op"] for o in program.operations]
    assert kinds == ["linear", "conv", "relu", "mul", "add", "concatenate", "strided"]
    assert program.shape == (3, 2, 2)


class Attention(nn.Module):
    def forward(self, z):
        return torch.softmax(z[:, :, None] @ z[:, None], dim=-1)[:, None]


def test_an_operation_that_the_page_lacks_is_named():
    with pytest.raises(UnsupportedOperation, match="bmm"):
        translate(Attention(), 3)


class Aliased(nn.Module):
    def forward(self, z):
        view = z.view(1, 1, 2, 2)
        changed = view.relu_()
        return changed + z.view(1, 1, 2, 2)


def test_a_change_through_another_name_is_not_overlooked():
    with pytest.raises(UnsupportedOperation, match="in place through another"):
        translate(Aliased(), 4)


def test_a_picture_without_the_code_is_no_decoder():
    with pytest.raises(UnsupportedOperation, match="does not depend on the code"):
        translate(lambda z: torch.zeros(1, 1, 2, 2), 4)


def test_weights_that_float16_would_spoil_stay_float32():
    decoder = nn.Sequential(nn.Linear(2, 4), nn.Unflatten(1, (1, 2, 2)))
    nn.init.constant_(decoder[0].weight, 0.1)
    codes = torch.linspace(-1, 1, 20).reshape(10, 2)
    assert choose_precision(decoder, torch.sigmoid, codes) == "float16"
    # Two large terms that cancel: what is left is of the size of their rounding.
    decoder[0].weight.data = torch.tensor([[1000.3, -1000.1]] * 4)
    assert choose_precision(decoder, torch.sigmoid, torch.ones(10, 2)) == "float32"


def test_float16_beyond_its_range_becomes_its_largest_number():
    import base64

    raw = base64.b64decode(encode_array(np.array([1e9, -1e9, 0.5])))
    assert np.frombuffer(raw, "<f2").tolist() == [65504, -65504, 0.5]


NUMBERS = st.floats(allow_nan=False, allow_subnormal=False)
JSON = st.recursive(
    # A training in this process has switched subnormal numbers off.
    st.none() | st.booleans() | NUMBERS | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
ENTRY = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("value", "settings", "parts", "interval", "reason"), JSON)
)


@examples(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(), ENTRY | JSON))
def test_no_entry_of_a_score_file_stops_a_report(entries):
    found = scores_of({"scores": entries, "rows": None})
    assert [score.name for score in found.scores] == list(entries)
    for score in found.scores:
        assert score.value is None or math.isfinite(score.value)
        score.per_factor(2)
        score.matrices(3, 2)


def test_matrices_come_as_factors_by_dimensions():
    parts = {"a": np.arange(6).reshape(3, 2).tolist(), "b": np.arange(6).reshape(2, 3).tolist()}
    (score,) = scores_of({"scores": {"x": {"value": 1, "parts": parts | {"c": [1]}}}}).scores
    found = score.matrices(3, 2)
    assert found.keys() == {"a", "b"}
    assert found["a"].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert found["b"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "fault", ["loop", "external", "storage", "huge", "text", "nan", "group", "index", "far"]
)
def test_a_code_table_of_a_stranger_is_not_followed(tmp_path, settings, fault):
    """What does not hold the run's codes is passed over, and the images are encoded."""
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    run.evaluate(())
    wanted = dimensions.read_codes(run).mean
    (tmp_path / "secret").write_bytes(b"secret" * 1000)
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = np.full((128, 4), 7, np.float32)
    with h5py.File(run.codes_path, "a") as file:
        good = np.asarray(file["codes"])
        del file["codes"]
        if fault == "loop":
            file["codes"] = h5py.SoftLink("/codes")
        elif fault == "external":
            file["codes"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "secret")
        elif fault == "storage":
            place = [(str(tmp_path / "secret"), 0, good.nbytes)]
            file.create_dataset("codes", good.shape, good.dtype, external=place)
        elif fault == "huge":
            for name in ("index", "std"):
                del file[name]
            file.create_dataset("index", (10**12,), "i8", chunks=(1024,))
            for name in ("codes", "std"):
                file.create_dataset(name, (10**12, 4), "f4", chunks=(1024, 4))
        elif fault == "text":
            file["codes"] = good.astype("S8")
        elif fault in ("index", "far"):
            file["codes"] = good + 1
            index = file["index"][:]
            del file["index"]
            file["index"] = index.astype("f4") if fault == "index" else index + 10**9
        elif fault == "nan":
            file["codes"] = np.full_like(good, np.nan)
        else:
            file.create_group("codes")
    np.testing.assert_array_equal(dimensions.read_codes(run).mean, wanted)
