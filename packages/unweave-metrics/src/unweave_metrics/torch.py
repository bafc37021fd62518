"""Metrics of torch tensors batch by batch; needs torch (``pip install 'unweave-metrics[torch]'``).

Nothing else of the package imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

try:
    import torch
except ImportError as error:
    raise ImportError(
        "unweave_metrics.torch needs torch: pip install 'unweave-metrics[torch]'"
    ) from error
from torch import Tensor, distributed

from unweave_metrics.catalogue import entry_for, listed
from unweave_metrics.evaluate import evaluate
from unweave_metrics.score import Score
from unweave_metrics.scoretable import ScoreTable

ARRAYS = ("codes", "factors", "std")

Metric = str | Callable[..., Any]


class Accumulator:
    """Collects codes and factors of batches and scores all of them: `update`, `compute`, `reset`.

    Rows are kept on the CPU, detached, in the order of their updates, because each metric needs all
    of them: memory is at most n (2 d + k) numbers. With ``torch.distributed``, `compute` scores the
    rows of all processes, in the order of their ranks; every process gets the same scores.

    Parameters
    ----------
    metrics
        One name or function: `compute` returns a `Score`. Several: a `ScoreTable`.
    bootstrap
        Largest number of resamples for intervals; by default none.
    sync
        Whether to gather the rows of all processes of ``torch.distributed``.
    options
        Settings, as for `evaluate`: ``preset=``, ``bins=``, ``seed=`` ...

    Raises
    ------
    ValueError
        For an unknown metric.

    Examples
    --------
    >>> factors = torch.arange(300)[:, None] % torch.tensor([3, 4])
    >>> mig = Accumulator("mig")
    >>> for batch in factors.split(100):
    ...     mig.update(batch.float(), batch)
    >>> float(mig.compute()) > 0.9
    True
    """

    def __init__(
        self,
        metrics: Metric | Sequence[Metric],
        *,
        bootstrap: int = 0,
        sync: bool = True,
        **options: Any,
    ) -> None:
        self.single = isinstance(metrics, str) or callable(metrics)
        self.metrics: list[Metric] = listed(metrics)
        self.names = [entry_for(metric).name for metric in self.metrics]
        self.sync = sync
        self.options = {"bootstrap": bootstrap, "progress": False, **options}
        self.reset()

    def reset(self) -> None:
        """Forget all rows."""
        self.batches: dict[str, list[Tensor]] = {}

    def update(
        self, codes: Tensor, factors: Tensor | None = None, *, std: Tensor | None = None
    ) -> None:
        """Add the rows of one batch.

        Parameters
        ----------
        codes : float tensor, shape (b, d), on any device
        factors : classes or values, shape (b, k) or (b,)
        std
            Standard deviations of the posteriors, shape (b, d), for `rmig`.

        Raises
        ------
        TypeError
            For anything but tensors.
        ValueError
            For different numbers of rows, or other columns or arrays than in earlier batches.
        """
        arrays = {"codes": codes, "factors": factors, "std": std}
        rows = {name: _rows(value, name) for name, value in arrays.items() if value is not None}
        self._check(rows)
        for name, value in rows.items():
            self.batches.setdefault(name, []).append(value)

    def _check(self, rows: dict[str, Tensor]) -> None:
        """Refuse a batch that does not fit itself or those before."""
        lengths = {name: len(value) for name, value in rows.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"a batch must have as many rows in each tensor, got {lengths}")
        if self.batches and set(rows) != set(self.batches):
            raise ValueError(
                f"every batch must have {', '.join(self.batches)} as the first, got "
                f"{', '.join(rows)}"
            )
        for name, value in rows.items():
            if name in self.batches and value.shape[1:] != self.batches[name][0].shape[1:]:
                raise ValueError(
                    f"{name} must have {self.batches[name][0].shape[1]} columns as before, got "
                    f"shape {tuple(value.shape)}"
                )

    def merge(self, *others: Accumulator) -> None:
        """Add the rows of other accumulators, such as those of the workers of one evaluation."""
        for other in others:
            for batch in zip(*other.batches.values(), strict=True):
                rows = dict(zip(other.batches, batch, strict=True))
                self._check(rows)
                for name, value in rows.items():
                    self.batches.setdefault(name, []).append(value)

    @property
    def count(self) -> int:
        """Return the number of rows of this process."""
        return sum(len(batch) for batch in self.batches.get("codes", []))

    def rows(self) -> dict[str, Tensor]:
        """Return all rows by array, those of all processes where they are to be gathered."""
        own = {name: torch.cat(batches) for name, batches in self.batches.items()}
        if self.sync and distributed.is_available() and distributed.is_initialized():
            return _gathered(own)
        return own

    def compute(self) -> Score | ScoreTable:
        """Score all rows.

        Raises
        ------
        ValueError
            Without rows, or if the only metric cannot be computed.
        """
        rows = self.rows()
        if not rows:
            raise ValueError("compute needs at least one update with rows, got none")
        arrays = {name: value.numpy() for name, value in rows.items()}
        table = evaluate(
            arrays["codes"], arrays.get("factors"), std=arrays.get("std"), metrics=self.metrics,
            **self.options,
        )  # fmt: skip
        if not self.single:
            return table
        if self.names[0] not in table:
            raise ValueError("; ".join(table.notes))
        return table[self.names[0]]


def _rows(value: Any, name: str) -> Tensor:
    """Return a tensor's rows on the CPU, apart from the graph; one dimension is one column."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(value).__name__}")
    if value.ndim == 1 and name == "factors":
        value = value[:, None]
    if value.ndim != 2:
        raise ValueError(f"{name} must have shape (b, columns), got {tuple(value.shape)}")
    rows: Tensor = value.detach().to("cpu", copy=True)
    # numpy has no bfloat16.
    return rows.float() if rows.dtype == torch.bfloat16 else rows


def _gathered(own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the rows of all processes in the order of their ranks.

    Tensors only, padded to the longest: gathering objects would read pickles.
    """
    device = torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")
    header = torch.zeros(len(ARRAYS), 3, dtype=torch.int64, device=device)
    for place, name in enumerate(ARRAYS):
        if name in own:
            kind = int(own[name].is_floating_point())
            header[place] = torch.tensor([*own[name].shape, kind])
    headers = _all(header)
    rows = {}
    for place, name in enumerate(ARRAYS):
        shapes = torch.stack([each[place] for each in headers]).cpu()
        lengths, width, floats = shapes[:, 0].tolist(), int(shapes[:, 1].max()), shapes[:, 2].any()
        if width == 0:
            continue
        _check_widths(shapes, name, width)
        dtype = torch.float64 if floats else torch.int64
        padded = torch.zeros(max(lengths), width, dtype=dtype, device=device)
        if name in own:
            padded[: len(own[name])] = own[name].to(device, dtype)
        parts = zip(_all(padded), lengths, strict=True)
        rows[name] = torch.cat([part[:length].cpu() for part, length in parts])
    return rows


def _check_widths(shapes: Tensor, name: str, width: int) -> None:
    """Refuse processes whose rows have different numbers of columns."""
    used = shapes[shapes[:, 0] > 0, 1]
    if (used != width).any():
        raise ValueError(
            f"{name} must have the same columns in every process, got {sorted(set(used.tolist()))}"
        )


def _all(value: Tensor) -> list[Tensor]:
    """Return a tensor of every process."""
    tensors = [torch.empty_like(value) for _ in range(distributed.get_world_size())]
    distributed.all_gather(tensors, value)
    return tensors
