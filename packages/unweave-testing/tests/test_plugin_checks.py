"""Each deliberately wrong hook file fails the check that is named for its fault, and no other."""

import pytest

from unweave_testing import plugin_checks, run

pytest.importorskip("pluggy")

HEAD = """
import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")
"""
RIGHT = (
    HEAD
    + """
@hookimpl
def unweave_priors():
    return {"two-words": "NAME_things:Thing"}
"""
)
THINGS = """
class Thing:
    def __init__(self, dim, *, scale: float = 1.0):
        pass

class Bare:
    def __init__(self, dim, *, scale=1.0):
        pass

number = 3
"""


@pytest.fixture
def write(tmp_path, monkeypatch, request):
    """Write a hook file, its objects and an installed distribution, and return its name."""

    def written(text, installed=True):
        name = f"hooks_{abs(hash(request.node.name)) % 10**8}"
        (tmp_path / f"{name}.py").write_text(text.replace("NAME", name))
        (tmp_path / f"{name}_things.py").write_text(THINGS)
        if installed:
            info = tmp_path / f"{name}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[unweave]\n{name} = {name}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return name

    return written


FAULTS = {
    "api": RIGHT.replace("UNWEAVE_API = 1", "UNWEAVE_API = '1'"),
    "hooks": RIGHT + "\n@hookimpl\ndef unweave_prior():\n    return {}\n",
    "mappings": RIGHT.replace("two-words", "Two_words"),
    "light": RIGHT.replace("import pluggy\n", "import pluggy\nimport NAME_things\n"),
    "targets": RIGHT.replace(":Thing", ":Missing"),
    "options": RIGHT.replace(":Thing", ":Bare"),
}


def test_a_right_hook_file_passes(write):
    report = run(plugin_checks(), write(RIGHT))
    assert report.ok, str(report)
    assert len(report.names("passed")) == 7


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"targets"}))
def test_a_fault_fails_its_check_alone(fault, write):
    report = run(plugin_checks(), write(FAULTS[fault]))
    assert report.names("failed") == (fault,), str(report)


def test_a_missing_object_has_no_options_either(write):
    report = run(plugin_checks(), write(FAULTS["targets"]))
    assert report.names("failed") == ("targets", "options"), str(report)


def test_an_object_must_be_callable(write):
    report = run(plugin_checks(), write(RIGHT.replace(":Thing", ":number")))
    assert "number must be callable, got int" in str(report)


def test_a_hook_file_that_is_not_installed(write):
    report = run(plugin_checks(), write(RIGHT, installed=False))
    assert report.names("failed") == ("entry-point",), str(report)


def test_a_file_without_hooks(write):
    assert "hooks" in run(plugin_checks(), write(HEAD)).names("failed")
