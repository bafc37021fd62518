"""Metrics in groups without work in common: the same numbers in one call and in several."""

from typing import Any

import numpy as np
import pytest

import unweave_metrics as um
from unweave_metrics.apart import apart
from unweave_metrics.catalogue import CATALOGUE


def usual():
    return [entry.name for entry in CATALOGUE.values() if entry.usual]


def test_groups_hold_every_metric_once_in_order():
    groups = apart(usual())
    assert sorted(name for group in groups for name in group) == sorted(usual())
    assert all(group == [name for name in usual() if name in group] for group in groups)
    assert len(groups) > 2


def test_functions_are_parted_as_names_are():
    functions = [um.sap, um.mig, um.factor_vae, um.jemmig]
    assert apart(functions) == [[um.sap], [um.mig, um.jemmig], [um.factor_vae]]


@pytest.mark.parametrize("jobs", [1, 2])
def test_calls_of_groups_give_what_one_call_gives(jobs):
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 4, size=(600, 3))
    codes = (factors @ rng.normal(size=(3, 4)) + rng.normal(size=(600, 4))).astype(np.float32)
    given: dict[str, Any] = {
        "bootstrap": 5,
        "progress": False,
        "seed": 3,
        "subsets": {"two": [0, 2]},
    }
    names = [name for name in usual() if name != "dci"]  # its models take seconds
    whole = um.evaluate(codes, factors, metrics=names, **given)
    parted: dict[str, um.Score] = {}
    for group in apart(names):
        parted |= um.evaluate(codes, factors, metrics=group, jobs=jobs, **given)
    assert set(parted) == set(whole)
    for name, score in whole.items():
        assert (float(parted[name]), parted[name].interval) == (float(score), score.interval), name
        assert parted[name].settings == score.settings
        assert parted[name].notes == score.notes
