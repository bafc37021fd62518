"""One entry per metric: everything that is said of it is there, and made of it."""

import inspect
import re
from pathlib import Path

import pytest
from narrowing import present

import unweave_metrics as um
from unweave_metrics.catalogue import CATALOGUE
from unweave_metrics.intervals.interval import POPULATION, SAME_BINS, SAME_SIZE, THESE_ROWS

ROOMS = ("information", "predictors", "interventions", "unsupervised", "pairs")


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_fact_is_there(name):
    entry = CATALOGUE[name]
    assert getattr(um, name) is entry.function
    assert entry.kind in ROOMS
    assert entry.target == f"unweave_metrics.{entry.kind}.{name}:{name}"
    assert entry.best in ("high", "low", "-")
    assert entry.bounds[0] < entry.bounds[1]
    assert entry.cost
    assert entry.rewards
    assert entry.misses
    assert entry.interval.covers in (POPULATION, SAME_BINS, SAME_SIZE, THESE_ROWS)
    assert (entry.interval.covers == THESE_ROWS) == bool(entry.interval.without)
    assert set(entry.presets) <= set(um.preset_names())
    assert bool(entry.presets) <= ("preset" in inspect.signature(entry.function).parameters)
    # Error and ratio of signal to noise are nobody's invention.
    assert entry.citation or name in ("reconstruction_error", "psnr")


def test_hooks_and_readme_are_made_of_the_catalogue():
    hooks = pytest.importorskip("_unweave_metrics_plugin", exc_type=ImportError)
    named = hooks.unweave_metrics()
    assert named == {name.replace("_", "-"): entry.target for name, entry in CATALOGUE.items()}
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    table = present(re.search(r"<!-- scores -->(.*)<!-- end -->", readme, re.DOTALL))[1]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(CATALOGUE)


def test_every_metric_is_exported():
    assert set(CATALOGUE) <= set(um.__all__)
