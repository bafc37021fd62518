import doctest
from pathlib import Path

import pytest


def test_the_examples_of_the_readme_are_true():
    pytest.importorskip("torch")
    readme = Path(__file__).parents[1] / "README.md"
    outcome = doctest.testfile(str(readme), module_relative=False)
    assert outcome.attempted > 0
    assert outcome.failed == 0
