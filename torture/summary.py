"""The table of a campaign: cases and faults."""

from __future__ import annotations

import re
from pathlib import Path

from torture.ledger import Ledger

BEGIN, END = "<!-- campaign -->\n", "<!-- end of campaign -->\n"


def summary(ledger: Ledger) -> str:
    """Return the table as Markdown, and one line per fault."""
    lines = [f"Seed {ledger.seed}.", "", "| kind | subject | cases | faults |", "|---|---|---|---|"]
    lines += [f"| {kind} | {what} | {n} | {faults} |" for kind, what, n, faults in ledger.table()]
    entries = [entry for entry in ledger.entries if entry["fell"]]
    lines += [""] if entries else []
    lines += [f"- {e['kind']} {e['number']}, {e['what']}: {e['fell']}" for e in entries]
    return "\n".join(lines)


def write_summary(page: Path, ledger: Ledger) -> None:
    """Put the table between its two marks in a page."""
    text = page.read_text(encoding="utf-8")
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    if not re.search(pattern, text, re.DOTALL):
        raise SystemExit(f"{page} must have the lines {BEGIN.strip()} and {END.strip()}; add them")
    table = f"{BEGIN}\n{summary(ledger)}\n\n{END}"
    page.write_text(re.sub(pattern, lambda _: table, text, flags=re.DOTALL), encoding="utf-8")
