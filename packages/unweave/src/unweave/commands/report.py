"""`unweave report`."""

from __future__ import annotations

from unweave.commands.app import RunPath, Seed


def report(run: RunPath, seed: Seed = 0) -> None:
    """Draw figures and write report.html, one self-contained page."""
    from unweave.api import Run
    from unweave.report import write_report

    print(write_report(Run.open(run), seed))
