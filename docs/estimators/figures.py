"""Draw the figures of docs/estimators.md and fill its tables from results.json."""

import json
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
PAGE = HERE.parent / "estimators.md"
LINES = {
    ("mws", "batch"): ("batch mixture", "tab:orange", "s"),
    ("mws", "loo"): ("mws", "tab:blue", "o"),
    ("loo", "loo"): ("loo", "tab:green", "^"),
}


def rows_where(rows: list[dict], **conditions) -> list[dict]:
    """Return the rows that meet all conditions."""
    return [row for row in rows if all(row[k] == v for k, v in conditions.items())]


def grid(rows: list[dict], lines: list, value, label: str, path: Path) -> None:
    """Draw one panel for each noise and dimension, of correlated means."""
    noises = sorted({row["noise"] for row in rows})
    dims = sorted({row["dim"] for row in rows})
    figure, axes = plt.subplots(
        len(noises), len(dims), figsize=(8, 6.4), sharex=True, layout="constrained", squeeze=False
    )
    for axis_row, noise in zip(axes, noises, strict=True):
        for axis, dim in zip(axis_row, dims, strict=True):
            for key in lines:
                name, colour, marker = LINES[key]
                some = rows_where(
                    rows, noise=noise, dim=dim, correlated=True, estimator=key[0], constants=key[1]
                )
                some.sort(key=lambda row: row["batch"])
                batches = [row["batch"] for row in some]
                axis.plot(
                    batches,
                    [value(row) for row in some],
                    color=colour, marker=marker, ms=4, lw=1.2, label=name,
                )  # fmt: skip
            axis.axhline(0, color="0.6", lw=0.8)
            axis.set_xscale("log")
            axis.set_xticks(batches, [str(batch) for batch in batches])
            axis.minorticks_off()
            axis.set_title(f"D = {dim}, noise {noise}", fontsize=9)
            axis.tick_params(labelsize=8)
    axes[0][0].legend(fontsize=7, frameon=False)
    figure.supxlabel("batch size B", fontsize=9)
    figure.supylabel(label, fontsize=9)
    figure.savefig(path, dpi=110)


def draw_ratio(rows: list[dict], path: Path) -> None:
    """Draw estimated against true total correlation of the density ratio."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    truth = [row["tc"] for row in rows]
    left.plot(truth, truth, color="0.6", lw=0.8, label="exact")
    left.plot(truth, [row["estimate"] for row in rows], "o", ms=4, label="estimate")
    left.set(xlabel="total correlation, nats", ylabel="nats")
    left.legend(fontsize=8, frameon=False)
    for row in rows:
        right.plot(*zip(*row["curve"], strict=True), marker=".", lw=1, label=f"{row['tc']:g}")
        right.axhline(row["tc"], color="0.85", lw=0.8, zorder=0)
    right.set(xlabel="steps of the critic", ylabel="estimate, nats", xscale="log")
    steps = [125, 250, 500, 1000, 2000, 4000]
    right.set_xticks(steps, [str(step) for step in steps])
    right.minorticks_off()
    figure.legend(
        *right.get_legend_handles_labels(),
        loc="outside right center", fontsize=8, frameon=False, title="exact", title_fontsize=8,
    )  # fmt: skip
    figure.savefig(path, dpi=110)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(
        "| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]
    )


def batch_table(rows: list[dict], correlated: bool) -> str:
    """Return biases and standard deviations of the three terms as logged, in nats."""
    head = ["D", "noise", "B", "exact MI, TC, DWKL", "mws, loo: bias (std)"]
    head += ["mws, batch mixture: bias of MI, TC, DWKL", "cosine of TC gradient: mws, loo"]
    body = []
    for row in rows_where(rows, correlated=correlated, estimator="loo"):
        same = {k: row[k] for k in ("dim", "noise", "batch", "correlated")}
        (batch,) = rows_where(rows, **same, estimator="mws", constants="batch")
        (mws,) = rows_where(rows, **same, estimator="mws", constants="loo")
        pairs = zip(row["bias"], row["std"], strict=True)
        body.append(
            [
                str(row["dim"]),
                str(row["noise"]),
                str(row["batch"]),
                ", ".join(f"{x:.2f}" for x in row["exact"]),
                ", ".join(f"{bias:+.2f} ({std:.2f})" for bias, std in pairs),
                ", ".join(f"{x:+.2f}" for x in batch["bias"]),
                f"{mws['cosine']:.2f}, {row['cosine']:.2f}",
            ]
        )
    return table(head, body)


def ratio_table(rows: list[dict]) -> str:
    """Return what the trained critics say of codes held out, in nats."""
    head = ["exact TC", "mean exact log-ratio of the codes held out", "estimate"]
    head += ["bias (standard error)", "bias halfway", "cross-entropy above the best critic's"]
    body = []
    for row in rows:
        exact = row["exact_on_held_out"]
        halfway = row["curve"][-2][1] - exact
        bias = f"{row['estimate'] - exact:+.3f} ({row['se']:.3f})"
        body.append(
            [f"{row['tc']:g}", f"{exact:.3f}", f"{row['estimate']:.3f}", bias,
             f"{halfway:+.3f}", f"{row['excess']:.5f}"]
        )  # fmt: skip
    return table(head, body)


def plane_table(rows: list[dict]) -> str:
    """Return what trained critics say of codes near a plane, in nats."""
    head = ["distance from the plane", "exact TC", "estimate", "estimate halfway"]
    return table(
        head,
        [
            [f"{row['distance']:g}", f"{row['tc']:.1f}", f"{row['estimate']:.1f}",
             f"{row['curve'][-2][1]:.1f}"]
            for row in rows
        ],
    )  # fmt: skip


def mmd_table(rows: list[dict]) -> str:
    """Return mean and standard deviation of both statistics."""
    head = ["D", "codes", "B", "closed form", "U: mean (std)", "V: mean (std)"]
    return table(
        head,
        [
            [str(r["dim"]), f"N({r['shift']:g}, {r['scale']:g}²)", str(r["batch"]),
             f"{r['exact']:.4f}", "{:.4f} ({:.4f})".format(*r["u"]),
             "{:.4f} ({:.4f})".format(*r["v"])]
            for r in rows
        ],
    )  # fmt: skip


def main() -> None:
    """Draw and fill."""
    results = json.loads((HERE / "results.json").read_text())
    batch = results["batch"]
    both = [("mws", "loo"), ("loo", "loo")]
    grid(
        batch,
        [("mws", "batch"), ("mws", "loo")],
        lambda row: row["bias"][1],
        "bias of the total correlation, nats",
        HERE / "bias.png",
    )
    grid(
        batch,
        both,
        lambda row: row["cosine"],
        "cosine with the exact gradient",
        HERE / "cosine.png",
    )
    draw_ratio(results["ratio"], HERE / "ratio.png")
    tables = {
        "correlated": batch_table(batch, True),
        "independent": batch_table(batch, False),
        "ratio": ratio_table(results["ratio"]),
        "plane": plane_table(results["plane"]),
        "mmd": mmd_table(results["mmd"]),
    }
    page = PAGE.read_text()
    for name, text in tables.items():
        marked = rf"(<!-- table {name} -->\n).*?(<!-- end -->)"
        page = re.sub(marked, lambda m, t=text: f"{m[1]}\n{t}\n\n{m[2]}", page, flags=re.DOTALL)
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
