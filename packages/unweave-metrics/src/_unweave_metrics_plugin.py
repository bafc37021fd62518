"""Hooks of unweave-metrics."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")

# Written out, because importing the catalogue takes half a second of every command; a test
# compares them. Each metric is a function in a module of its own name.
ROOMS = {
    "information": (
        "mig", "mig_sup", "jemmig", "dcimig", "modularity", "rmig", "infomec", "med",
        "minimality", "sufficiency", "precision_area", "dmig", "xmig", "dlig",
    ),
    "predictors": (
        "sap", "dci", "dci_es", "explicitness", "linear_probe", "downstream", "r2",
        "mcc_regression", "fairness",
    ),
    "interventions": (
        "factor_vae", "beta_vae", "irs", "z_diff", "z_min_var", "z_max_var",
    ),
    "pairs": (
        "mcc", "reconstruction_error", "psnr", "ssim", "laplacian_variance", "udr", "mmd",
        "frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage",
        "smoothness", "monotonicity",
    ),
    "unsupervised": (
        "gaussian_total_correlation", "gaussian_wasserstein", "mutual_information_score",
        "total_correlation_knn", "hoyer_sparsity", "active_units",
        "factorized_support", "wsepin", "windin",
    ),
}  # fmt: skip


@hookimpl
def unweave_metrics() -> dict[str, str]:
    """Name the metrics: of codes, of images, and of two sets of rows."""
    return {
        name.replace("_", "-"): f"unweave_metrics.{room}.{name}:{name}"
        for room, names in ROOMS.items()
        for name in names
    }
