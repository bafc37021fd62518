"""`unweave compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def compare(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="EXPERIMENT|RUN", help="the folder of a sweep, or run directories"),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="folder for the tables and figures; default: that of the sweep"),
    ] = None,
    form: Annotated[
        Literal["text", "markdown", "csv", "latex"],
        typer.Option("--format", help="format of the printed table"),
    ] = "text",
    test: Annotated[
        Literal["t", "sign-flip"],
        typer.Option(help="paired test: t for normal differences, sign-flip for symmetric ones"),
    ] = "t",
) -> None:
    """Compare runs over seeds: tables, tests and pictures.

    Means with intervals, paired tests and pictures are written as one page.
    """
    import sys

    from unweave.experiment.comparison import Comparison
    from unweave.experiment.inputs import open_results
    from unweave.experiment.layout import lay_out
    from unweave.experiment.page import write_comparison

    results = open_results(paths)
    comparison = Comparison(results, test)
    print(lay_out(comparison, form))
    folder = out or (paths[0] if (paths[0] / "experiment.toml").is_file() else Path("comparison"))
    print(write_comparison(comparison, folder), file=sys.stderr)
