"""Fixtures of the tests: the shared parity problems, found beside the repository."""

import importlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
settings.register_profile("unweave", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("unweave")


def shared_folder() -> Path | None:
    """Return the folder of shared facts: UNWEAVE_SHARED, or `shared` beside a folder above."""
    if "UNWEAVE_SHARED" in os.environ:
        return Path(os.environ["UNWEAVE_SHARED"])
    for folder in Path(__file__).resolve().parents:
        if (folder.parent / "shared" / "fixtures" / "metrics").is_dir():
            return folder.parent / "shared"
    return None


def pytest_generate_tests(metafunc):
    """Run a test that asks for a `problem` for each name in PROBLEMS, or as its own mark says."""
    marks = metafunc.definition.iter_markers("parametrize")
    own = any(mark.args[0] == "problem" for mark in marks)
    if "problem" in metafunc.fixturenames and not own:
        metafunc.parametrize("problem", metafunc.module.PROBLEMS, indirect=True)


class Problem:
    """Inputs and reference values of one parity problem."""

    def __init__(self, folder: Path, name: str) -> None:
        """Read the arrays and the records."""
        self.name = name
        with np.load(folder / f"{name}.npz") as file:
            self.inputs = {key: file[key] for key in file.files}
        with np.load(folder / f"{name}_expected.npz") as file:
            self.expected = {key: file[key] for key in file.files}
        stored = json.loads((folder / "expected.json").read_text())["fixtures"][name]
        self.records = {(record["key"], record["env"]): record for record in stored["records"]}

    def __getattr__(self, name):
        """Return an input array."""
        try:
            return self.inputs[name]
        except KeyError:
            raise AttributeError(name) from None

    def value(self, key, env="new"):
        """Return a reference value, nan for the word "nan"."""
        return _number(self.records[key, env]["value"])

    def has(self, key, env="new"):
        """Tell whether there is such a record with a value."""
        return "value" in self.records.get((key, env), {})

    def sampled(self, key, env="new"):
        """Return mean, standard deviation and number of seeds of a sampled record."""
        record = self.records[key, env]
        return _number(record["mean"]), _number(record["std"]), record["n_seeds"]

    @property
    def train(self):
        """Return codes as float64 and factors as int64, as the references saw them."""
        factors = self.factors_train
        kind = np.int64 if factors.dtype.kind in "iu" else np.float64
        return self.codes_train.astype(np.float64), factors.astype(kind)

    @property
    def test(self):
        """Return the same of the test rows."""
        factors = self.factors_test
        kind = np.int64 if factors.dtype.kind in "iu" else np.float64
        return self.codes_test.astype(np.float64), factors.astype(kind)

    def encode(self, states):
        """Return the codes of factor rows (n, k) by the stored encoder."""
        index = np.ravel_multi_index(tuple(states.T.astype(np.int64)), self.factor_sizes)
        codes = sum(
            self.inputs[f"table_{k}"].astype(np.float64)[states[:, k]]
            for k in range(len(self.factor_sizes))
        )
        if "full_table" in self.inputs:
            codes = codes + self.inputs["full_table"].astype(np.float64)[index]
        if "noise_table" in self.inputs:
            noise = self.inputs["noise_table"].astype(np.float64)
            codes = codes + noise[index % len(noise)]
        return codes

    def grid(self):
        """Return codes and factors of every state."""
        states = np.indices(tuple(self.factor_sizes)).reshape(len(self.factor_sizes), -1).T
        return self.encode(states), states


@pytest.fixture(scope="session")
def malformed():
    """Give the module of malformed calls beside the tests, which is not a test itself."""
    return importlib.import_module("malformed")


def _number(value):
    if isinstance(value, dict):
        return {key: _number(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_number(item) for item in value]
    return float(value) if isinstance(value, str | int | float) else value


_loaded: dict[str, Problem] = {}


@pytest.fixture
def problem(request):
    """Give the parity problem of the name in the parameter."""
    folder = shared_folder()
    if folder is None or not (folder / "fixtures" / "metrics").is_dir():
        reason = "the shared parity problems are not beside the repository (or at UNWEAVE_SHARED)"
        if os.environ.get("UNWEAVE_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    if request.param not in _loaded:
        _loaded[request.param] = Problem(folder / "fixtures" / "metrics", request.param)
    return _loaded[request.param]
