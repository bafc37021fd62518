"""The campaign's own strategies give files, whatever they draw."""

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, find, given, settings
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.mutations import arrays, hdf5, pictures, trees


@pytest.fixture(autouse=True)
def small_numbers():
    """Floats as hypothesis wants them: training before took numbers below 1e-38 for zero."""
    torch.set_flush_denormal(False)


ARRAYS = {"vectors": np.random.default_rng(1).normal(size=(24, 5))}


def picture():
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(file, "png")
    return file.getvalue()


STRATEGIES = {
    "npz": arrays.npz_files(ARRAYS),
    "idx": arrays.idx_files(np.zeros((4, 8, 8))),
    "hdf5": hdf5.hdf5_files(ARRAYS, {"names": ["a", "b"]}),
    "png": pictures.png_files(picture()),
    "toml": trees.toml_files({"a": 1, "b": {"c": [1, 2]}}),
    "json": trees.json_files({"a": 1, "b": {"c": [1, 2]}}),
    "json lines": trees.json_lines([{"step": 1}, {"step": 2}]),
}


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("kind", STRATEGIES)
def test_a_strategy_gives_files(kind):
    @settings(max_examples=100, database=None, deadline=None, suppress_health_check=HealthCheck)
    @given(STRATEGIES[kind])
    def draw(content):
        assert isinstance(content, bytes)

    draw()


def test_a_member_may_have_no_name():
    """What no library writes is what a reader must be tried with."""

    def nameless(content):
        try:
            return "" in zipfile.ZipFile(io.BytesIO(content)).namelist()
        except zipfile.BadZipFile:
            return False

    assert find(STRATEGIES["npz"], nameless, settings=settings(max_examples=5000, database=None))


def test_a_tree_that_was_valid_is_changed():
    base = {"a": 1, "b": {"c": [1, 2]}}

    def changed(content):
        try:
            return json.loads(content) != base
        except ValueError:
            return True

    assert changed(find(STRATEGIES["json"], changed))
