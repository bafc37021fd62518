"""Named conventions: the settings of each study, metric by metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from unweave_metrics._arrays import check_choice, quoted
from unweave_metrics._options import check_options

DEFAULT = "locatello2019"

# Families that the default study does not have take another's conventions.
_OTHER_DEFAULT = {
    "infomec": "hsu2023",
    "rmig": "do2020",
    "z_diff": "carbonneau2022",
    "z_min_var": "carbonneau2022",
}

# What a metric uses where neither a preset nor the caller says otherwise. `samples` (rows drawn for
# an array metric) is None: every row; a preset that is asked for by name draws as many as its study
# did.
_BASE: dict[str, dict[str, Any]] = {
    "information": {
        "estimator": "bins",
        "bins": 20,
        "binning": "range",
        "bin_factors": False,
        "normalizer": "factor",
        "dead_codes": "zero",
        "bias_correction": "none",
        "samples": None,
    },
    "rmig": {"bins": 100, "low": -4.0, "high": 4.0, "normalize": False, "factor_bins": 20},
    "infomec": {
        "discrete_codes": False,
        "neighbors": 10,
        "active": "range",
        "active_fraction": 1 / 20,
        "dead_codes": "zero",
        "bins": 20,
        "samples": None,
    },
    "sap": {
        "predictor": "svm",
        "C": 0.01,
        "bins": 10,
        "bin_factors": False,
        "balanced": True,
        "evaluate_on": "test",
        "train_samples": None,
        "test_samples": None,
    },
    "dci": {
        "predictor": "histogram-boosting",
        "alpha": None,
        "scale": None,
        "completeness": "weighted",
        "dead_codes": "zero",
        "evaluate_on": "test",
        "test_fraction": 1 / 3,
        "bins": 10,
        "train_samples": None,
        "test_samples": None,
    },
    "probe": {"bins": 10, "train_samples": None, "test_samples": None},
    "explicitness": {
        "model": "multinomial",
        "C": 1.0,
        "balanced": False,
        "scale": "standard",
        "evaluate_on": "test",
        "rescale": False,
        "bins": 10,
        "bin_factors": False,
        "train_samples": None,
        "test_samples": None,
    },
    "factor_vae": {
        "train_votes": 10_000,
        "eval_votes": 5_000,
        "batch_size": 64,
        "variance_samples": 10_000,
        "prune_std": 0.05,
        "bins": 20,
        "rescale": False,
    },
    "beta_vae": {
        "train_points": 10_000,
        "eval_points": 5_000,
        "batch_size": 64,
        "bins": 20,
        "rescale": False,
    },
    "irs": {
        "quantile": 0.99,
        "bins": 20,
        "bin_factors": True,
        "binning": "range",
        "samples": None,
    },
    "z_diff": {
        "train_points": 10_000,
        "eval_points": 5_000,
        "batch_size": 200,
        "bins": 10,
        "bin_factors": False,
        "rescale": True,
    },
    "z_min_var": {
        "train_votes": 800,
        "eval_votes": 800,
        "batch_size": 200,
        "variance_samples": 10_000,
        "prune_std": 0.05,
        "bins": 10,
        "bin_factors": False,
        "rescale": True,
    },
}

_PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "locatello2019": {
        "information": {"samples": 10_000},
        "irs": {"samples": 10_000},
        "dci": {"train_samples": 10_000, "test_samples": 5_000},
        "explicitness": {"train_samples": 10_000, "test_samples": 5_000},
        "probe": {"train_samples": 10_000, "test_samples": 5_000},
        "sap": {"train_samples": 10_000, "test_samples": 5_000},
    },
    "gaujac2021": {
        "information": {"samples": 10_000},
        "sap": {"train_samples": 10_000, "test_samples": 5_000},
        "factor_vae": {"train_votes": 5_000, "eval_votes": 1_000},
    },
    # The batch is the one that the program of the review of 2022 gives for this paper.
    "kim2018": {"factor_vae": {"train_votes": 800, "eval_votes": 800, "batch_size": 200}},
    "carbonneau2022": {
        "information": {
            "bins": 10,
            "binning": "unit",
            "normalizer": "code",
            "dead_codes": "nan",
        },
        "sap": {"predictor": "tree", "evaluate_on": "train"},
        "irs": {"quantile": 1.0, "bins": 10, "bin_factors": False, "binning": "unit"},
        "dci": {
            "predictor": "lasso",
            "completeness": "mean",
            "dead_codes": "stop",
            "evaluate_on": "train",
        },
        "explicitness": {
            "model": "ovr",
            "balanced": True,
            "scale": "unit",
            "evaluate_on": "train",
            "rescale": True,
        },
    },
    "hsu2023": {
        "infomec": {"samples": 10_000, "dead_codes": "nan"},
        "dci": {"predictor": "random-forest", "test_fraction": 0.1},
    },
}


class Part(NamedTuple):
    """Metrics that a study computed for one kind of codes; none: only the reconstruction error.

    `codes` is ``"mean"`` or ``"sampled"``, `on` the images, ``"train"`` or ``"holdout"``, and
    `rows` their number, None for all.
    """

    metrics: tuple[str, ...]
    codes: str = "mean"
    on: str = "train"
    rows: int | None = None


# Of studies that did not score everything on the same codes.
_PARTS: dict[str, tuple[Part, ...]] = {
    # B. Gaujac, I. Feige, D. Barber, "Learning disentangled representations with the Wasserstein
    # autoencoder", 2021, appendix, and its published code.
    "gaujac2021": (
        Part((), codes="sampled", on="holdout", rows=10_000),
        Part(("sap", "factor-vae"), codes="sampled"),
        Part(("mig",)),
    ),
}


def parts_of(preset: str) -> tuple[Part, ...]:
    """Return the metrics and codes that a study scored; empty if the preset lists none.

    Raises
    ------
    ValueError
        If there is no such preset.

    Examples
    --------
    >>> [(part.metrics, part.codes) for part in parts_of("gaujac2021")[1:]]
    [(('sap', 'factor-vae'), 'sampled'), (('mig',), 'mean')]
    """
    return _PARTS.get(check_choice(preset, "preset", preset_names()), ())


def preset_names() -> tuple[str, ...]:
    """Return the names of all presets."""
    return tuple(_PRESETS)


def presets_of(family: str) -> tuple[str, ...]:
    """Return the names of the presets that fix settings of a family."""
    return tuple(name for name, families in _PRESETS.items() if family in families)


def settings_for(family: str, preset: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a metric family under a preset; given arguments (not None) win.

    Parameters
    ----------
    family
        Name of a group of settings, such as ``"information"``.
    preset
        A preset's name, or None: the conventions of ``"locatello2019"`` on every row.
    given
        The caller's values by name; None if not given.

    Raises
    ------
    ValueError
        If there is no such preset, or family.

    Examples
    --------
    >>> settings_for("factor_vae", "kim2018", {"batch_size": 64})["train_votes"]
    800
    >>> settings_for("information", "kim2018", {})["preset"]
    'locatello2019, every row'
    """
    if preset is not None:
        check_choice(preset, "preset", preset_names())
    settings = dict(_BASE[check_choice(family, "family", tuple(_BASE))])
    if preset is not None:
        settings |= _PRESETS[preset].get(family, {})
    if not isinstance(given, Mapping):
        raise TypeError(f"given must map settings to values, got {quoted(given)}")
    settings |= check_options({key: value for key, value in given.items() if value is not None})
    default = _OTHER_DEFAULT.get(family, DEFAULT)
    # A preset that says nothing about a metric is not what the metric followed.
    followed = preset is not None and (preset == default or family in _PRESETS[preset])
    return {"preset": preset if followed else f"{default}, every row", **settings}
