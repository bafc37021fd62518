"""Disentanglement metrics of arrays: fast, with named conventions, without torch."""

from unweave_metrics.beta_vae import beta_vae, z_diff
from unweave_metrics.bootstrap import bootstrap
from unweave_metrics.catalogue import find_metric
from unweave_metrics.compare import compare, paired_test, summarize
from unweave_metrics.dci import dci
from unweave_metrics.dci_es import dci_es
from unweave_metrics.dcimig import dcimig
from unweave_metrics.evaluate import evaluate
from unweave_metrics.explicitness import explicitness
from unweave_metrics.factor_vae import factor_vae
from unweave_metrics.images import laplacian_variance, psnr, reconstruction_error, ssim
from unweave_metrics.infomec import infomec
from unweave_metrics.information import information_table
from unweave_metrics.information_scores import scores_of
from unweave_metrics.irs import irs
from unweave_metrics.jemmig import jemmig
from unweave_metrics.mcc import mcc
from unweave_metrics.mig import mig
from unweave_metrics.mig_sup import mig_sup
from unweave_metrics.modularity import modularity
from unweave_metrics.nearest import total_correlation_knn
from unweave_metrics.presets import preset_names, settings_for
from unweave_metrics.probes import downstream, linear_probe
from unweave_metrics.reading import read_code_table, read_code_tables
from unweave_metrics.rmig import rmig
from unweave_metrics.sap import sap
from unweave_metrics.score import Score
from unweave_metrics.scoretable import ScoreTable
from unweave_metrics.sets import frechet_distance, kernel_distance, mmd
from unweave_metrics.tables import CodeTable, write_code_table, write_code_tables
from unweave_metrics.udr import udr
from unweave_metrics.unsupervised import (
    active_units,
    gaussian_total_correlation,
    gaussian_wasserstein,
    hoyer_sparsity,
    mutual_information_score,
)
from unweave_metrics.z_var import z_max_var, z_min_var

__version__ = "0.1.0"

__all__ = [
    "CodeTable",
    "Score",
    "ScoreTable",
    "active_units",
    "beta_vae",
    "bootstrap",
    "compare",
    "dci",
    "dci_es",
    "dcimig",
    "downstream",
    "evaluate",
    "explicitness",
    "factor_vae",
    "find_metric",
    "frechet_distance",
    "gaussian_total_correlation",
    "gaussian_wasserstein",
    "hoyer_sparsity",
    "infomec",
    "information_table",
    "irs",
    "jemmig",
    "kernel_distance",
    "laplacian_variance",
    "linear_probe",
    "mcc",
    "mig",
    "mig_sup",
    "mmd",
    "modularity",
    "mutual_information_score",
    "paired_test",
    "preset_names",
    "psnr",
    "read_code_table",
    "read_code_tables",
    "reconstruction_error",
    "rmig",
    "sap",
    "scores_of",
    "settings_for",
    "ssim",
    "summarize",
    "total_correlation_knn",
    "udr",
    "write_code_table",
    "write_code_tables",
    "z_diff",
    "z_max_var",
    "z_min_var",
]
