"""Operations that change the size of an image: nearest neighbours, bilinear, and padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from unweave.report.program import Program, Register, UnsupportedOperation

aten = torch.ops.aten


def _nearest(p: Program, x: Register, size: Any, *scales: Any) -> Register:
    places = [(torch.arange(m) * r).floor().long() for m, r in _ratios(x, size, scales)]
    lows = [low.clamp(max=n - 1) for low, n in zip(places, x.shape[2:], strict=True)]
    return _resample(p, x, size, [(low, low, torch.zeros(len(low))) for low in lows])


def _bilinear(p: Program, x: Register, size: Any, align_corners: bool, *scales: Any) -> Register:
    ratios = _ratios(x, size, scales)
    axes = [
        _line_places(n, m, ratio, align_corners)
        for n, (m, ratio) in zip(x.shape[2:], ratios, strict=True)
    ]
    return _resample(p, x, size, axes)


def _ratios(x: Register, size: Any, scales: Sequence[Any]) -> list[tuple[int, float]]:
    """Return for each axis its new length, and old pixels per new one, from `scales` if set."""
    factors = scales if len(scales) == 2 else (None, None)
    return [
        (m, n / m if scale is None else 1 / scale)
        for n, m, scale in zip(x.shape[2:], size, factors, strict=True)
    ]


def _resample(p: Program, x: Register, size: Any, axes: Sequence[Any]) -> Register:
    rows, columns = (
        {"low": low.tolist(), "high": high.tolist(), "share": share.tolist()}
        for low, high, share in axes
    )
    shape = (*x.shape[:2], *size)
    return p.add("resample", [x], shape, x=list(x.shape[1:]), rows=rows, columns=columns)


def _line_places(
    n: int, m: int, ratio: float, align_corners: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return for each of m new pixels its two neighbours among n, and the second one's weight."""
    if align_corners:
        place = torch.arange(m) * ((n - 1) / max(1, m - 1))
    else:
        place = ((torch.arange(m) + 0.5) * ratio - 0.5).clamp(min=0)
    low = place.floor().long().clamp(max=n - 1)
    return low, (low + 1).clamp(max=n - 1), place - low


def _pad(p: Program, x: Register, padding: Any, value: float = 0.0) -> Register:
    if len(padding) != 4 or min(padding) < 0:
        raise UnsupportedOperation("constant_pad_nd of other axes than height and width")
    left, right, top, bottom = padding
    n, c, h, w = x.shape
    shape = (n, c, h + top + bottom, w + left + right)
    return p.add(
        "pad", [x], shape, x=[c, h, w], y=list(shape[1:]), top=top, left=left, value=float(value)
    )


RESAMPLINGS: dict[Any, Callable[..., Any]] = {
    aten.upsample_nearest2d.default: _nearest,
    aten.upsample_bilinear2d.default: _bilinear,
    aten.constant_pad_nd.default: _pad,
}
