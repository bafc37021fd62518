"""The docs say what the code does."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from unweave.new_plugin import KINDS, render
from unweave.options import options_of
from unweave.registry import registry

DOCS = Path(__file__).parent
ROOT = DOCS.parent
NAVIGATION = runpy.run_path(str(DOCS / "site" / "navigation.py"))
PAGES = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "p*/*/README.md") for path in ROOT.glob(pattern)
)
README_OF_PACKAGES = sorted(ROOT.glob("p*/*/README.md"))
LISTING = re.compile(r"```\w+\n# (?P<path>[\w./-]+)\n(?P<text>.*?)```", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#)([^)#\s]+)[^)]*\)")


def test_every_listing_of_the_plugin_page_is_the_file_itself():
    page = (DOCS / "write-a-plugin.md").read_text()
    listings = {match["path"]: match["text"] for match in LISTING.finditer(page)}
    assert len(listings) >= 4
    for path, text in listings.items():
        assert text == (ROOT / path).read_text(), f"docs/write-a-plugin.md shows another {path}"


def test_pages_made_from_the_code_are_fresh():
    script = DOCS / "reference" / "make_pages.py"
    process = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr


def test_the_tests_of_the_readme_are_those_of_continuous_integration():
    ran = (ROOT / ".ci" / "run").read_text().strip().splitlines()[-1]
    assert f"```\n{ran}\n```" in (ROOT / "README.md").read_text()


def test_every_method_is_in_the_table_with_its_defaults():
    rows = [row for row in (DOCS / "methods.md").read_text().splitlines() if row.startswith("| `")]
    table = {row.split("`")[1]: row for row in rows}
    for entry in registry().entries("method"):
        assert entry.name in table, f"docs/methods.md lacks {entry.name}"
        for name, option in options_of(entry.load()).items():
            assert f"{name}={option.default}" in table[entry.name], (entry.name, name)


@pytest.mark.parametrize(
    "kind", ["prior", "flow", "posterior", "estimator", "cost", "architecture", "dataset"]
)
def test_every_registered_name_is_on_the_page_of_methods(kind):
    page = (DOCS / "methods.md").read_text()
    for entry in registry().entries(kind):
        assert f"`{entry.name}`" in page, f"docs/methods.md lacks {kind} {entry.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_install_keeps_the_torch_that_is_there(page):
    text = page.read_text()
    if re.search(r"^pip install -c constraints\.txt", text, re.MULTILINE):
        assert "leave out `-c constraints.txt`" in text.replace("\n", " ")


def test_every_benchmark_is_on_its_page():
    page = (DOCS / "benchmarks.md").read_text()
    for script in (*ROOT.glob("benchmarks/*.py"), *ROOT.glob("packages/*/benchmarks/*.py")):
        assert f"{script.relative_to(ROOT)}" in page, f"docs/benchmarks.md lacks {script}"


def test_a_release_needs_the_address_of_the_repository(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    without_address = runpy.run_path(str(DOCS / "check_release.py"))["without_address"]
    files = [tmp_path / name / "pyproject.toml" for name in ("here", "nowhere")]
    for path, urls in zip(
        files, ('urls.Repository = "https://a.example"', "urls = {}"), strict=True
    ):
        path.parent.mkdir()
        path.write_text(f'[project]\nname = "x"\n{urls}\n')
    (problem,) = without_address(files)
    assert problem.startswith("nowhere/pyproject.toml: project.urls is missing")


@pytest.mark.parametrize("readme", README_OF_PACKAGES, ids=lambda path: path.parent.name)
def test_every_readme_installs_from_a_clone(readme):
    folder = readme.parent.relative_to(ROOT)
    text = re.sub(r"\s+", " ", readme.read_text())
    assert re.search(rf"[Ff]rom a clone:? (with )?`pip install [^`]*\./{folder}\b", text)


def test_every_page_is_on_the_way_once():
    pages = [page for step in NAVIGATION["way"]() for page in step.pages]
    assert sorted(pages) == sorted(set(pages)), "a page is there twice"
    expected = {*NAVIGATION["pages_of_repository"](), *NAVIGATION["pages_of_docstrings"]()}
    assert set(pages) == expected, (
        "docs/navigation.toml names pages that are not there, or lacks some"
    )


@pytest.mark.parametrize("path", NAVIGATION["LISTED"], ids=lambda path: str(path.parent.name))
def test_lists_of_the_steps_follow_from_the_navigation(path):
    assert path.read_text() == NAVIGATION["with_list"](path), "run python docs/site/navigation.py"


def prose(text):
    """Leave out code, tables, quotes, headings and comments; return the other lines."""
    text = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [
        line
        for line in text.splitlines()
        if not line.lstrip().startswith(("|", "<", "![", ">", "#"))
    ]


# What ends a sentence, and what only looks like it: abbreviations, initials, numbers of a list.
END = re.compile(
    r"(?<!e\.g)(?<!i\.e)(?<!\bal)(?<!\bvs)(?<!\bcf)(?<!\b[A-Z])(?<!^\d)(?<!^\d\d)(?<!\.\.)"
    r"[.!?][)\"”_*]* +(?=[A-Z`(\[*_\"“])"
)


def broken(text, command_pages=False):
    """Find a line of more than 100 columns, or with the end of one sentence before another.

    A label in bold may stand before the sentence that it names. In the pages of results a command
    or a list of settings is one piece.
    """
    for line in prose(text):
        if len(re.sub(r"`[^`]*`", "``", line) if command_pages else line) > 100:
            return line
        if END.search(re.sub(r"`[^`]*`", "`x`", re.sub(r"^\*\*[^*]+\*\*", "", line.strip()))):
            return line
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_of_prose_have_a_sentence_each_and_at_most_100_columns(page):
    text = page.read_text()
    assert "<<<<<<< " not in text, "a merge was not ended"
    assert broken(text, page.name == "outcome.md") is None


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_lines_of_the_page_that_a_new_plugin_begins_with(kind):
    assert broken(render(kind, "a" * 20)["README.md"]) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One sentence. Another one.", True),
        ("It is `so`. `That` too.", True),
        ("(One.) Two.", True),
        ("x" * 101, True),
        ("Gaujac et al. Show that B. Gaujac did, e.g. That.", False),
        ("1. Do this.\n2. Do that.\n**A label.** A sentence.", False),
        ("| One. Two. |\n> One. Two.\n\n```\nOne. Two.\n```", False),
    ],
)
def test_lines_that_are_broken_are_found(text, found):
    assert (broken(text) is not None) == found
