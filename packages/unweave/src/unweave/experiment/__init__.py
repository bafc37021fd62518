"""Many runs: grid x seeds -> jobs -> executor -> one table, curves and paired tests."""

from unweave.experiment.definition import Experiment
from unweave.experiment.table import read_experiment

__all__ = ["Experiment", "read_experiment"]
