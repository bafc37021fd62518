"""Time of the MMD with IMQ kernels beside the formula as it is usually written.

    python benchmarks/bench_mmd.py

Forward and backward of the mixture of seven kernels, one thread, processor time, medians of pairs
that take turns. The plain formula takes |x|^2 + |y|^2 - 2 x.y and leaves the gradient to autograd;
for marginals it has a loop over dimensions.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from unweave_estimators import mmd
from unweave_estimators.mmd import IMQ_SCALES

CASES = ((64, 10, False), (100, 10, False), (2000, 10, False), (500, 50, False), (500, 50, True))


def plain(x: Tensor, y: Tensor) -> Tensor:
    """Return the U-statistic from whole matrices, left to autograd."""
    n, d = x.shape

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        r2 = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.mT
        return torch.stack([2 * d * s / (2 * d * s + r2) for s in IMQ_SCALES]).sum(0)

    off_diagonal = 1 - torch.eye(n)
    within = ((kernel(x, x) + kernel(y, y)) * off_diagonal).sum() / (n * (n - 1))
    return within - 2 * kernel(x, y).mean()


def plain_marginals(x: Tensor, y: Tensor) -> Tensor:
    """Return the sum over dimensions."""
    return torch.stack(
        [plain(a, b) for a, b in zip(x.split(1, 1), y.split(1, 1), strict=True)]
    ).sum()


def seconds(value: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor) -> float:
    """Return the processor time of one forward and backward pass."""
    start = time.process_time()
    torch.autograd.grad(value(x, y), x)
    return time.process_time() - start


def row(n: int, d: int, per_dimension: bool, turns: int) -> str:
    """Measure one size and return its line of the table."""
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(n, d, generator=g, requires_grad=True), torch.randn(n, d, generator=g)
    theirs = plain_marginals if per_dimension else plain

    def ours(x: Tensor, y: Tensor) -> Tensor:
        return mmd(x, y, per_dimension=per_dimension)

    seconds(ours, x, y)
    times = [(seconds(ours, x, y), seconds(theirs, x, y)) for _ in range(turns)]
    mine, others = (1000 * statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    what = "marginals" if per_dimension else "joint"
    return f"| {n} | {d} | {what} | {mine:.3g} | {others:.3g} | {ratio:.2f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    print("| rows | D | | unweave ms | plain ms | ratio |\n|---|---|---|---|---|---|")
    for n, d, per_dimension in CASES:
        print(row(n, d, per_dimension, turns), flush=True)


if __name__ == "__main__":
    main()
