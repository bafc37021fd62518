import doctest
import inspect
from pathlib import Path

from unweave_flows import KINDS, FlowPosteriorFamily

README = Path(__file__).parents[1] / "README.md"


def test_the_examples_of_the_readme_are_true():
    outcome = doctest.testfile(str(README), module_relative=False)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_every_kind_and_option_is_in_the_tables():
    text = README.read_text()
    rows = {row.split("`")[1]: row for row in text.splitlines() if row.startswith("| `")}
    for kind, density in KINDS.items():
        row = rows[density.__name__]
        assert f"`{kind}`" in row
        for name, option in inspect.signature(density).parameters.items():
            default = str(option.default).strip("()")
            assert name == "dim" or f"`{name}` ({default})" in row, (kind, name)
        for name in inspect.signature(density.fit).parameters:
            assert name in ("self", "codes") or f"`{name}`" in text, (kind, name)


def test_every_option_of_the_posterior_is_in_its_table():
    text = README.read_text()
    for name in inspect.signature(FlowPosteriorFamily).parameters:
        assert f"`{name}`" in text or name == "kind", name
