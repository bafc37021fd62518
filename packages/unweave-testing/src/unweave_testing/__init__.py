"""Conformance checks for unweave plugins."""

from unweave_testing.architectures import architecture_checks
from unweave_testing.check import Check, NotApplicable, Report, Result, run
from unweave_testing.costs import cost_checks
from unweave_testing.datasets import dataset_checks
from unweave_testing.estimators import estimator_checks
from unweave_testing.executors import executor_checks
from unweave_testing.flows import flow_checks
from unweave_testing.methods import method_checks
from unweave_testing.metrics import metric_checks
from unweave_testing.objectives import objective_checks
from unweave_testing.optimizers import optimizer_checks
from unweave_testing.parametrisation import parametrize
from unweave_testing.plugins import plugin_checks
from unweave_testing.posteriors import posterior_checks
from unweave_testing.priors import prior_checks

__all__ = [
    "Check",
    "NotApplicable",
    "Report",
    "Result",
    "architecture_checks",
    "cost_checks",
    "dataset_checks",
    "estimator_checks",
    "executor_checks",
    "flow_checks",
    "method_checks",
    "metric_checks",
    "objective_checks",
    "optimizer_checks",
    "parametrize",
    "plugin_checks",
    "posterior_checks",
    "prior_checks",
    "run",
]
