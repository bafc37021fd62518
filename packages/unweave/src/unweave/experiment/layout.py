"""A comparison as text, Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Sequence

from unweave.experiment.comparison import Comparison, Contrast
from unweave.experiment.definition import place_text, short
from unweave.experiment.statistics import Summary, p_text
from unweave.tables import table

FORMATS = ("text", "markdown", "csv", "latex")
ALARM = 0.05
"""Smaller p values are in bold."""
MOST_CONTRASTS = 36
"""Most paired tests that a page shows."""
TESTS = "comparison-tests.csv"
"""The file of all tests."""
LEAST_PLACE, LARGEST_PLAIN = -5, 1e6
"""Numbers with digits beyond this decimal place, or larger ones, have a power of ten."""
LATEX_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
        "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "<": r"\textless{}", ">": r"\textgreater{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    }
)  # fmt: skip

POWER_OF_TEN = re.compile(r"e([+-]\d+)")

Rows = list[tuple[str, ...]]


def lay_out(comparison: Comparison, form: str) -> str:
    """Lay a comparison out as `text`, `markdown`, `csv` or `latex`."""
    return {"text": as_text, "markdown": as_markdown, "csv": as_csv, "latex": as_latex}[form](
        comparison
    )


def as_text(comparison: Comparison) -> str:
    """Lay out for a terminal: means, standard deviations, intervals, tests, and missing runs.

    A star follows the best, and every other within one standard error of the difference.
    """
    header, rows = summary_rows(comparison, bold="{} *")
    parts = [table(header, rows), note(comparison, "*")]
    contrasts = contrast_rows(comparison)
    if contrasts:
        parts += [table(CONTRASTS, contrasts), test_note(comparison)]
    missing = missing_rows(comparison)
    if missing:
        parts.append(table(MISSING, missing))
    return "\n\n".join(parts)


def as_markdown(comparison: Comparison) -> str:
    """Lay out as Markdown; bold marks the best, and all within one standard error of it."""
    header, rows = summary_rows(comparison, bold="**{}**")
    parts = [markdown(header, rows), note(comparison, "Bold")]
    contrasts = contrast_rows(comparison, bold="**{}**")
    if contrasts:
        parts += [markdown(CONTRASTS, contrasts), test_note(comparison)]
    missing = missing_rows(comparison)
    if missing:
        parts.append(markdown(MISSING, missing))
    return "\n\n".join(parts) + "\n"


def as_csv(comparison: Comparison) -> str:
    """Lay out as CSV, one line per group and measure, numbers to the last bit."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    grid = list(comparison.results.experiment.grid)
    writer.writerow(["run", *grid, "measure", "n", "mean", "std", "low", "high", "best"])
    for measure in comparison.measures:
        marks = comparison.best(measure)
        for group, summary, best in zip(
            comparison.groups, comparison.summaries[measure], marks, strict=True
        ):
            numbers = (summary.mean, summary.std, summary.low, summary.high)
            cells = ["" if math.isnan(number) else repr(number) for number in numbers]
            place = [short(group.place.get(name, "")) for name in grid]
            writer.writerow([group.label, *place, measure, summary.n, *cells, int(best)])
    return stream.getvalue()


def as_latex(comparison: Comparison) -> str:
    """Lay out as a LaTeX table for the package booktabs; bold marks the best, within error."""
    header, rows = summary_rows(
        comparison, bold=r"$\mathbf{{{}}}$", plain="${}$", plus=r" \pm ", escape=latex_text,
        number_text=_latex_powers,
    )  # fmt: skip
    titles = [latex_text(title) for title in header]
    columns = "l" * (len(header) - len(comparison.measures)) + "r" * len(comparison.measures)
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", " & ".join(titles) + r" \\"]
    lines += [r"\midrule", *(" & ".join(row) + r" \\" for row in rows)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


CONTRASTS = ("measure", "one", "the other", "difference", "pairs", "p", "p, Holm")
MISSING = ("run", "seed", "status", "step", "reason")


def note(comparison: Comparison, mark: str) -> str:
    """Explain the numbers of the table, and its mark, such as "Bold"."""
    return (
        "Mean over seeds ± one standard deviation (divisor n - 1); in brackets the 95 % interval "
        f"of the mean. {mark}: the best, and every other within one standard error of the "
        f"difference from it.{seeds_note(comparison)}"
    )


def seeds_note(comparison: Comparison) -> str:
    """Explain the numbers of seeds in the table, if there are any."""
    cells = ((m, n) for m in comparison.measures for n in range(len(comparison.groups)))
    if not any(_seeds_text(comparison, measure, number) for measure, number in cells):
        return ""
    return " In parentheses: how many seeds have a value, where some have none."


def data_note(comparison: Comparison) -> str:
    """Name the data sets of finished runs, with what each notes about itself."""
    return " ".join(
        f"{name}: {text.rstrip('.')}." if text else f"{name}."
        for name, text in comparison.data_sets
    )


def test_note(comparison: Comparison) -> str:
    """Name the test of the p values."""
    name = {
        "t": "Student's paired test over seeds, exact if differences are normal",
        "sign-flip": "all flips of signs of the differences over seeds",
    }[comparison.test]
    text = f"p values: {name}; Holm's correction over the contrasts of a measure."
    total, count = len(_tests(comparison)), len(_tests_to_show(comparison))
    if count == total:
        return text
    return (
        f"{text} The table has {count} of {total} tests: those of claims, then those with the "
        f"smallest p; {TESTS} has all."
    )


def summary_rows(
    comparison: Comparison, bold: str = "{}", plain: str = "{}", plus: str = " ± ",
    escape: Callable[[str], str] = str, number_text: Callable[[str], str] = str,
) -> tuple[tuple[str, ...], Rows]:  # fmt: skip
    """Lay out one row per group: kind, place, and one cell per measure.

    Parameters
    ----------
    bold, plain
        Formats of a cell that is best, and of one that is not.
    plus
        What stands between mean and deviation.
    escape
        Escapes every text.
    number_text
        Rewrites the numbers of a cell.
    """
    grid = list(comparison.results.experiment.grid)
    marks = {measure: comparison.best(measure) for measure in comparison.measures}
    rows = []
    for number, group in enumerate(comparison.groups):
        cells = []
        for measure in comparison.measures:
            text = spread(comparison.summaries[measure][number], plus, brackets=plus == " ± ")
            wrap = bold if marks[measure][number] else plain
            cell = wrap.format(number_text(text)) if text != "-" else text
            cells.append(cell + _seeds_text(comparison, measure, number))
        place = (short(group.place[name]) if name in group.place else "" for name in grid)
        rows.append((escape(group.label), *map(escape, place), *cells))
    return ("run", *grid, *(_title(comparison, m) for m in comparison.measures)), rows


def _seeds_text(comparison: Comparison, measure: str, number: int) -> str:
    """Say how many seeds a mean is of where some have no value, as in " (2 of 3)"."""
    known, all_seeds = comparison.summaries[measure][number].n, len(comparison.groups[number].rows)
    return f" ({known} of {all_seeds})" if 0 < known < all_seeds else ""


def contrast_rows(comparison: Comparison, bold: str = "{}") -> Rows:
    """Lay out the paired tests, at most `MOST_CONTRASTS` of them."""
    return [
        (
            c.measure, c.first.title, c.second.title, rounded(c.difference, sign="+"), str(c.pairs),
            p_text(c.p), (bold if c.corrected < ALARM else "{}").format(p_text(c.corrected)),
        )
        for c in _tests_to_show(comparison)
    ]  # fmt: skip


def tests_as_csv(comparison: Comparison) -> str:
    """Lay out all paired tests as CSV, numbers to the last bit."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["measure", "one", "the other", "difference", "pairs", "p", "p Holm"])
    for c in _tests(comparison):
        numbers = [repr(value) for value in (c.difference, c.p, c.corrected)]
        row = [c.measure, c.first.title, c.second.title, numbers[0], c.pairs, *numbers[1:]]
        writer.writerow(row)
    return stream.getvalue()


def _tests(comparison: Comparison) -> list[Contrast]:
    return [contrast for contrast in comparison.contrasts if contrast.pairs > 1]


def _tests_to_show(comparison: Comparison) -> list[Contrast]:
    """Return the tests of claims, then those with the smallest p, in the order of all tests."""
    tests = _tests(comparison)
    first = sorted(range(len(tests)), key=lambda n: (not tests[n].in_claim, tests[n].corrected))
    return [tests[number] for number in sorted(first[:MOST_CONTRASTS])]


def missing_rows(comparison: Comparison) -> Rows:
    """Lay out the runs that are not finished, or not measured, with the reason."""
    return [
        (place_text(row.run, row.place), str(row.seed), row.status, f"{row.step} of {row.steps}",
         reason)
        for row, reason in comparison.results.failures()
    ]  # fmt: skip


def spread(summary: Summary, plus: str = " ± ", brackets: bool = True) -> str:
    """Write a mean with its deviation and interval, as far as there are values.

    The deviation has two digits, and the other numbers end at the same decimal place.
    """
    if not summary.n:
        return "-"
    if summary.n == 1:
        return rounded(summary.mean)
    numbers = (summary.mean, summary.std, summary.low, summary.high)
    mean, std, low, high = _to_place_of(summary.std, numbers)
    return f"{mean}{plus}{std} [{low}, {high}]" if brackets else f"{mean}{plus}{std}"


def _to_place_of(std: float, numbers: Sequence[float]) -> list[str]:
    """Write numbers to the decimal place of the second digit of a deviation.

    Examples
    --------
    >>> _to_place_of(0.0449, [0.1, 0.0449]), _to_place_of(14142.0, [12.35e6, 14142.0, 0.0])
    (['0.100', '0.045'], ['1.2350e+07', '1.4e+04', '0'])
    """
    if not 0 < std < math.inf:
        return [rounded(number) for number in numbers]
    place = _power_of_ten(std) - 1
    if place >= LEAST_PLACE and max(map(abs, numbers)) < LARGEST_PLAIN:
        return [f"{number:z.{max(0, -place)}f}" for number in numbers]
    return [
        f"{number:.{max(0, _power_of_ten(number) - place)}e}" if number else "0"
        for number in numbers
    ]


def rounded(number: float, digits: int = 3, sign: str = "-") -> str:
    """Write a number to some significant digits, or to the unit where that is more of them.

    Examples
    --------
    >>> rounded(0.04567), rounded(-1004.2), rounded(1004.2, sign="+"), rounded(2.5e7)
    ('0.0457', '-1004', '+1004', '2.5e+07')
    """
    text = f"{number:{sign}.{digits}g}"
    return f"{number:{sign}.0f}" if "e+" in text and abs(number) < LARGEST_PLAIN else text


def _power_of_ten(value: float) -> int:
    """Return the power of ten of a number that is rounded to two digits."""
    return int(f"{value:.1e}".partition("e")[2])


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out as a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    clean = ([str(c).replace("|", r"\|").replace("\n", " ") for c in line] for line in lines)
    return "\n".join("| " + " | ".join(line) + " |" for line in clean)


def latex_text(text: str) -> str:
    """Escape characters that are special in LaTeX."""
    return str(text).translate(LATEX_SPECIAL)


def _latex_powers(text: str) -> str:
    """Write powers of ten as LaTeX does, for "e-05" in a formula is e - 05.

    Examples
    --------
    >>> _latex_powers("1.2e-05")
    '1.2 \\\\times 10^{-5}'
    """
    return POWER_OF_TEN.sub(lambda match: rf" \times 10^{{{int(match[1])}}}", text)


def _title(comparison: Comparison, measure: str) -> str:
    arrow = {"higher": " ↑", "lower": " ↓"}.get(comparison.better(measure), "")
    return f"{measure}{arrow}"
