"""The time of a step's multiplications alone, at the rate of a large float32 matrix product."""

from __future__ import annotations

from collections.abc import Callable

import plain
import torch
from serving import Case, serve
from torch.utils.flop_counter import FlopCounterMode

SIZE = 768


def make_step(case: Case) -> Callable[[], float]:
    """Return one product, which says how many of them make the plain loop's step."""
    step = plain.make_step(Case(case.network, case.side))
    with FlopCounterMode(display=False) as counter:
        step()
    products = float(counter.get_total_flops()) / (2 * SIZE**3)
    left, right = torch.randn(2, SIZE, SIZE)
    result = torch.empty(SIZE, SIZE)

    def product() -> float:
        torch.mm(left, right, out=result)
        return products

    return product


if __name__ == "__main__":
    serve(make_step)
