"""What the commands of the command line do."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from unweave_metrics.catalogue import CATALOGUE, find_metric
from unweave_metrics.codetable.reading import read_code_tables
from unweave_metrics.codetable.table import CodeTable, write_code_tables
from unweave_metrics.evaluate import evaluate
from unweave_metrics.presets import preset_names
from unweave_metrics.score import Score
from unweave_metrics.scoretable import ScoreTable, aligned
from unweave_metrics.seeds import compare

ERROR = "reconstruction_error"


def listing(options: argparse.Namespace) -> str:
    """Return the catalogue and the presets as text."""
    rows = [["metric", "best", "needs", ""]]
    rows += [[e.name, e.best, ", ".join(e.needs), e.summary] for e in CATALOGUE.values()]
    return aligned(rows, left=True) + "\n\npresets: " + ", ".join(preset_names())


def score(options: argparse.Namespace) -> str:
    """Return the scores of each code table in a file."""
    scored = score_file(options.table, options, options.bootstrap)
    if options.format == "json" and len(scored) > 1:
        return json.dumps({name: table.to_dict() for name, table in scored.items()}, indent=2)
    if len(scored) == 1:
        return formatted(next(iter(scored.values())), options.format)
    if options.format == "csv":
        return several_csv(scored)
    parts = [f"{name}\n{formatted(table, options.format)}" for name, table in scored.items()]
    if options.format is None:
        parts.append(str(compare({f"all {len(scored)}": list(scored.values())})))
    return "\n\n".join(parts)


def several_csv(scored: dict[str, ScoreTable]) -> str:
    """Return the scores of several tables as one table of comma-separated values."""
    lines = []
    for name, table in scored.items():
        head, *rows = table.to_csv().splitlines()
        lines += [f"{name},{row}" for row in rows]
    return "\n".join([f"table,{head}", *lines])


def compare_files(options: argparse.Namespace) -> str:
    """Return the scores of several files side by side, one file per model."""
    names = [Path(path).stem for path in options.tables]
    if len(set(names)) < len(names):
        names = [str(path) for path in options.tables]
    if len(set(names)) < len(names):
        raise ValueError("tables must be different files, got one of them twice")
    models = {
        name: list(score_file(path, options, 0).values())
        for name, path in zip(names, options.tables, strict=True)
    }
    notes = {note for seeds in models.values() for table in seeds for note in table.notes}
    return "\n".join([str(compare(models)), *sorted(notes)])


def convert(options: argparse.Namespace) -> str:
    """Write the code tables of one file to another."""
    tables = read_code_tables(options.source)
    path = write_code_tables(options.target, tables)
    rows = ", ".join(str(len(table.codes)) for table in tables.values())
    return f"{path}: {len(tables)} code table{'s' if len(tables) > 1 else ''} of {rows} rows"


def score_file(path: str, options: argparse.Namespace, bootstrap: int) -> dict[str, ScoreTable]:
    """Return the scores of each code table in a file by its name."""
    return {
        name: score_table(table, options, bootstrap)
        for name, table in read_code_tables(path).items()
    }


def score_table(table: CodeTable, options: argparse.Namespace, bootstrap: int) -> ScoreTable:
    """Evaluate one code table; the mean of its stored errors is a score too."""
    names = None
    if options.metrics is not None:
        names = [find_metric(name).name for name in options.metrics.replace(",", " ").split()]
    stored = table.reconstruction_error
    has_error = stored is not None and (names is None or ERROR in names)
    if names is not None and has_error:
        names = [name for name in names if name != ERROR]
    factors = table.factors if table.factors is not None else table.factor_values
    scores = ScoreTable({}) if names == [] and has_error else evaluate(
        table.codes, factors, metrics=names, preset=options.preset, bootstrap=bootstrap,
        jobs=options.jobs, seed=options.seed, progress="lines", std=table.std,
    )  # fmt: skip
    if stored is not None and has_error:
        scores.scores[ERROR] = Score(
            stored.mean(dtype=float), name=ERROR, settings={"loss": "squared", "rows": len(stored)}
        )
    return scores


def formatted(table: ScoreTable, kind: str | None) -> str:
    """Return a table in the format asked for."""
    if kind is None:
        return str(table)
    return {
        "json": table.to_json,
        "csv": table.to_csv,
        "latex": table.to_latex,
        "markdown": table.to_markdown,
    }[kind]()


COMMANDS: dict[str, Callable[[argparse.Namespace], str]] = {
    "score": score,
    "list": listing,
    "compare": compare_files,
    "convert": convert,
}
