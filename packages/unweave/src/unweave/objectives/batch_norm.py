"""Batch normalisation where a network sees batches of several distributions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@contextmanager
def statistics_kept(module: nn.Module) -> Iterator[None]:
    """Let batch normalisation change none of its running statistics while the block runs.

    For a pass over another distribution than that of the images of the data or their codes, such as
    codes of the prior: the average of both would be right for neither after training.
    """
    norms = [m for m in module.modules() if isinstance(m, KINDS) and m.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
