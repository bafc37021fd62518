"""Time one evaluation: all default metrics, with their intervals, of 10,000 x 10 codes.

    python packages/unweave-metrics/benchmarks/evaluation.py [--rows N] [--jobs J] [--memory]

Codes of `ratios.problem`, factor sizes of dSprites. Processor seconds are those of all threads, and
differ less from run to run than the clock; set NUMBA_NUM_THREADS=1 and OMP_NUM_THREADS=1 so that
only `--jobs` makes threads. Compilation is done before, on a few rows. `--save FILE.json` writes
values and intervals, and `--like FILE.json` says which differ from those of another time; `--each`
also times each metric alone. The last line is the peak of the process's memory; `--memory` makes
two of the hundred rounds of boosting and five resamples, which take as much of it in less time.
"""

# ruff: noqa: ANN001, ANN201
import argparse
import json
import resource
import time
from pathlib import Path

from ratios import problem

import unweave_metrics as um
from unweave_metrics.predictors import _boosting


def timed(function):
    """Return wall seconds, processor seconds and the result of a call."""
    wall, processor = time.perf_counter(), time.process_time()
    result = function()
    return time.perf_counter() - wall, time.process_time() - processor, result


def numbers(table):
    """Return value and interval of each score by name, as plain numbers."""
    return {
        name: [repr(float(table[name])), [repr(end) for end in table[name].interval or ()]]
        for name in table
    }


def main():
    """Time what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--like", type=Path)
    arguments = parser.parse_args()
    codes, factors = problem(arguments.rows)
    options = {"jobs": arguments.jobs, "progress": False}
    names = list(um.evaluate(codes[:600], factors[:600], bootstrap=5, **options))
    if arguments.memory:
        _boosting.ROUNDS, options["bootstrap"] = 2, 5
    wall, processor, table = timed(lambda: um.evaluate(codes, factors, **options))
    print(f"all {len(names)}, {arguments.jobs} jobs: {wall:.1f} s, processor {processor:.1f} s")
    for note in table.notes:
        print(f"  {note}")
    values = numbers(table)
    if arguments.save:
        arguments.save.write_text(json.dumps(values, indent=1))
    if arguments.like:
        before = json.loads(arguments.like.read_text())
        other = [name for name in values if values[name] != before.get(name)]
        print("other values or intervals:", ", ".join(other) or "none")
    for name in names if arguments.each else ():
        options["metrics"] = [name]
        wall, processor, _ = timed(lambda: um.evaluate(codes, factors, **options))
        print(f"  {name:26} {wall:6.2f} s, processor {processor:6.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MiB; codes and factors "
          f"{(codes.nbytes + factors.nbytes) / 2**20:,.0f} MiB")  # fmt: skip


if __name__ == "__main__":
    main()
