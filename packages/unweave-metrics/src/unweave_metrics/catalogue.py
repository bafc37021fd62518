"""The metrics by name: where they are, what they need and what their numbers mean."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from unweave_metrics.score import Score


@dataclass(frozen=True)
class Entry:
    """One metric of the catalogue.

    `best` is ``"high"``, ``"low"`` or ``"-"`` where neither is better; `interval` says how its
    interval is made: ``"information"``, ``"votes"``, ``"rows"``, ``"images"``, ``"refits"`` or
    ``""``. A refit is reckoned to take `seconds` per million of (rows x codes + 10,000) x
    classes; `threads` says whether several may run at a time.
    """

    name: str
    target: str
    summary: str
    best: str = "high"
    usual: bool = True
    interval: str = "rows"
    seconds: float = 0.0
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
        parameters = inspect.signature(self.function).parameters.values()
        return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)

    def arguments(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of the arrays that it is called with: what it needs, and `std` if it may."""
        names = [*self.needs, *(name for name in ("std",) if accepted(self.function, {name: 0}))]
        return {name: arrays[name] for name in names if name in arrays}


_P = "unweave_metrics."

_ENTRIES = [
    Entry("mig", _P + "mig:mig", "mutual information gap", interval="information"),
    Entry("mig_sup", _P + "mig_sup:mig_sup", "gap between factors, per code",
          interval="information"),
    Entry("jemmig", _P + "jemmig:jemmig", "gap less joint entropy",
          interval="information"),
    Entry("dcimig", _P + "dcimig:dcimig", "gaps of codes, the best one of each factor",
          interval="information"),
    Entry("modularity", _P + "modularity:modularity", "one factor a code",
          interval="information"),
    Entry("rmig", _P + "rmig:rmig", "gap of whole posteriors (nats)", usual=False,
          interval="refits", seconds=0.01),
    Entry("infomec", _P + "infomec:infomec", "InfoM; InfoE, InfoC", usual=False,
          interval="refits", seconds=0.5, threads=False),
    Entry("sap", _P + "sap:sap", "gap between single-code predictors", interval="refits",
          seconds=0.01),
    Entry("dci", _P + "dci:dci", "disentanglement; completeness, informativeness",
          interval="refits", seconds=0.6),
    Entry("dci_es", _P + "dci_es:dci_es", "ease of use; size", usual=False, interval="refits",
          seconds=0.6, threads=False),
    Entry("explicitness", _P + "explicitness:explicitness", "area under ROC of linear classifiers",
          interval="refits", seconds=0.06),
    Entry("linear_probe", _P + "probes:linear_probe", "linear test accuracy", interval="refits",
          seconds=0.05),
    Entry("downstream", _P + "probes:downstream", "cross-validated test accuracy", usual=False,
          interval="refits", seconds=1.4),
    Entry("factor_vae", _P + "factor_vae:factor_vae", "FactorVAE score", interval="votes"),
    Entry("beta_vae", _P + "beta_vae:beta_vae", "beta-VAE score", interval="votes"),
    Entry("irs", _P + "irs:irs", "interventional robustness"),
    Entry("z_diff", _P + "beta_vae:z_diff", "beta-VAE score on given rows", usual=False,
          interval="votes"),
    Entry("z_min_var", _P + "z_var:z_min_var", "FactorVAE score on given rows", usual=False,
          interval="votes"),
    Entry("z_max_var", _P + "z_var:z_max_var", "most varying code, one factor free", usual=False,
          interval="votes"),
    Entry("mcc", _P + "mcc:mcc", "mean correlation of matched codes", usual=False),
    Entry("gaussian_total_correlation", _P + "unsupervised:gaussian_total_correlation",
          "dependence of a Gaussian fit (nats)", "low"),
    Entry("gaussian_wasserstein", _P + "unsupervised:gaussian_wasserstein",
          "distance from independence", "low"),
    Entry("mutual_information_score", _P + "unsupervised:mutual_information_score",
          "mean information of pairs of codes (nats)", "low"),
    Entry("total_correlation_knn", _P + "nearest:total_correlation_knn",
          "total correlation by neighbours (nats)", "low", usual=False, interval=""),
    Entry("hoyer_sparsity", _P + "unsupervised:hoyer_sparsity", "few codes an input", "-"),
    Entry("active_units", _P + "unsupervised:active_units", "codes that vary", "-", interval=""),
    Entry("reconstruction_error", _P + "images:reconstruction_error", "loss summed over pixels",
          "low", interval="images"),
    Entry("psnr", _P + "images:psnr", "peak signal-to-noise ratio (dB)", interval="images"),
    Entry("ssim", _P + "images:ssim", "structural similarity", usual=False, interval="images"),
    Entry("laplacian_variance", _P + "images:laplacian_variance", "sharpness", "-",
          interval="images"),
]  # fmt: skip

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}


# Functions of several models or sets, which no single table holds.
SEVERAL = ("udr", "mmd", "frechet_distance", "kernel_distance")


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


def accepted(function: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return those of the options that a function takes."""
    parameters = inspect.signature(function).parameters
    return {key: value for key, value in options.items() if key in parameters}
