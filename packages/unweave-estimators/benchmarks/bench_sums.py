"""Time and memory of the streamed sums beside the plain formula.

    python benchmarks/bench_sums.py --batches 64 256 1024 --dims 10 --device cpu

One row a size: forward and backward of index-code MI + total correlation + dimension-wise KL, in
milliseconds, and the peak memory above the start in megabytes, measured in a process of its own.
On CPU one thread works, and its own time is taken, so that other programs do not count; on a GPU it
is the time until the device is done. Times are medians of pairs in turn; a size that alone takes
longer than a tenth of --budget is run once. The plain formula is left out where its (b, b, d)
tensor would take more than --limit gigabytes: autograd keeps six of that size.
"""

import argparse
import math
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from unweave_estimators import decompose

Terms = Callable[[Tensor, Tensor, Tensor], Tensor]


def streamed(z: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return the sum of the three terms by the package."""
    return sum(decompose(z, mean, std, dataset_size=10**6, estimator="mws"))


def plain(z: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return the same from the whole (b, b, d) tensor, left to autograd."""
    log_nb = math.log(10**6 * len(z))
    half_log_2pi = 0.5 * math.log(2 * math.pi)
    s = -0.5 * ((z[:, None] - mean) / std).square() - std.log() - half_log_2pi
    own = (-0.5 * ((z - mean) / std).square() - std.log() - half_log_2pi).sum(1)
    joint, marginals = s.sum(2).logsumexp(1) - log_nb, (s.logsumexp(1) - log_nb)
    prior = -0.5 * z.square() - half_log_2pi
    tc = joint - marginals.sum(1)
    return ((own - joint) + tc + (marginals - prior).sum(1)).mean()


def batch(b: int, d: int, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return codes and posteriors that ask for gradients."""
    g = torch.Generator(device).manual_seed(0)
    mean = torch.randn(b, d, generator=g, device=device)
    std = torch.full((b, d), 0.3, device=device)
    z = mean + std * torch.randn(b, d, generator=g, device=device)
    return z.requires_grad_(), mean.requires_grad_(), std.requires_grad_()


def seconds(terms: Terms, leaves: tuple[Tensor, Tensor, Tensor]) -> float:
    """Return the time of one forward and backward pass."""
    cuda = leaves[0].device.type == "cuda"
    clock = time.perf_counter if cuda else time.process_time
    start = clock()
    torch.autograd.grad(terms(*leaves), leaves)
    if cuda:
        torch.cuda.synchronize()
    return clock() - start


def once(terms: Terms, b: int, d: int, device: str) -> tuple[float, float]:
    """Return the seconds of one pass, and the megabytes that it needs above the start."""
    if device == "cuda":
        leaves = batch(b, d, device)
        seconds(terms, leaves)
        torch.cuda.reset_peak_memory_stats()
        start = torch.cuda.memory_allocated()
        time_taken = seconds(terms, leaves)
        return time_taken, (torch.cuda.max_memory_allocated() - start) / 1e6
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["unweave_estimators"])
    with context.Pool(1) as pool:
        return pool.apply(_once_in_a_process, (terms, b, d))


def _once_in_a_process(terms: Terms, b: int, d: int) -> tuple[float, float]:
    torch.set_num_threads(1)
    seconds(terms, batch(8, d, "cpu"))
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    time_taken = seconds(terms, batch(b, d, "cpu"))
    return time_taken, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 1e3


def pairs(b: int, d: int, device: str, fits: bool, budget: float) -> tuple[list, list]:
    """Return times of the streamed sums and of the plain formula, in turn."""
    leaves = batch(b, d, device)
    ours, theirs, start = [], [], time.perf_counter()
    seconds(streamed, leaves)
    while len(ours) < 100 and time.perf_counter() - start < budget:
        ours.append(seconds(streamed, leaves))
        if fits:
            theirs.append(seconds(plain, leaves))
    return ours, theirs


def row(b: int, d: int, device: str, limit: float, budget: float) -> str:
    """Measure one size and return its line of the table."""
    fits = 4 * b * b * d / 1e9 < limit
    alone, ours_mb = once(streamed, b, d, device)
    alone_plain, plain_mb = once(plain, b, d, device) if fits else (0.0, 0.0)
    ours, theirs = [alone], [alone_plain]
    if alone < budget / 10:
        ours, theirs = pairs(b, d, device, fits, budget)
    cells = [f"{b}", f"{d}", f"{1e3 * statistics.median(ours):.3g}"]
    if fits:
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        cells += [f"{1e3 * statistics.median(theirs):.3g}", f"{ratio:.2f}"]
        cells += [f"{ours_mb:.0f}", f"{plain_mb:.0f}"]
    else:
        cells += ["-", "-", f"{ours_mb:.0f}", f"> {4 * b * b * d / 1e6:.0f}"]
    return " | ".join(cells)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = [64, 256, 1024, 4096, 16384]
    parser.add_argument("--batches", type=int, nargs="+", default=sizes)
    parser.add_argument("--dims", type=int, nargs="+", default=[10, 32, 128])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--limit", type=float, default=0.6, help="gigabytes for plain")
    parser.add_argument("--budget", type=float, default=5.0, help="seconds of repetition a row")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("b | d | streamed ms | plain ms | ratio | streamed MB | plain MB")
    print("--- | --- | --- | --- | --- | --- | ---")
    for d in options.dims:
        for b in options.batches:
            print(row(b, d, options.device, options.limit, options.budget), flush=True)


if __name__ == "__main__":
    main()
