"""The table of a campaign: what was tried, and what fell."""

from __future__ import annotations

import re
from pathlib import Path

from torture.ledger import Ledger

BEGIN, END = "<!-- campaign -->\n", "<!-- end of campaign -->\n"


def summary(ledger: Ledger) -> str:
    """Return the table as Markdown, and a line for everything that fell."""
    lines = [f"Seed {ledger.seed}.", "", "| kind | what | tried | failed |", "|---|---|---|---|"]
    lines += [f"| {kind} | {what} | {n} | {fell} |" for kind, what, n, fell in ledger.table()]
    fell = [entry for entry in ledger.entries if entry["fell"]]
    lines += [""] if fell else []
    lines += [f"- {e['kind']} {e['number']}, {e['what']}: {e['fell']}" for e in fell]
    return "\n".join(lines)


def write_summary(page: Path, ledger: Ledger) -> None:
    """Put the table between its two marks in a page."""
    text = page.read_text(encoding="utf-8")
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    if not re.search(pattern, text, re.DOTALL):
        raise SystemExit(f"{page} has no {BEGIN.strip()} and {END.strip()}")
    table = f"{BEGIN}\n{summary(ledger)}\n\n{END}"
    page.write_text(re.sub(pattern, lambda _: table, text, flags=re.DOTALL), encoding="utf-8")
