"""Pictures of the log: terms and scores over the steps of training."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from unweave.errors import ConfigError, unknown_name
from unweave.experiment.results import Group, Results, open_run

MOST_PANELS = 9
COLUMNS = 3

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
    rows = -(-len(names) // COLUMNS)
    columns = min(COLUMNS, len(names))
    figure = Figure(figsize=(10, 2.6 * rows + 0.3), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for panel, name in zip(panels, names, strict=False):
        for number, (_, runs) in enumerate(logs):
            _draw_term(panel, name, f"C{number}", runs)
        panel.set_title(name.replace("_", " "), fontsize=10)
        panel.set_xlabel("step", fontsize=8)
        if log:
            panel.set_yscale("log")
            panel.yaxis.set_major_formatter("{x:g}")  # its own is TeX
            panel.yaxis.set_minor_formatter(NullFormatter())
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.tick_params(labelsize=8)
        panel.grid(alpha=0.25)
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    handles = [Line2D([], [], color=f"C{n}", label=g.title) for n, (g, _) in enumerate(logs)]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _logs(group: Group) -> Lines:
    """Read the logs of a group's runs, those that have begun."""
    logs = (open_run(row).scalars() for row in group.rows if row.step)
    return [lines for lines in logs if lines]


def _draw_term(panel: Any, name: str, colour: str, runs: Lines) -> None:
    curves = [{line["step"]: line[name] for line in run if name in line} for run in runs]
    curves = [values for values in curves if values]
    if not curves:
        return
    steps = sorted(set.intersection(*(set(values) for values in curves)))
    table = np.array([[values[step] for step in steps] for values in curves])
    panel.plot(steps, table.mean(0), linewidth=1.2, color=colour)
    if len(table) > 1:
        low, high = table.min(0), table.max(0)
        panel.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
