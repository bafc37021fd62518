"""Check the built site: every link leads somewhere, and no page loads anything from elsewhere.

python docs/site/check.py [FOLDER]
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
"""Elements whose address a browser fetches, and the attribute that holds it."""
NOT_FETCHED = {"canonical", "alternate", "prev", "next"}
FETCHED_BY_STYLE = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])(?:https?:)?//([^'\")\s]+)")


class Addresses(HTMLParser):
    """What a page links to, loads and can be linked at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of an element."""
        values = {key: value for key, value in attrs if value}
        self.anchors |= {values[key] for key in ("id", "name") if key in values}
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if (address := values.get(LOADED.get(tag, ""))) and values.get("rel") not in NOT_FETCHED:
            self.loaded.add(address)


def faults(site: Path) -> list[str]:
    """List dead links and addresses elsewhere, each with the page that has it."""
    pages = {
        path.resolve(): Addresses(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
        if path.name != "404.html"  # its links are absolute: it may stand for any address
    }
    problems = []
    for path, page in pages.items():
        where = path.relative_to(site.resolve())
        elsewhere = [text for text in page.loaded if urlsplit(text).netloc]
        problems += [f"{where} loads {text}" for text in elsewhere]
        for text in (page.links | page.loaded) - set(elsewhere):
            if problem := _problem(text, path, pages):
                problems.append(f"{where} links to {text}: {problem}")
    for path in sorted(site.rglob("*.css")):
        for host in FETCHED_BY_STYLE.findall(path.read_text(encoding="utf-8")):
            problems.append(f"{path.relative_to(site)} loads {host}")
    return problems


def _problem(text: str, path: Path, pages: dict[Path, Addresses]) -> str:
    """Say what is wrong with a link of a page, or nothing."""
    parts = urlsplit(text)
    if parts.scheme or parts.netloc:
        return ""
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if there.is_dir():
        there /= "index.html"
    if not there.is_file():
        return "no such file"
    if parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].anchors:
        return "no such place on the page"
    return ""


def unreachable(site: Path) -> list[str]:
    """List the pages to which no link leads from the first page."""
    first = (site / "index.html").resolve()
    visited, queue = {first}, [first]
    while queue:
        path = queue.pop()
        for text in Addresses(path.read_text(encoding="utf-8")).links:
            parts = urlsplit(text)
            there = (path.parent / unquote(parts.path)).resolve()
            if not parts.netloc and there.suffix == ".html" and there.is_file():
                queue += [there] if there not in visited else []
                visited.add(there)
    every = {path.resolve() for path in site.rglob("*.html")} - {(site / "404.html").resolve()}
    return sorted(str(path.relative_to(site.resolve())) for path in every - visited)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "site")
    wrong = faults(folder) + [f"no link leads to {page}" for page in unreachable(folder)]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(list(folder.rglob('*.html')))} pages, every link leads somewhere")
