"""Time a step when asked: the process of one loop of the benchmark of steps."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

WARM = 3
"""Steps before the first is timed: buffers, kernels of oneDNN and optimizer states are made."""


@dataclass(frozen=True)
class Case:
    """What is timed: a network on square frames of dSprites, and the numbers inside it."""

    network: str
    side: int
    precision: str = "float32"


def seconds(step: Callable[[], object], count: int) -> float:
    """Return the processor time of some steps, of all threads of this process."""
    start = time.process_time()
    for _ in range(count):
        step()
    return time.process_time() - start


def step_counts() -> Iterator[int]:
    """Give each number of steps that standard input asks for."""
    yield from map(int, sys.stdin)


def serve(make: Callable[[Case], Callable[[], float | None]]) -> None:
    """Answer every number of steps on standard input with the processor seconds of one.

    make : gives a step. One that returns a number is a step of another amount of work, and the
        number says how many of them are as much as one step of a loop.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("network")
    parser.add_argument("side", type=int)
    parser.add_argument("precision")
    options = parser.parse_args()
    step = make(Case(options.network, options.side, options.precision))
    torch.set_num_threads(1)
    scale = step() or 1.0
    seconds(step, WARM)
    print("ready", flush=True)
    for count in step_counts():
        print(seconds(step, count) / count * scale, flush=True)
