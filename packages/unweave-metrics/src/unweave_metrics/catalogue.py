"""The metrics by name: where they are, what they need and what their numbers mean."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from unweave_metrics.intervals import POPULATION, SAME_SIZE
from unweave_metrics.recounting import CodePairs, Information
from unweave_metrics.score import Score
from unweave_metrics.signatures import accepted, array_names
from unweave_metrics.strategies import Halves, Images, Refits, Rows, Strategy, Votes

UNIT = (0.0, 1.0)
UPWARD = (0.0, float("inf"))
ANY = (-float("inf"), float("inf"))


@dataclass(frozen=True)
class Entry:
    """One metric of the catalogue.

    `best` is ``"high"``, ``"low"`` or ``"-"`` where neither is better; `bounds` are the least and
    largest value; `usual` ones are computed unless others are named; `interval` says how its
    interval is made; `threads` whether several may run at a time.
    """

    name: str
    target: str
    summary: str
    interval: Strategy
    best: str = "high"
    bounds: tuple[float, float] = UNIT
    usual: bool = True
    threads: bool = True

    @property
    def function(self) -> Callable[..., Score]:
        """Return the metric itself, imported now."""
        module, _, attribute = self.target.partition(":")
        found: Callable[..., Score] = getattr(import_module(module), attribute)
        return found

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the names of the arrays that it is called with."""
        return array_names(self.function)

    def arguments(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of the arrays that it is called with: what it needs, and `std` if it may."""
        names = [*self.needs, *(name for name in ("std",) if accepted(self.function, {name: 0}))]
        return {name: arrays[name] for name in names if name in arrays}


_P = "unweave_metrics."

_ENTRIES = [
    Entry("mig", _P + "mig:mig", "mutual information gap", Information()),
    Entry("mig_sup", _P + "mig_sup:mig_sup", "gap between factors, per code", Information()),
    Entry("jemmig", _P + "jemmig:jemmig", "gap less joint entropy", Information()),
    Entry("dcimig", _P + "dcimig:dcimig", "gaps of codes, the best one of each factor",
          Information()),
    Entry("modularity", _P + "modularity:modularity", "one factor a code",
          Information(SAME_SIZE, "centred")),
    Entry("rmig", _P + "rmig:rmig", "gap of whole posteriors (nats)", Rows(seconds=5.0),
          bounds=UPWARD, usual=False),
    Entry("infomec", _P + "infomec:infomec", "InfoM; InfoE, InfoC", Refits(seconds=0.5),
          usual=False, threads=False),
    Entry("sap", _P + "sap:sap", "gap between single-code predictors", Refits(seconds=0.01)),
    Entry("dci", _P + "dci:dci", "disentanglement; completeness, informativeness",
          Refits(seconds=0.6)),
    Entry("dci_es", _P + "dci_es:dci_es", "ease of use; size", Refits(seconds=0.6), usual=False,
          threads=False),
    Entry("explicitness", _P + "explicitness:explicitness", "area under ROC of linear classifiers",
          Refits(seconds=0.06)),
    Entry("linear_probe", _P + "probes:linear_probe", "linear test accuracy",
          Refits(seconds=0.05)),
    Entry("downstream", _P + "probes:downstream", "cross-validated test accuracy",
          Refits(seconds=1.4), usual=False),
    Entry("factor_vae", _P + "factor_vae:factor_vae", "FactorVAE score", Votes()),
    Entry("beta_vae", _P + "beta_vae:beta_vae", "beta-VAE score", Votes()),
    Entry("irs", _P + "irs:irs", "interventional robustness",
          Rows(SAME_SIZE, "centred", seconds=0.1)),
    Entry("z_diff", _P + "beta_vae:z_diff", "beta-VAE score on given rows", Votes(), bounds=ANY,
          usual=False),
    Entry("z_min_var", _P + "z_var:z_min_var", "FactorVAE score on given rows", Votes(),
          bounds=ANY, usual=False),
    Entry("z_max_var", _P + "z_var:z_max_var", "most varying code, one factor free", Votes(),
          bounds=ANY, usual=False),
    Entry("mcc", _P + "mcc:mcc", "mean correlation of matched codes", Rows(), usual=False),
    Entry("gaussian_total_correlation", _P + "unsupervised:gaussian_total_correlation",
          "dependence of a Gaussian fit (nats)", Rows(), "low", UPWARD),
    Entry("gaussian_wasserstein", _P + "unsupervised:gaussian_wasserstein",
          "distance from independence", Rows(), "low", UPWARD),
    Entry("mutual_information_score", _P + "unsupervised:mutual_information_score",
          "mean information of pairs of codes (nats)", CodePairs(SAME_SIZE, "centred"), "low", ANY),
    Entry("total_correlation_knn", _P + "nearest:total_correlation_knn",
          "total correlation by neighbours (nats)", Halves(), "low", ANY, usual=False),
    Entry("hoyer_sparsity", _P + "unsupervised:hoyer_sparsity", "few codes an input", Rows(), "-"),
    Entry("active_units", _P + "unsupervised:active_units", "codes that vary",
          Rows(method="percentile"), "-", UPWARD),
    Entry("reconstruction_error", _P + "images:reconstruction_error", "loss summed over pixels",
          Images(), "low", UPWARD),
    Entry("psnr", _P + "images:psnr", "peak signal-to-noise ratio (dB)", Images(), bounds=ANY),
    Entry("ssim", _P + "images:ssim", "structural similarity", Images(), bounds=(-1.0, 1.0),
          usual=False),
    Entry("laplacian_variance", _P + "images:laplacian_variance", "sharpness", Images(), "-",
          UPWARD),
    Entry("udr", _P + "udr:udr", "unsupervised ranking: agreement between models",
          Rows(seconds=0.5), usual=False),
    Entry("mmd", _P + "sets:mmd", "maximum mean discrepancy of two sets, squared",
          Halves(POPULATION, paired=False), "low", ANY, usual=False),
    Entry("frechet_distance", _P + "sets:frechet_distance",
          "distance of Gaussians fitted to two sets", Rows(paired=False), "low", UPWARD,
          usual=False),
    Entry("kernel_distance", _P + "sets:kernel_distance", "polynomial discrepancy of two sets",
          Halves(POPULATION, paired=False), "low", ANY, usual=False),
]  # fmt: skip

EVERY: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}

# Functions of several models or sets, which no single table holds.
SEVERAL = ("udr", "mmd", "frechet_distance", "kernel_distance")

CATALOGUE = {name: entry for name, entry in EVERY.items() if name not in SEVERAL}


def find_metric(name: str) -> Entry:
    """Return the entry of a metric, its name written with ``_`` or ``-``.

    Raises
    ------
    ValueError: no such metric; the message lists the known ones, the closest first.

    Examples
    --------
    >>> find_metric("factor-vae").summary
    'FactorVAE score'
    """
    wanted = name.strip().lower().replace("-", "_")
    if wanted in CATALOGUE:
        return CATALOGUE[wanted]
    if wanted in SEVERAL:
        raise ValueError(f"{wanted} compares several arrays: call unweave_metrics.{wanted}")
    close = difflib.get_close_matches(wanted, CATALOGUE, n=len(CATALOGUE), cutoff=0.5)
    others = [known for known in CATALOGUE if known not in close]
    raise ValueError(f"no metric is called {name!r}; known are {', '.join(close + others)}")
