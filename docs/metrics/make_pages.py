"""Write the pages of this folder from docstrings and from real runs, in about a minute.

python docs/metrics/make_pages.py
"""

import inspect
import math
import re
import textwrap
from pathlib import Path

import drawing
import examples
import which_page

import unweave_metrics as um
from unweave_metrics.catalogue import CATALOGUE

HERE = Path(__file__).parent
README = HERE.parents[1] / "packages" / "unweave-metrics" / "README.md"

ENTRIES = list(CATALOGUE.values())


def number(value):
    """Return two decimals, infinity, or a dash."""
    if math.isnan(value):
        return "-"
    return "∞" if math.isinf(value) else f"{value:.2f}"


def markdown(heads, rows):
    """Return a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in [heads, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]])


def prose(text):
    """Return text with a line for each sentence, and at most 100 columns."""
    sentences = re.split(r"(?<=[.!?]) +(?=[A-Z`(\[])|(?<=\.\*\*) ", " ".join(text.split()))
    return "\n".join(
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, 100, break_long_words=False, break_on_hyphens=False)
    )


def sections(entry):
    """Return the docstring's sentence, its formula, and the rest as a list of sections."""
    text = inspect.getdoc(entry.function)
    first, formula, rest = re.split(r"\n\n", text, maxsplit=2)
    return first, formula, rest


def as_typed(sections, name):
    """Return sections of a docstring whose examples begin with the imports that they need."""
    sections = sections.replace(">>> import numpy as np\n", "")
    imports = f">>> import numpy as np\n>>> from unweave_metrics import {name}\n"
    return sections.replace("Examples\n--------\n", f"Examples\n--------\n{imports}")


def settings_by_preset(entry, codes, factors):
    """Return rows of preset, what differs from the default, and the score."""
    usual = entry.function(codes, factors)
    rows = [["none", "", f"{float(usual):.4f}"]]
    for preset in entry.presets:
        score = entry.function(codes, factors, preset=preset)
        changed = {
            key: value
            for key, value in score.settings.items()
            if key in usual.settings and usual.settings[key] != value and "rows" not in key
        }
        del changed["preset"]
        if changed:  # else the preset says nothing about this metric
            text = ", ".join(f"`{key}={value!r}`" for key, value in changed.items())
            rows.append([f"`{preset}`", text, f"{float(score):.4f}"])
    return rows


def page(entry, kinds, ladder, conventions):
    """Write the page of one metric."""
    best = {"high": "Higher is better.", "low": "Lower is better.", "-": "Neither end is better."}
    first, formula, rest = sections(entry)
    summary = entry.summary[0].upper() + entry.summary[1:]
    parts = [
        f"# {entry.name}",
        f"{summary}.\n{best[entry.best]}",
        prose(f"**Formula.** {first} {formula}"),
    ]
    parts.append(
        "\n\n".join(
            prose(f"**{name}:** {text}")
            for name, text in (
                ("Rewards", f"{entry.rewards}."),
                ("Misses", f"{entry.misses}."),
                ("Cost", f"{entry.cost} time."),
            )
        )
    )
    if entry.undefined:
        parts.append(prose(f"**NaN or infinite:** {entry.undefined}."))
    if entry.with_rows:
        parts.append(prose(f"**More rows:** {entry.with_rows}"))
    over, covers = entry.interval.over, entry.interval.covers
    interval = f"for {covers}; resampled: {over} ([how](intervals.md))"
    if entry.interval.without:
        interval = f"none, as {entry.interval.without} ([why](intervals.md))"
    parts.append(prose(f"**Interval:** {interval}."))
    picture = HERE / "pictures" / f"{entry.name}.svg"
    if entry.name in examples.OF_IMAGES:
        drawing.of_ladders(picture, examples.image_scores(entry.name))
        caption = "Discs of 32 x 32 pixels with more and more noise, and with more and more blur"
    elif entry.name in examples.OF_TRAVERSALS:
        ladders = examples.traversal_scores(entry.name)
        drawing.of_ladders(picture, ladders, drawing.OF_TRAVERSALS)
        caption = "A straight line that is bent more and more, and one with more and more noise"
    else:
        drawing.of_codes(picture, kinds, ladder)
        parts.append(markdown(list(examples.KINDS), [[number(value) for value in kinds]]))
        caption = "Scores of five kinds of codes, and of perfect codes with noise"
    parts.append(f"![{caption}](pictures/{entry.name}.svg)\n\n{caption}.")
    if len(conventions) > 1:
        parts.append(
            "## Conventions\n\nScores of the example on the [page of conventions](conventions.md)."
        )
        parts.append(markdown(["preset", "settings that differ", "score"], conventions))
    signature = inspect.signature(entry.function)
    options = [
        f"{p.name}={p.default!r}" for p in signature.parameters.values() if p.kind == p.KEYWORD_ONLY
    ]
    needs = ", ".join(entry.needs)
    call = f"{entry.name}({needs}" + (f", *, {', '.join(options)})" if options else ")")
    parts.append(f"## Reference\n\n```python\n{call}\n```")
    parts.append("```text\n" + as_typed(rest, entry.name) + "\n```")
    (HERE / f"{entry.name}.md").write_text("\n\n".join(parts) + "\n")


def conventions(codes, factors):
    """Write the page of what the presets change, with a number for each."""
    cases = [
        ("mig", "H(factor), 20 bins", {}),
        ("mig", "10 bins", {"bins": 10}),
        ("mig", "40 bins", {"bins": 40}),
        ("mig", "3 nearest neighbours", {"estimator": "neighbors"}),
        ("mig", "H(code), 10 bins, unit range, dead codes NaN", {"preset": "carbonneau2022"}),
        ("mig", "the same, dead codes 0", {"preset": "carbonneau2022", "dead_codes": "zero"}),
        (
            "mig",
            "the same, factors in 5 bins",
            {"preset": "carbonneau2022", "dead_codes": "zero", "bins": 5, "bin_factors": True},
        ),
        ("modularity", "20 bins, dead codes 0", {}),
        ("modularity", "10 bins, dead codes NaN", {"preset": "carbonneau2022"}),
        ("sap", "support vector machine, test rows", {}),
        ("sap", "tree, depth by cross-validation, train rows", {"preset": "carbonneau2022"}),
        ("sap", "squared correlation", {"predictor": "linear"}),
        (
            "sap",
            "C 1, unbalanced, train rows",
            {"C": 1.0, "balanced": False, "evaluate_on": "train"},
        ),
        ("dci", "boosting, weighted completeness", {}),
        ("dci", "lasso, cross-validated", {"preset": "carbonneau2022"}),
        ("dci", "lasso .02, standardised", {"predictor": "lasso", "alpha": 0.02}),
        ("dci", "lasso .02, raw", {"predictor": "lasso", "alpha": 0.02, "scale": "none"}),
        ("dci", "forest, a tenth held out", {"preset": "hsu2023"}),
        ("infomec", "dead codes 0", {}),
        ("infomec", "dead codes NaN", {"preset": "hsu2023"}),
        ("infomec", "active by interquartile range", {"active": "iqr", "active_fraction": 0.1}),
        ("explicitness", "multinomial, test rows, .5 to 1", {}),
        ("explicitness", "one-versus-rest, train rows, 0 to 1", {"preset": "carbonneau2022"}),
        ("factor_vae", "10,000 + 5,000 votes of 64", {}),
        ("factor_vae", "5,000 + 1,000 votes", {"preset": "gaujac2021"}),
        ("factor_vae", "800 + 800 votes of 200", {"preset": "kim2018"}),
        ("factor_vae", "no pruning", {"prune_std": 0.0}),
        ("z_min_var", "values uniform, rescaled", {"preset": "carbonneau2022"}),
        (
            "z_min_var",
            "factors in 3 bins",
            {"preset": "carbonneau2022", "bins": 3, "bin_factors": True},
        ),
        ("beta_vae", "10,000 + 5,000 points of 64", {}),
        ("z_diff", "values uniform, converged, rescaled", {"preset": "carbonneau2022"}),
        ("irs", ".99 quantile, factors in 20 bins", {}),
        ("irs", "maximum, factors not binned", {"preset": "carbonneau2022"}),
        ("flatness", "cyclic path, longest step left out", {}),
        ("flatness", "path from first to last value", {"path": "line"}),
        ("linearity", "linear ratio, geometric mean", {}),
        ("linearity", "axis ratio", {"ratio": "axis"}),
        ("linearity", "axis alignment", {"ratio": "alignment"}),
        ("ground_truth_distances", "ranks, with self-pairs", {}),
        ("ground_truth_distances", "without self-pairs", {"self_pairs": False}),
        ("ground_truth_distances", "triplets of any rows", {"pairs": "rows"}),
    ]
    lines = []
    for name, what, options in cases:
        preset = options.get("preset", "(default)")
        value = float(getattr(um, name)(codes, factors, **options))
        lines.append([name, preset, what, f"{value:.4f}"])
    text = f"""# Conventions

A name such as MIG stands for several formulas.
A preset fixes one; every setting is also an argument, and `score.settings` shows what was used.
The table shows one example: three factors (3, 6, 10 values), three noisy codes that mix them, a
code of noise, one with a standard deviation below .05 and a constant one, {len(codes):,} rows.
Made by `nox -s pages`.

{markdown(["metric", "preset", "convention", "value"], lines)}

Without a preset, the conventions of `locatello2019` are used on all rows.
`preset="locatello2019"` also sets its sample sizes: 10,000 rows for information scores and IRS,
10,000 train and 5,000 test rows for predictors.

The presets are:

- `locatello2019`: the large study of 2019, as its library is configured.
- `gaujac2021`: the TCWAE paper.
- `kim2018`: the FactorVAE paper, with 800 votes.
  The batches of 200 are from the review's program, not from the paper.
- `carbonneau2022`: the program of the review.
- `hsu2023`: the InfoMEC paper.

Some formulas have no value for constant codes.
If all codes are constant, the value is 0 for mig, mig_sup, dcimig, modularity, rmig, infomec, irs,
dci, mcc, sap and votes; log B / (H + log B) for jemmig, where noise is worse; chance for predictors
of classes (1/2 for explicitness); and NaN for gaussian_total_correlation, as in the study.
A single constant code counts 0 in a mean over codes and is left out elsewhere; under presets whose
programs give NaN, it is NaN.
dci is NaN with one factor, its completeness with one code; InfoM is NaN with one factor, InfoC with
one active code.

These differences from the original programs remain.
The numbers are the largest differences on the recorded problems, not bounds.
On other tables scores by neighbours differed by up to .28, and scores by linear machines and
logistic regressions by up to .02 from programs that use liblinear.

- `sap`: this package solves the support vector machine to machine precision, the reference only to
  a tolerance of 1e-4; matrices differ by at most .0007.
  With C = 1 and constant codes, the solver of the reference stops long before it converges; the
  difference is .0066.
- `dci` by `histogram-boosting`: splits are exact.
  Another generator breaks ties between equal codes, which changes completeness of duplicated codes
  by up to .015.
  `predictor="gradient-boosting"` is the original.
- `explicitness` under `carbonneau2022`, and with `model="ovr", C=1e10`: the original solvers stop
  earlier or penalise the intercept; the difference is up to .0003.
- `mig` with `estimator="neighbors"`: the original program divides the information about a class by
  the factor's information about itself, estimated by neighbours.
  There scikit-learn before 1.3 truncates scaled integers, so 40 values become 4: the score is 2.08,
  and .99 with the entropy.
  With measurements both agree to 1e-9.
- Neighbours of classes (`infomec`, and `estimator="neighbors"`) are exact here.
  In classes of few rows scikit-learn computes distances from rounded squares, which changes
  normalised information by up to .017.
- `gaujac2021` scores sampled codes for SAP and FactorVAE: draw them from mean and std first; a
  table of means is scored as means.
- `hsu2023`: with the same seed the jitter is that of the original.
- Numbers above 1e30, or all below 1e-30, are first scaled by powers of two, so that their squares
  are finite.
  This does not change scores without units; a penalty in raw units has no effect, or dominates, for
  such numbers anyway.
- `flatness`, `linearity` and `ground_truth_distances`: the original library draws traversals,
  triplets and rows at random; here every whole traversal counts once, which gives the mean over its
  draws.
  On the recorded grids the exact scores are within three standard errors of the recorded means of
  three seeds.
  The standard deviation over seeds is taken as at least .011 on large grids, as measured in sixty
  runs, and at least .004 on small ones, an estimate.
  Only a maximum of means depends on the number of draws: `axis_ratio_of_means` of ten codes, five
  of them noise, was .0938 with 128 traversals per factor, and is .0920 with all.
  The library takes each traversal for a circle and leaves out the longest step, wherever it is;
  `path="line"` leaves out none.
  It pairs values with themselves, which raises correlations, even those of noise;
  `self_pairs=False` does not.
  It lets rounding break ties: a rotation that keeps every distance has a rank correlation of .9915
  and an agreement of .9702, as here with `tolerance=0`; without rounding both are 1.
  For a traversal that moves no code it gives flatness 0, but NaN linearity and correlations, and it
  gives NaN for a geometric mean with a negative correlation; here all are 0, with a note.
  In both, constant codes count among the d codes of `linearity` and raise its ratios.
  It leaves out constant factors; here every score refuses them, and `evaluate` leaves them out.
- Lasso importances: this package adds 1e-11 before taking logarithms, the authors' program nothing;
  the difference is 5e-9.
- Information below 1e-12 nats is rounding error and counts as 0.

[Scores that are left out](left-out.md) says which scores are missing, and why.
"""
    (HERE / "conventions.md").write_text(text)


def main():
    """Write every page."""
    (HERE / "pictures").mkdir(exist_ok=True)
    kinds, ladder, tables = examples.kinds_and_ladder()
    codes, factors = examples.convention_table()
    for entry in ENTRIES:
        presets = []
        if entry.presets:
            presets = settings_by_preset(entry, codes, factors)
        page(entry, kinds.get(entry.name), ladder.get(entry.name), presets)
    which_page.write(kinds, tables, number, markdown)
    conventions(codes, factors)
    write_index()
    write_readme()


def write_index():
    """Write the list of all pages."""
    rows = [[f"[{e.name}]({e.name}.md)", e.kind, e.summary] for e in ENTRIES]
    index = "# Metrics\n\nStart with [which metric should I report?](which-metric.md), "
    index += "[conventions](conventions.md) and\n[intervals](intervals.md).\n"
    index += "[What is left out](left-out.md) says which scores are not here, and why.\n\n"
    (HERE / "index.md").write_text(index + markdown(["metric", "kind", ""], rows) + "\n")


def write_readme():
    """Write the package's table of scores by kind between its marks."""
    kinds = {}
    for entry in ENTRIES:
        kinds.setdefault(entry.kind, []).append(f"`{entry.name}`")
    table = markdown(["kind", "scores"], [[kind, " ".join(names)] for kind, names in kinds.items()])
    marked = r"(?s)(<!-- scores -->\n).*?(\n<!-- end -->)"
    text = re.sub(marked, lambda match: match[1] + table + match[2], README.read_text())
    README.write_text(text)


if __name__ == "__main__":
    main()
