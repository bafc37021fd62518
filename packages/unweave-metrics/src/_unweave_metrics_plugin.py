"""Hooks of unweave-metrics."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_metrics() -> dict[str, str]:
    """Name the metrics of a table of codes, of images, and of two sets of rows."""
    return {
        "mig": "unweave_metrics.mig:mig",
        "mig-sup": "unweave_metrics.mig_sup:mig_sup",
        "jemmig": "unweave_metrics.jemmig:jemmig",
        "dcimig": "unweave_metrics.dcimig:dcimig",
        "modularity": "unweave_metrics.modularity:modularity",
        "rmig": "unweave_metrics.rmig:rmig",
        "infomec": "unweave_metrics.infomec:infomec",
        "sap": "unweave_metrics.sap:sap",
        "dci": "unweave_metrics.dci:dci",
        "dci-es": "unweave_metrics.dci_es:dci_es",
        "explicitness": "unweave_metrics.explicitness:explicitness",
        "linear-probe": "unweave_metrics.probes:linear_probe",
        "downstream": "unweave_metrics.probes:downstream",
        "factor-vae": "unweave_metrics.factor_vae:factor_vae",
        "beta-vae": "unweave_metrics.beta_vae:beta_vae",
        "irs": "unweave_metrics.irs:irs",
        "z-diff": "unweave_metrics.beta_vae:z_diff",
        "z-min-var": "unweave_metrics.z_var:z_min_var",
        "z-max-var": "unweave_metrics.z_var:z_max_var",
        "mcc": "unweave_metrics.mcc:mcc",
        "gaussian-total-correlation": "unweave_metrics.unsupervised:gaussian_total_correlation",
        "gaussian-wasserstein": "unweave_metrics.unsupervised:gaussian_wasserstein",
        "mutual-information-score": "unweave_metrics.unsupervised:mutual_information_score",
        "total-correlation-knn": "unweave_metrics.nearest:total_correlation_knn",
        "hoyer-sparsity": "unweave_metrics.unsupervised:hoyer_sparsity",
        "active-units": "unweave_metrics.unsupervised:active_units",
        "reconstruction-error": "unweave_metrics.images:reconstruction_error",
        "psnr": "unweave_metrics.images:psnr",
        "ssim": "unweave_metrics.images:ssim",
        "laplacian-variance": "unweave_metrics.images:laplacian_variance",
        "mmd": "unweave_metrics.sets:mmd",
        "frechet-distance": "unweave_metrics.sets:frechet_distance",
        "kernel-distance": "unweave_metrics.sets:kernel_distance",
    }
