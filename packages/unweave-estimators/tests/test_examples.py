"""The README's loop and the example train, and need nothing but torch and this package."""

import ast
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import unweave_estimators

PACKAGE = Path(__file__).parent.parent
README = PACKAGE / "README.md"
EXAMPLE = PACKAGE / "examples" / "beta_tcvae.py"


def imported(source):
    """Names of the packages that a source imports."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module.partition(".")[0])
    return modules


@pytest.mark.skipif(not README.exists(), reason="tests run without the README")
def test_the_readme_trains():
    (source,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert imported(source) == {"torch", "unweave_estimators"}
    torch.manual_seed(0)
    names: dict[str, Any] = {}
    exec(source.replace("range(100)", "range(1)"), names)
    before = float(names["loss"].detach())
    exec(source, names)
    assert float(names["loss"].detach()) < before


@pytest.mark.skipif(not README.exists(), reason="tests run without the README")
def test_the_readme_names_every_function_and_module():
    text = README.read_text()
    missing = [name for name in unweave_estimators.__all__ if f"`{name}`" not in text]
    assert [name for name in missing if not name.endswith("Decomposition")] == []


@pytest.mark.skipif(not EXAMPLE.exists(), reason="the examples are in the repository alone")
def test_the_example_trains_and_tells_the_whole_data_sets_terms(monkeypatch, capsys):
    assert imported(EXAMPLE.read_text()) <= {
        "torch", "unweave_estimators", *sys.stdlib_module_names,
    }  # fmt: skip
    main = runpy.run_path(str(EXAMPLE), run_name="example")["main"]
    monkeypatch.setattr(sys, "argv", ["beta_tcvae.py", "--steps", "120", "--batch", "64"])
    main()
    lines = capsys.readouterr().out.splitlines()
    reconstructions = [float(line.split()[2]) for line in lines if line.startswith("step")]
    assert len(reconstructions) == 8
    assert reconstructions[-1] < 0.7 * reconstructions[0]
    (whole,) = (line for line in lines if line.startswith("whole data set"))
    assert re.search(r"index_code_mi -?\d+\.\d+ total_correlation -?\d+\.\d+", whole)
    assert len(lines) == 8 + 1 + 3
