import doctest
import inspect
from pathlib import Path

import pytest

import unweave_priors

README = Path(__file__).parents[1] / "README.md"


def test_the_examples_of_the_readme_are_true():
    outcome = doctest.testfile(str(README), module_relative=False)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_every_prior_and_option_is_in_the_table():
    hooks = pytest.importorskip("_unweave_priors_plugin", reason="needs pluggy")
    rows = [row for row in README.read_text().splitlines() if row.startswith("| `")]
    table = {row.split("`")[3]: row for row in rows}
    for name, target in hooks.unweave_priors().items():
        prior = getattr(unweave_priors, target.split(":")[1])
        assert f"`{prior.__name__}`" in table[name]
        for option in inspect.signature(prior).parameters:
            assert option == "dim" or f"`{option}`" in table[name], (name, option)
