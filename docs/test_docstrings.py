"""Sections of docstrings are those of numpydoc, in every package and plugin."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = sorted(ROOT.glob("p*/*/src"))
TITLES = "Parameters|Attributes|Returns|Yields|Raises|Warns|Notes|References|Examples"
BARE = re.compile(rf"^({TITLES}):?\n(?!-+$)", re.MULTILINE)
SECTION = re.compile(rf"^({TITLES})\n-+\n(.*?)(?=^(?:{TITLES})\n-+\n|\Z)", re.MULTILINE | re.DOTALL)
NAMES = re.compile(r"[A-Z]\w*(, [A-Z]\w*)*")
DOCUMENTED = (ast.FunctionDef, ast.ClassDef)
LISTED = re.compile(r"^\w+(, \w+)* : ", re.MULTILINE)


def docstrings(folder):
    """Yield the place and the text of each docstring of a class or function."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and (
                text := ast.get_docstring(node)
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", text


def faults(text):
    """List what numpydoc would not read as it is meant."""
    problems = [f"{match[1]} is not underlined" for match in BARE.finditer(text)]
    before = SECTION.split(text, maxsplit=1)[0]
    if ">>>" in before:
        problems.append("an example stands outside of the section Examples")
    if LISTED.search(before):
        problems.append("parameters are listed outside of a section")
    for title, body in SECTION.findall(text):
        if title == "Raises":
            problems += [f"Raises: {line}" for line in wrong_lines(body.rstrip().splitlines())]
    return problems


def wrong_lines(lines):
    """List lines of Raises that are neither names nor a sentence below them."""
    for number, line in enumerate(lines):
        above = lines[number - 1] if number else ""
        if not line.startswith(" "):
            below = lines[number + 1] if number + 1 < len(lines) else ""
            if not NAMES.fullmatch(line) or not below.startswith("    "):
                yield line
        elif not above.startswith(" ") and not line.strip()[0].isupper() and line.strip()[0] != "`":
            yield line


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.parent.name)
def test_sections_are_those_of_numpydoc(folder):
    wrong = [f"{place}: {fault}" for place, text in docstrings(folder) for fault in faults(text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Do it.\n\nRaises\n    ValueError: it is none.", "Raises is not underlined"),
        ("Do it.\n\nRaises\n------\nValueError: none", "Raises: ValueError: none"),
        ("Do it.\n\nRaises\n------\nValueError\n    it is", "Raises:     it is"),
        ("Do it.\n\nx : a number", "parameters are listed outside of a section"),
        ("Do it.\n\n>>> 1\n1", "an example stands outside of the section Examples"),
    ],
)
def test_faults_are_seen(text, fault):
    assert fault in faults(text)


def test_a_right_docstring_has_none():
    parameters = "Parameters\n----------\nx\n    A number."
    raises = "Raises\n------\nValueError\n    If it is none."
    assert faults(f"Do it.\n\n{parameters}\n\n{raises}") == []
