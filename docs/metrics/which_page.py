"""The page that helps to choose a metric: a recommendation, and the measurements behind it."""

from pathlib import Path

import examples
import numpy as np
import which_study as study

HERE = Path(__file__).parent

# Parts of scores that are scores themselves.
PARTS = {
    "dci": ("completeness", "informativeness"),
    "infomec": ("infoe", "infoc"),
    "dci_es": ("size",),
}


def of_kinds(kinds, tables, number):
    """Return rows of the table of five kinds of codes."""
    rows = []
    for name, values in kinds.items():
        rows.append([f"[{name}]({name}.md)", *map(number, values)])
        for part in PARTS.get(name, ()):
            each = [float(table[name].parts[part]) for table in tables]
            rows.append([f"{name}: {part}", *map(number, each)])
    return rows


HEADS = (
    "score", "base", "100 rows", "4,000 rows", "noise 1", "rotations", "2 copies", "dependence .9",
    "10 spare codes",
)  # fmt: skip


def of_study(number):
    """Return rows of the table of what moves each score."""
    rows = []
    for name in study.scores():
        rows_of, noise, copies, dependence, spare = (
            dict(zip(study.LEVELS[kind], study.curve(kind, name), strict=True))
            for kind in study.LEVELS
        )
        turned = study.values_of("rotation", name)
        between = f"{number(np.nanmin(turned))} to {number(np.nanmax(turned))}"
        first = [noise[0.25], rows_of[100], rows_of[4_000], noise[1.0]]
        last = [copies[2], dependence[0.9], spare[10]]
        rows.append([name, *map(number, first), between, *map(number, last)])
    return rows


def of_ranks(number):
    """Return the table of rank correlations of the scores that are drawn."""
    ranks = study.ranks()
    places = [ranks.metrics.index(name) for name in study.SELECTION]
    rows = [
        [study.SELECTION[i], *(number(ranks.matrix[place, other]) for other in places)]
        for i, place in enumerate(places)
    ]
    return ["", *study.SELECTION], rows


def agreement(number):
    """Return score -> score -> their rank correlation, as the text names them."""
    ranks = study.ranks()
    names = [name.replace(": ", "_") for name in ranks.metrics]
    return {
        name: dict(zip(names, map(number, row), strict=True))
        for name, row in zip(names, ranks.matrix, strict=True)
    }


def facts(number):
    """Return score -> what the text says of it, by word."""
    by_score = {}
    for name in study.scores():
        levels = {
            kind: dict(zip(study.LEVELS[kind], study.curve(kind, name), strict=True))
            for kind in study.LEVELS
        }
        turned = study.values_of("rotation", name)
        values = {
            "base": levels["noise"][0.25],
            "noise": levels["noise"][1.0],
            "few": levels["rows"][100],
            "many": levels["rows"][4_000],
            "copies": levels["copies"][2],
            "dependent": levels["dependence"][0.9],
            "spare": levels["spare"][10],
            "low": np.nanmin(turned),
            "middle": np.nanmedian(turned),
            "high": np.nanmax(turned),
        }
        by_score[name.replace(": ", "_")] = {word: number(value) for word, value in values.items()}
    return by_score


def write(kinds, tables, number, markdown):
    """Write the page."""
    heads, ranks = of_ranks(number)
    text = (HERE / "which-metric.template").read_text()
    text = text.format(
        kinds=markdown(["metric", *examples.KINDS], of_kinds(kinds, tables, number)),
        study=markdown(list(HEADS), of_study(number)),
        ranks=markdown(heads, ranks),
        rotations=study.ROTATIONS,
        runs=len(study.results()["run"]),
        rows=f"{study.ROWS:,}",
        rank=agreement(number),
        **facts(number),
    )
    (HERE / "which-metric.md").write_text(text)
