import doctest
import inspect
import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

import unweave_data
from unweave_data import DATASETS, load

MODULES = [module.name for module in pkgutil.walk_packages(unweave_data.__path__, "unweave_data.")]


@pytest.mark.parametrize("module", ["unweave_data", *MODULES])
def test_examples_in_docstrings(module):
    assert doctest.testmod(import_module(module)).failed == 0


def test_import_loads_nothing_heavy():
    heavy = ("numba", "sklearn", "h5py", "PIL", "torch", "scipy", "pluggy")
    script = f"import sys, unweave_data; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_set_loads_torch():
    names = ", ".join(target.partition(":")[0] for target in DATASETS.values())
    script = f"import sys, {names}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_hook_names_the_same_sets():
    pytest.importorskip("pluggy")
    assert import_module("_unweave_data_plugin").unweave_datasets() == DATASETS


@pytest.mark.parametrize("name", DATASETS)
def test_options_are_annotated_keywords(name):
    module, _, attribute = DATASETS[name].partition(":")
    for option in inspect.signature(getattr(import_module(module), attribute)).parameters.values():
        assert option.kind is option.KEYWORD_ONLY
        assert option.annotation is not option.empty
        assert option.default is not option.empty


def test_unknown_names_list_the_known_closest_first(complaint):
    message = complaint(load, "dsprite")
    assert "known: dsprites, " in message
    assert all(name in message for name in DATASETS)
    assert "known: resolution, " in complaint(load, "dsprites", resolutoin=32)
    assert "known: part, " in complaint(load, "digits", path="x")
