"""Take outcomes of recipes into docs/results: the page and its pictures, and no run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

PAGE = "outcome.md"
WRITTEN = ("What differs from the paper.", "Data.", "Changed for this outcome.")
"""Bold beginnings of the paragraphs that `unweave reproduce` writes; others are a person's."""
ABOUT_FILES = ("Runs: ", "The same with intervals and tests as a page: ")
"""Beginnings of paragraphs that link files which stay behind."""
TITLE = re.compile(r"\*\*([^*|]+\.)\*\*")
COMPUTED = re.compile(
    r"\| claim \| published \||!\[([^]]*)\]\(\1\.png\)|\*[^*]|All numbers are|p values"
)
"""Beginnings of what else `unweave reproduce` writes: its claims, pictures, captions, and the
sentences above its other tables."""
PICTURE = re.compile(r"!\[[^]]*\]\(([^)/]+\.png)\)")


def publish(source: Path, target: Path, replace: bool = False) -> None:
    """Copy the page of an outcome and the pictures that it shows into a folder of the docs.

    A page with sections of a person, as "What it says.", is replaced only if asked. They are kept
    then, below what differs from the paper, and have to be read again: the numbers are new.

    Raises
    ------
    ValueError
        If the page has such sections and replacing was not asked for.
    """
    page, old = (source / PAGE).read_text(encoding="utf-8"), target / PAGE
    kept = by_hand(old.read_text(encoding="utf-8")) if old.is_file() else []
    if kept and not replace:
        raise ValueError(
            f"{old} has paragraphs by hand; the new page is {source / PAGE}; add --replace to take "
            "it, which keeps these paragraphs alone of the old one"
        )
    target.mkdir(parents=True, exist_ok=True)
    for name in sorted(set(PICTURE.findall(page))):
        shutil.copyfile(source / name, target / name)
    partial = old.with_suffix(".partial")
    partial.write_text(merged(page, kept), encoding="utf-8")
    partial.replace(old)


def by_hand(page: str) -> list[str]:
    """List the sections of a person: from a bold beginning of their own to what is computed."""
    sections: list[str] = []
    within = False
    for part in _paragraphs(page):
        title = TITLE.match(part)
        within = title[1] not in WRITTEN if title else within and not COMPUTED.match(part)
        if within and title:
            sections.append(part)
        elif within:
            sections[-1] += f"\n\n{part}"
    return sections


def merged(page: str, kept: list[str]) -> str:
    """Put sections below what differs from the paper; drop paragraphs on files that stay behind."""
    parts = [part for part in _paragraphs(page) if not part.startswith(ABOUT_FILES)]
    places = [place for place, part in enumerate(parts) if part.startswith(f"**{WRITTEN[0]}**")]
    place = places[0] + 1 if places else len(parts)
    return "\n\n".join([*parts[:place], *kept, *parts[place:]]) + "\n"


def _paragraphs(page: str) -> list[str]:
    return [part.strip("\n") for part in re.split(r"\n\s*\n", page) if part.strip()]
