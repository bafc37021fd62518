"""Rendered rooms with an object in colours: the factors of 3D Shapes without a download."""

import colorsys
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unweave_data.dataset import Dataset
from unweave_data.errors import DataError
from unweave_data.formats.shapes3d import LEVELS, all_factors
from unweave_data.loader import loader
from unweave_data.picturefiles import in_threads
from unweave_data.rendered.scene import View, cast

_SIZES = tuple(len(levels) for levels in LEVELS.values())
_FRAMES = math.prod(_SIZES)
_SATURATION, _VALUE = 0.85, 0.95
_GAMMA = 2.2
# Number of steps of linear light, which are finer than 8 bits except for the darkest levels.
_STEPS = 1 << 14
_RESOLUTIONS = (16, 256)


@loader("shapes3d-rendered")
def shapes3d_rendered(
    *,
    resolution: int = 64,
    field_of_view: float = 34.0,
    light_azimuth: float = 80.0,
    light_elevation: float = 50.0,
    ambient: float = 0.35,
) -> Dataset:
    """Render rooms with an object: 480,000 images in colour, the six factors of 3D Shapes.

    The factors are floor_hue 10, wall_hue 10, object_hue 10, scale 8, shape 4 (cube, cylinder,
    sphere, capsule) and orientation 15 (-30 to 30 degrees), in C order (the last varies fastest).
    The scene is ours, so the images differ from those of 3D Shapes.

    Parameters
    ----------
    resolution
        number of rows and columns, 16 to 256
    field_of_view
        field of view of the camera in degrees, 5 to 90; with a larger one the camera is nearer, so
        that the object keeps its size and the perspective is stronger
    light_azimuth, light_elevation
        direction of the lamp in degrees, azimuth -360 to 360, elevation 5 to 90; the walls are at
        azimuth 180 and 270, and the camera is between 15 and 75
    ambient
        share of ambient light, 0 to 1

    Raises
    ------
    DataError
        If the value of an option is out of range.

    Examples
    --------
    >>> data = shapes3d_rendered(resolution=16)
    >>> len(data), data.image_shape, data.factor_sizes
    (480000, (16, 16, 3), (10, 10, 10, 8, 4, 15))
    """
    low, high = _RESOLUTIONS
    if isinstance(resolution, bool) or not isinstance(resolution, int):
        raise DataError(f"resolution must be an integer, got {str(resolution)[:80]}")
    for option, number, least, most in (
        ("resolution", resolution, low, high),
        ("field_of_view", field_of_view, 5, 90),
        ("light_azimuth", light_azimuth, -360, 360),
        ("light_elevation", light_elevation, 5, 90),
        ("ambient", ambient, 0, 1),
    ):
        if not least <= number <= most:
            raise DataError(f"{option} must lie between {least} and {most}, got {number!r}")
    view = View(resolution, field_of_view, light_azimuth, light_elevation, ambient)
    return RenderedRooms(view)


class RenderedRooms(Dataset):
    """Rooms that are rendered on demand from weights that are stored after the first cast.

    Parameters
    ----------
    view
        light and camera

    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._casts: dict[int, NDArray[np.float32]] = {}
        super().__init__(
            "shapes3d-rendered",
            _FRAMES,
            (view.resolution, view.resolution, 3),
            factors=all_factors(),
            note="rendered: a scene of ours with the factors of 3D Shapes, not its images",
        )

    def stored(self, progress: object = None) -> None:
        """Return None: images are rendered on demand."""
        return

    def _read(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        floor, wall, thing, scale, shape, turn = np.unravel_index(index, _SIZES)
        places = np.ravel_multi_index((scale, shape, turn), _SIZES[3:])
        paint = _paint()
        colours = np.stack([paint[floor], paint[wall], paint[thing]], axis=1)
        pixels = np.empty((len(index), *self.image_shape), np.uint8)
        missing = sorted(set(places.tolist()) - self._casts.keys())
        self._casts.update(zip(missing, in_threads(self._cast, missing), strict=True))
        for row, (place, three) in enumerate(zip(places.tolist(), colours, strict=True)):
            weights = self._casts[place]
            light = weights[..., :3] @ three + weights[..., 3:]
            pixels[row] = _to_bytes()[(np.minimum(light, 1) * _STEPS).astype(np.int64)]
        return pixels

    def _cast(self, place: int) -> NDArray[np.float32]:
        scale, shape, turn = (int(i) for i in np.unravel_index(place, _SIZES[3:]))
        size, angle = LEVELS["scale"][scale], LEVELS["orientation"][turn]
        return cast(shape, float(size), float(angle), self._view)


@lru_cache(maxsize=1)
def _paint() -> NDArray[np.float32]:
    """Return the ten hues as linear light, shape (10, 3)."""
    hues = [colorsys.hsv_to_rgb(hue, _SATURATION, _VALUE) for hue in LEVELS["object_hue"]]
    return (np.array(hues) ** _GAMMA).astype(np.float32)


@lru_cache(maxsize=1)
def _to_bytes() -> NDArray[np.uint8]:
    """Return the byte of each step of linear light."""
    light = np.arange(_STEPS + 1) / _STEPS
    return np.rint(255 * light ** (1 / _GAMMA)).astype(np.uint8)
