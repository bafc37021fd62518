"""Hooks of MkDocs: the navigation, pages from READMEs and docstrings, links between all of them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
from navigation import ROOT, pages_of_docstrings, pages_of_repository, way

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)#\s]*)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```\s*?$)", re.DOTALL | re.MULTILINE)
OF_PAGE = pages_of_repository()
TO_PAGE = {path.resolve(): page for page, path in OF_PAGE.items()}


def on_config(config: Any) -> Any:
    """Set the navigation."""
    config.nav = [{step.title: list(step.pages)} for step in way()]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie outside of docs/ or are made from docstrings."""
    for page, path in OF_PAGE.items():
        if files.get_file_from_path(page) is None:
            files.append(File.generated(config, page, content=path.read_text()))
    for page, text in pages_of_docstrings().items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Lead links to files of the repository to their pages; other files become plain text."""
    path = OF_PAGE.get(page.file.src_uri)
    if path is None:
        return markdown

    def lead(match: re.Match[str]) -> str:
        image, text, target, anchor = match.groups()
        there = (path.parent / target).resolve()
        if there.is_dir() and (there / "README.md").is_file():
            there = there / "README.md"
        if there in TO_PAGE:
            target = os.path.relpath(TO_PAGE[there], Path(page.file.src_uri).parent)
            return f"{image}[{text}]({target}{anchor or ''})"
        inside = there.is_file() and there.is_relative_to(ROOT / "docs")
        return match[0] if inside or not there.exists() else text

    parts = enumerate(FENCE.split(markdown))
    return "".join(part if number % 2 else LINK.sub(lead, part) for number, part in parts)
