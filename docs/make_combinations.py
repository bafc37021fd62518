"""Write combinations.md: which posterior, prior and estimator go together, tried cell by cell.

Every cell trains a method of one estimator alone for ten steps on small digits, or is refused with
a sentence before the first. Run it as `python docs/make_combinations.py`.
"""

from __future__ import annotations

import itertools
import math
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

import unweave
from unweave.registry import registry

PAGE = Path(__file__).parent / "combinations.md"
POSTERIORS = (
    "gaussian", "gaussian:head=softplus", "fixed-noise", "deterministic", "flow:kind=iaf",
    "flow:kind=planar", "flow:kind=radial",
)  # fmt: skip
PRIORS = (
    "normal", "anisotropic-normal:scales=principal", "anisotropic-normal:learned=true",
    "student-t", "student-t:learned=true", "laplace", "spike-slab", "uniform",
    "gaussian-mixture", "gaussian-mixture:learned=true", "vamp:components=8", "flow",
)  # fmt: skip
ESTIMATORS = (
    "analytic-kl", "sampled-kl", "mws", "mss", "loo", "mws:dimension_wise=false",
    "hierarchical", "density-ratio:width=16,layers=2", "mmd", "mmd:per_dimension=true",
    "latent-gan:width=16,layers=2", "inclusive-kl", "variance", "dip", "prior-nll",
    "sliced-wasserstein", "code-norm", "decoder-l2", "decoder-gradient-penalty",
)  # fmt: skip
SETTINGS = {
    "data": "digits", "dim": 4, "steps": 10, "batch_size": 16, "log_every": 10,
    "architecture": "mlp:widths=16", "device": "cpu",
}  # fmt: skip
BAR = r"\|"
"""How a table of Markdown writes a bar."""
HOOKS = """
import pluggy
UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")

@hookimpl
def unweave_methods():
    return {"cell": "_cell:cell"}
"""
METHOD = '''
from unweave import Method, Term
from unweave.options import parse_spec

def cell(*, estimator: str) -> Method:
    """One estimator alone."""
    name, options = parse_spec(estimator)
    return Method((Term(name, 1.0, options),), "l2sq")
'''
HEAD = """# What goes with what

This page lists every combination of posterior, prior and estimator.
`+` means that it was trained for ten steps with a finite loss.
A letter means that it was refused before the first step, with the sentence below.
`python docs/make_combinations.py` writes the page, and a test repeats it.
`sinkhorn`, an extra, has the requirements of `sliced-wasserstein`.
"""


def install_method(folder: Path) -> None:
    """Register the method `cell` from a folder, as an installed plugin would."""
    info = folder / "cell-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cell\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[unweave]\ncell = _cell_hooks\n")
    (folder / "_cell_hooks.py").write_text(HOOKS)
    (folder / "_cell.py").write_text(METHOD)
    sys.path.insert(0, str(folder))
    registry.cache_clear()


def attempt(folder: Path, posterior: str, prior: str, estimator: str) -> str:
    """Train one cell; return "" or the sentence of the refusal."""
    combination = {"posterior": posterior, "prior": prior, "estimator": estimator}
    try:
        run = unweave.train("cell", out=folder, **combination, **SETTINGS)
    except ValueError as error:
        if (folder / "config.toml").exists():
            raise AssertionError(f"{combination}: refused after the run had begun") from error
        return str(error)
    if not math.isfinite(run.scalars()[-1]["loss"]):
        raise AssertionError(f"{combination}: the loss is not finite")
    return ""


def page() -> Iterator[str]:
    """Yield the page's blocks: a table per posterior, then the sentences."""
    yield HEAD
    reasons: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install_method(folder)
        for number, posterior in enumerate(POSTERIORS):
            rows = [
                ("estimator", *(f"`{prior}`" for prior in PRIORS)),
                ("---",) * (1 + len(PRIORS)),
            ]
            for estimator in ESTIMATORS:
                cells = []
                for prior in PRIORS:
                    run = folder / f"{number}-{len(rows)}-{len(cells)}"
                    sentence = attempt(run, posterior, prior, estimator)
                    letter = reasons.setdefault(sentence, _letter(len(reasons)))
                    cells.append(letter if sentence else "+")
                rows.append((f"`{estimator}`", *cells))
            grid = "\n".join(f"| {' | '.join(row)} |" for row in rows)
            yield f"## Posterior `{posterior}`\n\n{grid}\n"
    reasons.pop("", None)
    listed = sorted((letter, sentence) for sentence, letter in reasons.items())
    table = [f"| **{k}** | {sentence.replace('|', BAR)} |" for k, sentence in listed]
    yield "\n".join(["## Sentences", "", "| letter | sentence |", "| --- | --- |", *table]) + "\n"


def read_page() -> dict[tuple[str, str, str], str]:
    """Read the page: (posterior, prior, estimator) -> "" or the sentence of the refusal."""
    lines = PAGE.read_text().splitlines()
    rows = re.findall(r"^\| \*\*(\w+)\*\* \| (.*) \|$", "\n".join(lines), re.MULTILINE)
    sentences = {letter: sentence.replace(BAR, "|") for letter, sentence in rows}
    table, posterior = {}, ""
    for line in lines:
        if line.startswith("## Posterior"):
            posterior = line.split("`")[1]
        elif line.startswith("| `"):
            estimator, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            for prior, cell in zip(PRIORS, cells, strict=True):
                key = (posterior, prior, estimator.strip("`"))
                table[key] = "" if cell == "+" else sentences[cell]
    return table


def _letter(number: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = itertools.chain(letters, map("".join, itertools.product(letters, repeat=2)))
    return next(itertools.islice(names, number, None))


if __name__ == "__main__":
    torch.set_num_threads(1)
    start = time.monotonic()
    PAGE.write_text("\n".join(page()))
    print(f"{PAGE} in {time.monotonic() - start:.0f} s")
