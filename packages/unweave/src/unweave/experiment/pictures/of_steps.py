"""Pictures of the log: terms and scores over the steps of training."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from unweave.errors import ConfigError, unknown_name
from unweave.experiment.pictures.looks import Look, Looks
from unweave.experiment.results import Group, Results, open_run
from unweave.plots.panels import filled_rows, legend_below, row_sizes
from unweave.plots.style import new_figure

MOST_PANELS = 9
COLUMNS = 3
MARKS = 10
"""Number of markers along a line."""

WORDS = {
    "active": "active dimensions", "beta-vae": "BetaVAE score", "dimension_wise_kl":
    "dimension-wise KL", "factor-vae": "FactorVAE score", "index_code_mi": "index-code MI",
    "sampled": "sampled codes",
}  # fmt: skip
"""Parts of names in the log that are written in other words."""
ACRONYMS = frozenset({"dci", "elbo", "kl", "mi", "mig", "mmd", "sap", "vae"})

Lines = list[list[dict[str, float]]]


def draw_steps(results: Results, *, terms: list[str] | None = None, log: bool = False) -> Figure:
    """Draw logged terms over the steps, one line per group: mean over seeds, and their range.

    Parameters
    ----------
    terms
        Names in the log; by default the first nine.
    log
        A logarithmic axis.
    """
    logs = [(group, _logs(group)) for group in results.groups()]
    logs = [(group, lines) for group, lines in logs if lines]
    if not logs:
        raise ConfigError("no run has logged anything yet")
    every = itertools.chain.from_iterable(line for _, runs in logs for run in runs for line in run)
    term_names = [name for name in dict.fromkeys(every) if name != "step"]
    for name in terms or []:
        if name not in term_names:
            raise unknown_name("term in the log", name, term_names)
    names = terms or term_names[:MOST_PANELS]
    looks = Looks(results.experiment).lines(group.label for group, _ in logs)
    rows = len(row_sizes(len(names), COLUMNS))
    figure = new_figure((10, 2.6 * rows + 0.3), layout="constrained")
    for panel, name in zip(filled_rows(figure, len(names), COLUMNS), names, strict=True):
        for look, (_, runs) in zip(looks, logs, strict=True):
            _draw_term(panel, name, look, runs)
        panel.set_title(in_words(name))
        panel.set_xlabel("step")
        if log:
            panel.set_yscale("log")
            panel.yaxis.set_major_formatter("{x:g}")  # the default is TeX
            panel.yaxis.set_minor_formatter(NullFormatter())
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.grid(True)
    handles = [
        Line2D([], [], color=look.colour, linestyle=look.dashes, marker=look.marker, markersize=3,
               label=group.title)
        for look, (group, _) in zip(looks, logs, strict=True)
    ]  # fmt: skip
    legend_below(figure, handles)
    return figure


def in_words(name: str) -> str:
    """Write a name of the log in words.

    Examples
    --------
    >>> in_words("score/mig/active"), in_words("total_correlation")
    ('MIG, active dimensions', 'total correlation')
    >>> in_words("validation/loss")
    'loss, held-out images'
    """
    parts = name.split("/")
    held_out = parts[0] == "validation"
    parts = parts[1:] if parts[0] in ("score", "validation") and len(parts) > 1 else parts
    words = [WORDS.get(part) or _words(part) for part in parts]
    return ", ".join(words + ["held-out images"] * held_out)


def _words(part: str) -> str:
    words = part.replace("_", " ").replace("-", " ").split()
    return " ".join(word.upper() if word in ACRONYMS else word for word in words)


def _logs(group: Group) -> Lines:
    """Read the logs of the runs of a group that have started."""
    logs = (open_run(row).scalars() for row in group.rows if row.step)
    return [lines for lines in logs if lines]


def _draw_term(panel: Any, name: str, look: Look, runs: Lines) -> None:
    curves = [{line["step"]: line[name] for line in run if name in line} for run in runs]
    curves = [values for values in curves if values]
    if not curves:
        return
    steps = sorted(set.intersection(*(set(values) for values in curves)))
    table = np.array([[values[step] for step in steps] for values in curves])
    # A line of one step has no length, and a band no width.
    alone = len(steps) == 1
    marker = look.marker or ("o" if alone else "")
    panel.plot(steps, table.mean(0), color=look.colour, linestyle=look.dashes, marker=marker,
               markersize=3, markevery=max(1, len(steps) // MARKS), zorder=look.zorder)  # fmt: skip
    if len(table) > 1:
        low, high = table.min(0), table.max(0)
        if alone:
            panel.vlines(steps, low, high, color=look.colour, linewidth=0.9)
        panel.fill_between(steps, low, high, color=look.colour, alpha=0.2, linewidth=0)
