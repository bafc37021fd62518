"""Disentanglement metrics of arrays: fast, with named conventions, without torch."""

# isort: off
# One line per metric, in the order of the catalogue and of every list that is made of it.
from unweave_metrics.information.mig import mig as mig
from unweave_metrics.information.mig_sup import mig_sup as mig_sup
from unweave_metrics.information.jemmig import jemmig as jemmig
from unweave_metrics.information.dcimig import dcimig as dcimig
from unweave_metrics.information.modularity import modularity as modularity
from unweave_metrics.information.rmig import rmig as rmig
from unweave_metrics.information.infomec import infomec as infomec
from unweave_metrics.information.med import med as med
from unweave_metrics.information.minimality import minimality as minimality
from unweave_metrics.information.sufficiency import sufficiency as sufficiency
from unweave_metrics.information.precision_area import precision_area as precision_area
from unweave_metrics.information.dmig import dmig as dmig
from unweave_metrics.information.xmig import xmig as xmig
from unweave_metrics.information.dlig import dlig as dlig
from unweave_metrics.predictors.sap import sap as sap
from unweave_metrics.predictors.dci import dci as dci
from unweave_metrics.predictors.dci_es import dci_es as dci_es
from unweave_metrics.predictors.explicitness import explicitness as explicitness
from unweave_metrics.predictors.linear_probe import linear_probe as linear_probe
from unweave_metrics.predictors.downstream import downstream as downstream
from unweave_metrics.predictors.r2 import r2 as r2
from unweave_metrics.predictors.mcc_regression import mcc_regression as mcc_regression
from unweave_metrics.predictors.fairness import fairness as fairness
from unweave_metrics.interventions.factor_vae import factor_vae as factor_vae
from unweave_metrics.interventions.beta_vae import beta_vae as beta_vae
from unweave_metrics.interventions.irs import irs as irs
from unweave_metrics.interventions.z_diff import z_diff as z_diff
from unweave_metrics.interventions.z_min_var import z_min_var as z_min_var
from unweave_metrics.interventions.z_max_var import z_max_var as z_max_var
from unweave_metrics.interventions.omes import omes as omes
from unweave_metrics.interventions.flatness import flatness as flatness
from unweave_metrics.interventions.linearity import linearity as linearity
from unweave_metrics.interventions.ground_truth_distances import (
    ground_truth_distances as ground_truth_distances,
)
from unweave_metrics.pairs.mcc import mcc as mcc
from unweave_metrics.unsupervised.gaussian_total_correlation import (
    gaussian_total_correlation as gaussian_total_correlation,
)
from unweave_metrics.unsupervised.gaussian_wasserstein import (
    gaussian_wasserstein as gaussian_wasserstein,
)
from unweave_metrics.unsupervised.mutual_information_score import (
    mutual_information_score as mutual_information_score,
)
from unweave_metrics.unsupervised.total_correlation_knn import (
    total_correlation_knn as total_correlation_knn,
)
from unweave_metrics.unsupervised.hoyer_sparsity import hoyer_sparsity as hoyer_sparsity
from unweave_metrics.unsupervised.active_units import active_units as active_units
from unweave_metrics.unsupervised.factorized_support import factorized_support as factorized_support
from unweave_metrics.unsupervised.wsepin import wsepin as wsepin
from unweave_metrics.unsupervised.windin import windin as windin
from unweave_metrics.pairs.reconstruction_error import reconstruction_error as reconstruction_error
from unweave_metrics.pairs.psnr import psnr as psnr
from unweave_metrics.pairs.ssim import ssim as ssim
from unweave_metrics.pairs.laplacian_variance import laplacian_variance as laplacian_variance
from unweave_metrics.pairs.udr import udr as udr
from unweave_metrics.pairs.mmd import mmd as mmd
from unweave_metrics.pairs.frechet_distance import frechet_distance as frechet_distance
from unweave_metrics.pairs.kernel_distance import kernel_distance as kernel_distance
from unweave_metrics.pairs.precision import precision as precision
from unweave_metrics.pairs.recall import recall as recall
from unweave_metrics.pairs.density import density as density
from unweave_metrics.pairs.coverage import coverage as coverage
from unweave_metrics.pairs.smoothness import smoothness as smoothness
from unweave_metrics.pairs.monotonicity import monotonicity as monotonicity

# isort: on
from unweave_metrics.aggregate import aggregate
from unweave_metrics.bootstrap import bootstrap
from unweave_metrics.catalogue import CATALOGUE, find_metric
from unweave_metrics.codetable.reading import read_code_table, read_code_tables
from unweave_metrics.codetable.table import CodeTable, write_code_table, write_code_tables
from unweave_metrics.comparison import Comparison
from unweave_metrics.evaluate import evaluate
from unweave_metrics.information._scores import scores_of
from unweave_metrics.information._table import information_table
from unweave_metrics.presets import preset_names, settings_for
from unweave_metrics.ranking import RankCorrelation, rank_correlation
from unweave_metrics.score import Score
from unweave_metrics.scoretable import ScoreTable
from unweave_metrics.scoring import score_codes, scorer
from unweave_metrics.seeds import compare, paired_test, summarize

__version__ = "0.1.0"

__all__ = [
    "CodeTable",
    "Comparison",
    "RankCorrelation",
    "Score",
    "ScoreTable",
    "aggregate",
    "bootstrap",
    "compare",
    "evaluate",
    "find_metric",
    "information_table",
    "paired_test",
    "preset_names",
    "rank_correlation",
    "read_code_table",
    "read_code_tables",
    "score_codes",
    "scorer",
    "scores_of",
    "settings_for",
    "summarize",
    "write_code_table",
    "write_code_tables",
]
__all__ += list(CATALOGUE)
