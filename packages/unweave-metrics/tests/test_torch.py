"""Batches of tensors give the scores of all rows at once, on one process and on several."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import unweave_metrics as um

torch = pytest.importorskip("torch")
accumulators = pytest.importorskip("unweave_metrics.torch")

FACTORS = torch.from_numpy(np.random.default_rng(0).integers(0, 3, size=(500, 2)))
CODES = FACTORS + 0.4 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0))


def filled(metrics, codes=CODES, factors=FACTORS, size=64, **options):
    accumulator = accumulators.Accumulator(metrics, **options)
    for z, y in zip(codes.split(size), factors.split(size), strict=True):
        accumulator.update(z, y)
    return accumulator


def test_batches_are_the_whole():
    assert filled("mig").compute() == um.mig(CODES.numpy(), FACTORS.numpy())
    table = filled(["mig", "dci"], bins=5).compute()
    assert table["mig"] == um.mig(CODES.numpy(), FACTORS.numpy(), bins=5)
    assert set(table) == {"mig", "dci"}
    assert filled("mig", bootstrap=50).compute().interval is not None


def test_rows_are_detached_and_own():
    codes = CODES.clone().requires_grad_()
    made = accumulators.Accumulator("mig")
    made.update(codes * 1.0, FACTORS)
    made.update(codes, FACTORS)
    with torch.no_grad():
        codes.zero_()  # a caller may use its buffer again
    assert made.compute() == um.mig(np.tile(CODES, (2, 1)), np.tile(FACTORS, (2, 1)))
    low = accumulators.Accumulator("mig")
    low.update(CODES.bfloat16(), FACTORS[:, 0])
    assert low.compute() > 0


def test_reset_and_merge():
    made = filled("mig")
    made.reset()
    assert made.count == 0
    with pytest.raises(ValueError, match="at least one update"):
        made.compute()
    first, second = (
        filled("mig", CODES[:200], FACTORS[:200]),
        filled("mig", CODES[200:], FACTORS[200:]),
    )
    made.merge(first, second)
    assert made.count == 500
    assert made.compute() == um.mig(CODES.numpy(), FACTORS.numpy())


def test_scores_without_factors_and_with_deviations():
    made = accumulators.Accumulator("gaussian_total_correlation")
    made.update(CODES)
    assert made.compute() == um.gaussian_total_correlation(CODES.numpy())
    std = torch.full_like(CODES, 0.1)
    with_std = accumulators.Accumulator("rmig")
    with_std.update(CODES, FACTORS, std=std)
    assert with_std.compute() == um.rmig(CODES.numpy(), FACTORS.numpy(), std=std.numpy())


def test_wrong_batches():
    made = filled("mig")
    with pytest.raises(TypeError, match="codes must be a tensor, got ndarray"):
        made.update(CODES.numpy(), FACTORS)
    with pytest.raises(ValueError, match="as many rows in each tensor"):
        made.update(CODES, FACTORS[:3])
    with pytest.raises(ValueError, match="codes must have 2 columns as before"):
        made.update(CODES[:, :1], FACTORS)
    with pytest.raises(ValueError, match="every batch must have codes, factors as the first"):
        made.update(CODES)
    with pytest.raises(ValueError, match="shape"):
        made.update(CODES[:, 0], FACTORS)
    with pytest.raises(ValueError, match="no metric is called"):
        accumulators.Accumulator("nope")
    assert made.count == 500


def one_process(rank, folder):
    """Score the rows of one process, together with those of the others."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=3
    )
    # The first process has more rows than the second, the third none at all.
    part = (slice(0, 350), slice(350, 500), slice(0, 0))[rank]
    accumulator = accumulators.Accumulator("mig")
    if rank < 2:
        accumulator = filled("mig", CODES[part], FACTORS[part])
    Path(folder, f"{rank}.txt").write_text(repr(float(accumulator.compute())))
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_processes_score_their_rows_together(tmp_path):
    # Not by torch's spawn: it would pickle a function of a module that has no name elsewhere.
    running = [
        subprocess.Popen([sys.executable, __file__, str(rank), str(tmp_path)]) for rank in range(3)
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    whole = float(um.mig(CODES.numpy(), FACTORS.numpy()))
    for rank in range(3):
        assert float((tmp_path / f"{rank}.txt").read_text()) == whole


if __name__ == "__main__":
    one_process(int(sys.argv[1]), sys.argv[2])
