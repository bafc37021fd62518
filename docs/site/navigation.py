"""The way through the docs, as docs/navigation.toml says it; as a program, write its lists.

python docs/site/navigation.py
"""

from __future__ import annotations

import ast
import os
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parent.parent
ROOT = DOCS.parent
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Files of the repository that are pages of the site, and their place there."""


class Step(NamedTuple):
    """One step of the way: a title, what it is about, and its pages in order."""

    title: str
    about: str
    pages: list[str]


def pages_of_repository() -> dict[str, Path]:
    """Map every page of the site that is a file to that file."""
    pages = {str(path.relative_to(DOCS)): path for path in sorted(DOCS.rglob("*.md"))}
    pages |= {page: ROOT / name for name, page in ELSEWHERE.items()}
    for path in sorted(ROOT.glob("p*/*/README.md")):
        pages[f"{path.parent.parent.name}/{path.parent.name}.md"] = path
    return pages


def pages_of_docstrings() -> dict[str, str]:
    """Map the page of each package to its text, a mark for each public object."""
    pages = {}
    for path in sorted(ROOT.glob("packages/*/src/*/__init__.py")):
        package = path.parent.name
        marks = [f"::: {name}" for name in public_objects(path)]
        marks += [f"::: {module}" for module in MODULES.get(package, ())]
        pages[f"api/{package}.md"] = f"# API of {package}\n\n" + "\n\n".join(marks) + "\n"
    return pages


MODULES = {
    "unweave": (
        "unweave.registry",
        "unweave.players",
        "unweave.posterior",
        "unweave.progress",
        "unweave.errors",
    )
}
"""Modules whose public objects are written out beside those of the package itself."""


def public_objects(path: Path) -> list[str]:
    """List where the public objects of a package are: by name, as its `__init__` imports them."""
    package = path.parent.name
    homes: dict[str, str] = {}
    public: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            public |= set(ast.literal_eval(node.value))
        elif isinstance(node, ast.ImportFrom):
            homes |= {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            public |= {alias.name for alias in node.names if alias.asname == alias.name}
    return [homes.get(name, f"{package}.{name}") for name in sorted(public, key=str.lower)]


def way() -> list[Step]:
    """Read the steps, with every pattern replaced by the pages that it stands for."""
    steps = tomllib.loads((DOCS / "navigation.toml").read_text())["step"]
    pages = sorted({*pages_of_repository(), *pages_of_docstrings()})
    explicit = {page for step in steps for page in step["pages"]}
    return [
        Step(
            step["title"],
            step["about"],
            [page for text in step["pages"] for page in _expand(text, pages, explicit)],
        )
        for step in steps
    ]


def _expand(text: str, pages: list[str], explicit: set[str]) -> list[str]:
    if "*" not in text:
        return [text]
    return [page for page in pages if fnmatch(page, text) and page not in explicit]


LISTED = (DOCS / "README.md", ROOT / "README.md")
"""Files with a list of the steps."""
MARKED = re.compile(r"(<!-- steps: [^>]*-->\n).*?(<!-- end -->)", re.DOTALL)


def with_list(path: Path) -> str:
    """Give a file with its list of the steps: a row for each, with a link to its first page."""
    steps = way()
    # The page that has the list is itself the first step.
    steps = steps[1:] if path == DOCS / "README.md" else steps
    links = [(step, _link_of(step.pages[0], path.parent)) for step in steps]
    rows = [f"| [{step.title}]({link}) | {step.about} |" for step, link in links]
    text = "\n".join(["| step | contents |", "|---|---|", *rows])
    return MARKED.sub(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", path.read_text())


def _link_of(page: str, folder: Path) -> str:
    return Path(os.path.relpath(pages_of_repository()[page], folder)).as_posix()


if __name__ == "__main__":
    for file in LISTED:
        file.write_text(with_list(file))
