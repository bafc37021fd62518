"""A step of the trainer against a plain loop in the same process: a ratio, never a time.

Both take turns of some steps, ours first and then second, and count processor time, so that a
machine with other work on it gives the same median. What the trainer does to the process (memory
that is kept) helps both here; `benchmarks/step.py` measures them apart.
"""

import importlib
import os
import statistics
import sys
from pathlib import Path

import pytest
import torch

RECORDED = {"conv 32": 0.78, "conv 16": 0.88}
"""Medians on a processor with AVX2, the only kind on which they were taken."""
ALLOWED = 1.15
PAIRS = 14
ATTEMPTS = 4
"""Medians that may be taken: another where one was bad by chance."""


@pytest.fixture
def loops(monkeypatch):
    """Return the modules of the benchmark: how to time, the plain loop, ours."""
    repository = Path(os.environ.get("UNWEAVE_REPOSITORY", Path(__file__).parent.parent))
    monkeypatch.syspath_prepend(str(repository / "benchmarks" / "loops"))
    names = ("serving", "networks", "plain", "ours")
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        del sys.modules[name]


def median_ratio(timed, plain, ours, count):
    """Return the median over pairs of our time to theirs, the order turned in every pair."""
    ratios = []
    for pair in range(PAIRS):
        order = (plain, ours) if pair % 2 else (ours, plain)
        spent = {step: timed(step, count) for step in order}
        ratios.append(spent[ours] / spent[plain])
    return statistics.median(ratios)


@pytest.mark.parametrize("case", RECORDED)
def test_a_step_is_no_slower_than_recorded(loops, case):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    network, side = case.split()
    serving = loops["serving"]
    setting = serving.Case(network, int(side))
    count = 2 if setting.side == 16 else 1
    plain, ours = loops["plain"].make_step(setting), loops["ours"].make_step(setting)
    try:
        for step in (plain, ours):
            serving.seconds(step, serving.WARM)
        ratios: list[float] = []
        while len(ratios) < ATTEMPTS:
            ratios.append(median_ratio(serving.seconds, plain, ours, count))
            if ratios[-1] <= ALLOWED * RECORDED[case]:
                return
    finally:
        torch.set_num_threads(threads)
    pytest.fail(
        f"a step of the trainer took {min(ratios):.2f} of a plain loop's, recorded "
        f"{RECORDED[case]}; profile it, or measure with benchmarks/step.py and record anew"
    )
