"""Every package is ready for an index: facts of its pyproject, licence, README, types."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = sorted(path.parent for path in ROOT.glob("p*/*/pyproject.toml"))
RELATIVE_LINK = re.compile(r"\]\((?!https?:|#|mailto:)[^)]+\)")
PIN = re.compile(r"(ruff|codespell)==([\d.]+)")


@pytest.fixture(params=FOLDERS, ids=lambda path: path.name)
def folder(request):
    return request.param


@pytest.fixture
def project(folder):
    return tomllib.loads((folder / "pyproject.toml").read_text())


def test_the_index_gets_what_it_shows(project):
    for key in ("authors", "keywords", "classifiers", "description", "readme", "requires-python"):
        assert project["project"][key], key
    assert project["project"]["license"] == "MIT"
    assert len(project["project"]["description"]) <= 80


def test_the_licence_comes_along(folder, project):
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert "LICENSE" in project["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert project["project"]["license-files"] == ["LICENSE"]


def test_type_checkers_see_the_annotations(folder):
    (package,) = (path.parent for path in folder.glob("src/*/__init__.py"))
    assert (package / "py.typed").is_file()


def test_the_readme_is_enough_on_its_own(folder):
    text = (folder / "README.md").read_text()
    assert text.startswith(f"# {folder.name}\n")
    assert not RELATIVE_LINK.findall(text), "an index shows the page without the repository"
    assert f"pip install {folder.name}" in text or f'pip install "{folder.name}[' in text


def test_hooks_before_a_commit_have_the_versions_of_the_session():
    session = dict(PIN.findall((ROOT / "noxfile.py").read_text()))
    for name, version in PIN.findall((ROOT / ".pre-commit-config.yaml").read_text()):
        assert session[name] == version


def test_the_citation_has_the_version_of_the_packages():
    citation = (ROOT / "CITATION.cff").read_text()
    versions = {
        tomllib.loads((path / "pyproject.toml").read_text())["project"]["version"]
        for path in FOLDERS
    }
    assert versions == set(re.findall(r"^version: (.+)$", citation, re.MULTILINE))
