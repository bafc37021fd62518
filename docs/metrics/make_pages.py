"""Write the pages of this folder from docstrings and from real runs.

python docs/metrics/make_pages.py
"""

# ruff: noqa: E501 (tables of text)
import inspect
from pathlib import Path

import numpy as np

import unweave_metrics as um
from unweave_metrics.catalogue import CATALOGUE

HERE = Path(__file__).parent
SEED = 0

# What each score rewards, what it misses, and how its cost grows.
ABOUT = {
    "mig": ("a factor that one code knows alone", "codes that mix factors, as long as the gap is wide", "O(n d k)"),
    "mig_sup": ("a code that knows one factor", "factors that no code knows; spare codes lower it", "O(n d k)"),
    "jemmig": ("as MIG, and codes that know nothing else", "how many codes share the rest", "O(n d k)"),
    "dcimig": ("as MIG-sup, once per factor", "redundant codes", "O(n d k)"),
    "modularity": ("codes that know one factor each", "factors that no code knows; noise codes get about .6 at 3,000 rows", "O(n d k)"),
    "rmig": ("as MIG, with the spread of the posterior", "mass outside the range", "O(n d bins)"),
    "infomec": ("InfoM: one factor a code; InfoC: one code a factor; InfoE: linear readability", "nothing of the three together: report all", "O(n log n d k)"),
    "sap": ("a factor that one code alone separates linearly", "non-monotone codes; it depends on the codes' scale", "O(n log n d + n d k)"),
    "dci": ("sparse importances", "what the predictor cannot use; boosted trees memorise noise on small grids", "O(rounds classes n d)"),
    "dci_es": ("factors that small predictors read", "which codes they read", "forests of 8 depths"),
    "explicitness": ("linearly separable classes, from all codes", "any entanglement that a linear map undoes", "O(iterations n d classes)"),
    "linear_probe": ("linearly readable factors", "as explicitness", "O(iterations n d classes)"),
    "downstream": ("factors that simple predictors read", "the shape of the code", "50 fits a factor"),
    "factor_vae": ("a code that stays still when one factor does", "how well the code tells values; it saturates at 1", "O(votes batch d)"),
    "beta_vae": ("differences that tell the shared factor, linearly", "saturates soonest; scale matters", "O(points batch d)"),
    "irs": ("codes that stay put while other factors change", "weights in raw units: one wide noise code decides", "O(n d k)"),
    "z_diff": ("as beta-VAE", "saturates", "O(points batch d)"),
    "z_min_var": ("as FactorVAE", "saturates", "O(votes batch d)"),
    "z_max_var": ("a code that moves when one factor alone does", "needs rows that share all other factors", "O(votes batch d)"),
    "mcc": ("one code a factor, linear or monotone", "classes without an order", "O(n d k + d^3)"),
    "gaussian_total_correlation": ("uncorrelated codes", "any other dependence; factors", "O(n d^2)"),
    "gaussian_wasserstein": ("uncorrelated codes", "as total correlation; in squared units", "O(n d^2)"),
    "mutual_information_score": ("pairwise independent codes", "dependence of three; biased upward at small n", "O(n d^2)"),
    "total_correlation_knn": ("independent codes", "heavy ties; high d biases it", "O(n^1.5 d)"),
    "hoyer_sparsity": ("few active codes an input", "which ones; codes far from zero", "O(n d)"),
    "active_units": ("nothing: a count", "-", "O(n d)"),
    "reconstruction_error": ("close pixels", "what matters to the eye", "O(pixels)"),
    "psnr": ("close pixels, on a logarithmic scale", "as the error", "O(pixels)"),
    "ssim": ("close structure in 7 x 7 windows", "global shifts of brightness in part", "O(pixels)"),
    "laplacian_variance": ("sharp edges; and noise", "what the edges show", "O(pixels)"),
}  # fmt: skip


def codes_of(kind, factors, rng):
    """Return codes of one kind for factors (n, 3) of 4 values each."""
    base = factors - 1.5
    if kind == "rotated":
        return base @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    if kind == "redundant":
        return np.hstack([base, base])
    if kind == "noisy":
        return base + rng.normal(size=base.shape)
    if kind == "entangled":
        return np.tanh(base @ rng.normal(size=(3, 3))) + 0.1 * rng.normal(size=base.shape)
    return base


KINDS = ("perfect", "rotated", "redundant", "noisy", "entangled")


def scores_of_kinds(rows=600):
    """Return metric -> values for each kind of codes."""
    factors = np.random.default_rng(SEED).integers(0, 4, size=(rows, 3))
    names = [entry.name for entry in CATALOGUE.values() if "codes" in entry.needs]
    table = {name: [] for name in names}
    for kind in KINDS:
        codes = codes_of(kind, factors, np.random.default_rng(SEED + 1))
        found = um.evaluate(codes, factors, metrics=names)
        for name in names:
            table[name].append(float(found[name]) if name in found else float("nan"))
    return table


def number(value):
    """Return two decimals, or a dash."""
    return "-" if not np.isfinite(value) else f"{value:.2f}"


def markdown(heads, rows):
    """Return a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in [heads, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]])


def picture(name, values):
    """Draw the scores of the five kinds of codes."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 2), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.bar(KINDS, np.nan_to_num(values), color="#3b6ea5")
    axes.set_ylabel(name)
    figure.savefig(HERE / "pictures" / f"{name}.svg", metadata={"Date": None})


def page(entry, values):
    """Write the page of one metric."""
    rewards, misses, cost = ABOUT[entry.name]
    best = {"high": "Higher is better.", "low": "Lower is better.", "-": "Neither end is better."}
    parts = [f"# {entry.name}", f"{entry.summary.capitalize()}. {best[entry.best]}"]
    parts.append(f"Rewards: {rewards}.\n\nMisses: {misses}.\n\nCost: {cost} time.")
    if values is not None:
        picture(entry.name, values)
        row = [number(value) for value in values]
        parts.append(markdown(list(KINDS), [row]))
        parts.append(f"![scores of five kinds of codes](pictures/{entry.name}.svg)")
    signature = inspect.signature(entry.function)
    options = [f"{p.name}={p.default!r}" for p in signature.parameters.values() if p.kind == 3]
    needs = ", ".join(entry.needs)
    call = f"{entry.name}({needs}" + (f", *, {', '.join(options)})" if options else ")")
    parts.append(f"```python\n{call}\n```")
    parts.append("```text\n" + inspect.getdoc(entry.function) + "\n```")
    (HERE / f"{entry.name}.md").write_text("\n\n".join(parts) + "\n")


def which_metric(table):
    """Write the page that helps to choose."""
    rows = [[f"[{name}]({name}.md)", *map(number, values)] for name, values in table.items()]
    text = f"""# Which metric should I report?

Five kinds of codes of the same three factors with four values each, 600 rows: the factors themselves
(perfect), a random rotation of them, each code twice (redundant), with noise of the size of a step (noisy),
and squashed random mixtures (entangled). Made by `docs/metrics/make_pages.py`.

{markdown(["metric", *KINDS], rows)}

What the table shows:

- Scores of intervention (factor_vae, beta_vae, z_diff, z_min_var) are at or near their best for rotated
  codes too: they saturate. Do not report one of them alone.
- mig and sap punish redundant codes, modularity and dci's disentanglement do not: say which you mean.
- explicitness, linear_probe and downstream do not see a rotation at all: they say whether information is there.
- Scores without factors see dependence between codes only. Gaussian ones do not see a rotation; those from
  counts or neighbours do, because a rotated grid of independent factors is not independent.

Report mig (compactness), dci's three parts (with the predictor named), and linear_probe or
explicitness; add an interval, several seeds and the preset.
"""
    (HERE / "which-metric.md").write_text(text)


def conventions(rows=1_200):
    """Write the page of what the presets change, with a number for each."""
    rng = np.random.default_rng(SEED)
    factors = np.stack([rng.integers(0, size, rows) for size in (3, 6, 10)], axis=1)
    codes = factors / np.array([3, 6, 10]) + 0.1 * rng.normal(size=factors.shape)
    codes = np.column_stack([codes, rng.normal(size=rows), 0.02 * rng.normal(size=rows)])
    cases = [
        ("mig", "H(factor), 20 bins", {}),
        ("mig", "10 bins", {"bins": 10}),
        ("mig", "40 bins", {"bins": 40}),
        ("mig", "H(code), 10 bins, unit range", {"preset": "carbonneau2022"}),
        ("mig", "factors binned too", {"preset": "carbonneau2022", "bin_factors": True}),
        ("modularity", "20 bins, dead codes 0", {}),
        ("modularity", "10 bins, dead codes NaN", {"preset": "carbonneau2022"}),
        ("sap", "machine, test rows", {}),
        ("sap", "tree of chosen depth, train rows", {"preset": "carbonneau2022"}),
        ("sap", "squared correlation", {"predictor": "linear"}),
        ("dci", "boosting, weighted completeness", {}),
        ("dci", "lasso, cross-validated", {"preset": "carbonneau2022"}),
        ("dci", "forest, a tenth held out", {"preset": "hsu2023"}),
        ("explicitness", "multinomial, test rows, .5 to 1", {}),
        ("explicitness", "one-versus-rest, train rows, 0 to 1", {"preset": "carbonneau2022"}),
        ("factor_vae", "10,000 + 5,000 votes of 64", {}),
        ("factor_vae", "5,000 + 1,000 votes", {"preset": "gaujac2021"}),
        ("factor_vae", "800 + 800 votes of 200", {"preset": "kim2018"}),
        ("factor_vae", "no pruning", {"prune_std": 0.0}),
        ("z_min_var", "values uniform, rescaled", {"preset": "carbonneau2022"}),
        ("irs", ".99 quantile, factors in 20 bins", {}),
        ("irs", "maximum, factors as they are", {"preset": "carbonneau2022"}),
    ]
    lines = []
    for name, what, options in cases:
        preset = options.get("preset", "(default)")
        value = float(getattr(um, name)(codes, factors, **options))
        lines.append([name, preset, what, f"{value:.4f}"])
    text = f"""# Conventions

A name such as MIG stands for several formulas. A preset fixes one; every setting is an argument too, and
`score.settings` says what was used. One example: three factors (3, 6, 10 values) with a noisy code each, a
pure-noise code and a nearly constant one, {rows:,} rows. Made by `docs/metrics/make_pages.py`.

{markdown(["metric", "preset", "convention", "value"], lines)}

Without a preset: the conventions of `locatello2019` on every row. With `preset="locatello2019"` also its sample
sizes: 10,000 rows for information scores and IRS, 10,000 train and 5,000 test rows for predictors.

Remaining differences from the programs that the presets are named after:

- `sap`: the machine is solved to machine precision, there to 1e-4; matrices differ by at most .0007.
- `dci` by `histogram-boosting`: splits are exact, ties between equal codes are broken by another generator, which
  moves completeness of duplicated codes by up to .015. `predictor="gradient-boosting"` is the original.
- `explicitness` under `carbonneau2022`: older solvers stop elsewhere, up to .0003.
- `gaujac2021` scores sampled codes for SAP and FactorVAE: draw them from mean and std first; a table of
  means is scored as means.
- `hsu2023`: an active code without any information makes InfoM NaN; the seed gives the original's jitter.
- A code whose information is below 1e-12 nats counts as knowing nothing: that is rounding.
"""
    (HERE / "conventions.md").write_text(text)


def main():
    """Write every page."""
    (HERE / "pictures").mkdir(exist_ok=True)
    table = scores_of_kinds()
    for entry in CATALOGUE.values():
        page(entry, table.get(entry.name))
    which_metric(table)
    conventions()
    rows = [[f"[{e.name}]({e.name}.md)", e.summary] for e in CATALOGUE.values()]
    index = "# Metrics\n\nStart with [which metric should I report?](which-metric.md) and "
    index += "[conventions](conventions.md).\n\n" + markdown(["metric", ""], rows) + "\n"
    (HERE / "index.md").write_text(index)


if __name__ == "__main__":
    main()
