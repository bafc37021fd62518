"""Outlines of dSprites: the corners of the polygon of every frame."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FACTOR_NAMES = ("shape", "scale", "orientation", "position_x", "position_y")
FACTOR_SIZES = (3, 6, 40, 32, 32)
FRAMES = math.prod(FACTOR_SIZES)

# Corners are rounded to 1/256 of a pixel of the 64 x 64 frame, as in the original set.
SUBPIXELS = 256
FIELD = 64 * SUBPIXELS
_RADIUS = 9.6


def _square() -> list[tuple[float, float]]:
    r = _RADIUS
    return [(-r, -r), (r, -r), (r, r), (-r, r)]


def _ellipse(corners: int = 100) -> list[tuple[float, float]]:
    angles = [2 * math.pi * j / corners for j in range(corners)]
    return [(_RADIUS * 1.33 * math.cos(a), _RADIUS / 1.33 * math.sin(a)) for a in angles]


def _heart(corners: int = 150) -> list[tuple[float, float]]:
    angles = [2 * math.pi * j / corners for j in range(corners)]
    return [(_RADIUS * math.sin(a) ** 3, _heart_height(a)) for a in angles]


def _heart_height(a: float) -> float:
    curve = 13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a)
    return -_RADIUS * (curve / 14.5 + 0.15)


@lru_cache(maxsize=3)
def outlines(shape: int) -> NDArray[np.float64]:
    """Return the outline of a shape about its centre at all scales and orientations.

    x = s (u cos t + v sin t) and y = s (v cos t - u sin t) for the points (u, v) of the outline at
    scale 1, scales s = 0.5 + 0.1 i and angles t = 2 pi j / 39.

    Parameters
    ----------
    shape
        0 for the square (4 corners), 1 for the ellipse (100), 2 for the heart (150)

    Returns
    -------
    float64 array, shape (6, 40, 2, corners): x, then y, in pixels of a 64 x 64 frame, y down

    Examples
    --------
    >>> outlines(0)[5, 0, 0].tolist()
    [-9.6, 9.6, 9.6, -9.6]
    """
    u, v = np.array((_square, _ellipse, _heart)[shape]()).T
    turns = [2 * math.pi * i / 39 for i in range(40)]
    cos = np.array([math.cos(t) for t in turns])[:, None]
    sin = np.array([math.sin(t) for t in turns])[:, None]
    rotations = np.stack([u * cos + v * sin, v * cos - u * sin], axis=1)
    scales = np.array([0.5 + 0.1 * i for i in range(6)])
    points: NDArray[np.float64] = scales[:, None, None, None] * rotations
    return points


def corners(classes: NDArray[np.integer]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the corners of frames that have the same shape.

    A corner is at 16 + 32 p plus its offset from the centre, with p = i / 31 for the position
    class i, rounded to 1/256 pixel.

    Parameters
    ----------
    classes
        integer array, shape (n, 5), factor classes; one shape in column 0

    Returns
    -------
    two int32 arrays, shape (n, corners): x and y in 1/256 pixel of a 64 x 64 frame, y down

    Examples
    --------
    >>> x, y = corners(np.array([[0, 5, 0, 0, 31]]))
    >>> (x / 256).tolist()
    [[6.3984375, 25.6015625, 25.6015625, 6.3984375]]
    """
    shape, scale, turn, p_x, p_y = classes.T
    offsets = outlines(int(shape[0]))[scale, turn]
    return _place(offsets[:, 0], p_x), _place(offsets[:, 1], p_y)


def grid_corners(shape: int, scale: int, turn: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the corners of one outline at all 32 x 32 positions; y varies fastest.

    Returns
    -------
    two int32 arrays, shape (1024, corners): x and y in 1/256 pixel of a 64 x 64 frame, y down

    """
    x, y = (_place(offset, np.arange(32)) for offset in outlines(shape)[scale, turn])
    return np.repeat(x, 32, axis=0), np.tile(y, (32, 1))


def _place(offset: NDArray[np.float64], position: NDArray[np.integer]) -> NDArray[np.int32]:
    centre = 16 + 32 * (position / 31)
    return np.rint(SUBPIXELS * (centre[:, None] + offset)).astype(np.int32)
