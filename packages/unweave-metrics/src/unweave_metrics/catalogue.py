"""The metrics by name: where they are, what they need and what their numbers mean."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from unweave_metrics.score import Score


@dataclass(frozen=True)
class Entry:
    """One metric of the catalogue.

    `best` is ``"high"``, ``"low"`` or ``"-"`` where neither is better; `interval` says how its
    interval is made: ``"information"``, ``"votes"``, ``"rows"``, ``"refits"`` (few, for slow
    metrics) or ``""``.
    """

    name: str
    target: str
    summary: str
    best: str = "high"
    usual: bool = True
    interval: str = "rows"

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


_P = "unweave_metrics."

_ENTRIES = [
    Entry("mig", _P + "information:mig", "mutual information gap", interval="information"),
    Entry(
        "mig_sup", _P + "information_scores:mig_sup", "gap between factors, per code",
        interval="information",
    ),
    Entry(
        "jemmig", _P + "information_scores:jemmig", "gap less joint entropy",
        interval="information",
    ),
    Entry(
        "dcimig", _P + "information_scores:dcimig", "gaps of codes, the best one of each factor",
        interval="information",
    ),
    Entry(
        "modularity", _P + "information_scores:modularity", "one factor a code",
        interval="information",
    ),
    Entry("rmig", _P + "rmig:rmig", "gap of whole posteriors (nats)", usual=False),
    Entry("infomec", _P + "infomec:infomec", "InfoM; InfoE, InfoC", usual=False, interval="refits"),
    Entry("sap", _P + "sap:sap", "gap between single-code predictors"),
    Entry("dci", _P + "dci:dci", "disentanglement; completeness, informativeness",
          interval="refits"),
    Entry("dci_es", _P + "dci_es:dci_es", "ease of use; size", usual=False, interval="refits"),
    Entry("explicitness", _P + "explicitness:explicitness", "area under ROC of linear classifiers",
          interval="refits"),
    Entry("linear_probe", _P + "probes:linear_probe", "linear test accuracy", interval="refits"),
    Entry("downstream", _P + "probes:downstream", "cross-validated test accuracy", usual=False,
          interval="refits"),
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
    Entry(
        "gaussian_total_correlation", _P + "unsupervised:gaussian_total_correlation",
        "dependence of a Gaussian fit (nats)", "low",
    ),
    Entry(
        "gaussian_wasserstein", _P + "unsupervised:gaussian_wasserstein",
        "distance from independence", "low",
    ),
    Entry(
        "mutual_information_score", _P + "unsupervised:mutual_information_score",
        "mean information of pairs of codes (nats)", "low",
    ),
    Entry(
        "total_correlation_knn", _P + "nearest:total_correlation_knn",
        "total correlation by neighbours (nats)", "low", usual=False, interval="",
    ),
    Entry("hoyer_sparsity", _P + "unsupervised:hoyer_sparsity", "few codes an input", "-"),
    Entry("active_units", _P + "unsupervised:active_units", "codes that vary", "-", interval=""),
    Entry(
        "reconstruction_error", _P + "images:reconstruction_error", "loss summed over pixels",
        "low", interval="",
    ),
    Entry("psnr", _P + "images:psnr", "peak signal-to-noise ratio (dB)", interval=""),
    Entry("ssim", _P + "images:ssim", "structural similarity", usual=False, interval=""),
    Entry(
        "laplacian_variance", _P + "images:laplacian_variance", "sharpness", "-", interval="",
    ),
]  # fmt: skip

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}


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
    close = difflib.get_close_matches(wanted, CATALOGUE, n=len(CATALOGUE), cutoff=0.5)
    others = [known for known in CATALOGUE if known not in close]
    raise ValueError(f"no metric is called {name!r}; known are {', '.join(close + others)}")


def accepted(function: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return those of the options that a function takes."""
    parameters = inspect.signature(function).parameters
    return {key: value for key, value in options.items() if key in parameters}
