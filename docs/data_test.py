"""The table of docs/data.md comes from the package; run as a program, this writes it."""

import re
from pathlib import Path

from unweave_data import ENTRIES
from unweave_data.entries import Entry

PAGE = Path(__file__).with_name("data.md")
MARKED = re.compile(r"(<!-- table: [^>]*-->\n).*?(<!-- end -->)", re.DOTALL)


def row(entry: Entry) -> str:
    """Write one line of the table."""
    source = entry.source.citation
    if entry.source.url:
        source = f"{source}. [files]({entry.source.url})" if source else entry.source.url
    files = f"{entry.files} ({entry.size})" if entry.size else entry.files
    cells = (f"`{entry.name}`", entry.what, files or "none", entry.source.licence, source or "-")
    return "| " + " | ".join(cells) + " |"


def page() -> str:
    """Give the page with its table."""
    head = ["| set | what it is | file (size) | licence | source |", "|---|---|---|---|---|"]
    table = "\n".join([*head, *map(row, ENTRIES)])
    return MARKED.sub(lambda match: f"{match[1]}\n{table}\n\n{match[2]}", PAGE.read_text())


def test_the_page_of_data_sets_is_that_of_the_package():
    assert PAGE.read_text() == page(), "run python docs/data_test.py"


if __name__ == "__main__":
    PAGE.write_text(page())
