"""Variants of dSprites: with noise, in a random colour, or in front of a picture."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.dataset import Dataset
from unweave_data.errors import DataError
from unweave_data.files import regular_file
from unweave_data.loader import loader
from unweave_data.pictures import open_picture, quiet
from unweave_data.rendered.dsprites import dsprites
from unweave_data.views.view import View

if TYPE_CHECKING:
    from PIL.Image import Image

# Pixels above this belong to the shape.
_INSIDE = 0.85
# Largest number of columns and rows of the picture, for frames of _SIDE rows.
_WIDTH, _HEIGHT, _SIDE = 350, 274, 64
_TEMPLE = (
    "the background is a photograph of a temple from scikit-learn; for the set of the papers set "
    "background= to a picture of The Scream"
)


class NoisySprites(View):
    """min(1, x + u), u uniform on [0, 1) per pixel and channel."""

    def view(self, frames: Any, uniform: Any, constants: Sequence[Any], xp: ModuleType) -> Any:
        """Add the noise and clip at 1."""
        return xp.clip(frames + uniform, 0, 1)


class ColorSprites(View):
    """x (1 + u) / 2, u uniform on [0, 1) per channel: a shape of random colour on black."""

    def view(self, frames: Any, uniform: Any, constants: Sequence[Any], xp: ModuleType) -> Any:
        """Multiply by the colour."""
        return frames * ((1 + uniform) / 2)[:, None, None, :]


class ScreamSprites(View):
    """The mean of a crop of a picture and a random colour, inverted inside the shape.

    The background is (crop + colour) / 2; the image is 1 - background where x > 0.85, and the
    background elsewhere. The noise of an image is the row and the column of the crop, and the three
    channels of the colour.
    """

    def view(self, frames: Any, uniform: Any, constants: Sequence[Any], xp: ModuleType) -> Any:
        """Crop the background, and invert it inside the shape."""
        picture, rows, columns = constants
        top = _start(uniform[:, 0], picture.shape[0] - len(rows), xp)
        left = _start(uniform[:, 1], picture.shape[1] - len(columns), xp)
        crop = picture[(top + rows)[:, :, None], (left + columns)[:, None, :]]
        background = (crop + uniform[:, None, None, 2:]) / 2
        return xp.where(frames > _INSIDE, 1 - background, background)


def _start(uniform: Any, choices: int, xp: ModuleType) -> Any:
    """Return the start of a crop, 0 to `choices` - 1; int64, shape (n, 1)."""
    # The product of a float32 below 1 and a whole number may be rounded up to that number.
    place = xp.clip(xp.floor(uniform * choices), 0, max(0, choices - 1))
    return xp.asarray(place, dtype=xp.int64)[:, None]


@loader("noisy-dsprites")
def noisy_dsprites(*, path: Path | None = None, resolution: int = 64, seed: int = 0) -> Dataset:
    """Load dSprites with noise: min(1, x + u), u uniform on [0, 1) per pixel and channel.

    Parameters
    ----------
    path
        path of the original npz or hdf5; by default the set is rendered
    resolution
        number of rows and columns of a rendered frame: 16, 32, 64 or 128
    seed
        seed of the noise of `images`; in training each step has new noise

    Raises
    ------
    DataError
        For another resolution, or a file that is not dSprites.

    References
    ----------
    F. Locatello et al. Challenging common assumptions in the unsupervised learning of disentangled
    representations. 2019.

    Examples
    --------
    >>> noisy_dsprites(resolution=32).images([0]).shape
    (1, 32, 32, 3)
    """
    frames = dsprites(path=path, resolution=resolution)
    shape = (*frames.image_shape[:2], 3)
    return NoisySprites("noisy-dsprites", frames, channels=3, noise_shape=shape, seed=seed)


@loader("color-dsprites")
def color_dsprites(*, path: Path | None = None, resolution: int = 64, seed: int = 0) -> Dataset:
    """Load dSprites with a random colour per image, uniform on [0.5, 1)^3.

    Parameters
    ----------
    path
        path of the original npz or hdf5; by default the set is rendered
    resolution
        number of rows and columns of a rendered frame: 16, 32, 64 or 128
    seed
        seed of the colours of `images`; in training each step has new colours

    Raises
    ------
    DataError
        For another resolution, or a file that is not dSprites.

    References
    ----------
    F. Locatello et al. Challenging common assumptions in the unsupervised learning of disentangled
    representations. 2019.
    """
    frames = dsprites(path=path, resolution=resolution)
    return ColorSprites("color-dsprites", frames, channels=3, noise_shape=(3,), seed=seed)


@loader("scream-dsprites")
def scream_dsprites(
    *,
    path: Path | None = None,
    background: Path | None = None,
    resolution: int = 64,
    seed: int = 0,
) -> Dataset:
    """Load dSprites in front of the mean of a random crop of a picture and a random colour.

    The picture is reduced to at most 350 columns and 274 rows, and in proportion for frames of
    another size than 64 x 64, whose crops show as much of it. The background is inverted inside the
    shape.

    Parameters
    ----------
    path
        path of the original npz or hdf5; by default the set is rendered
    background
        path of an image file, in the papers a photograph of Munch's The Scream; by default a
        photograph of a temple from scikit-learn
    resolution
        number of rows and columns of a rendered frame: 16, 32, 64 or 128
    seed
        seed of the crops and colours of `images`; in training each step has new ones

    Raises
    ------
    DataError
        For another resolution, a file that is not dSprites or not an image, or a picture that is
        not larger than a frame.

    References
    ----------
    F. Locatello et al. Challenging common assumptions in the unsupervised learning of disentangled
    representations. 2019.
    """
    frames = dsprites(path=path, resolution=resolution)
    h, w = frames.image_shape[:2]
    picture = _picture(background, (_WIDTH * h // _SIDE, _HEIGHT * h // _SIDE))
    if picture.shape[0] <= h or picture.shape[1] <= w:
        raise DataError(
            f"background must be larger than a frame of {w} x {h}, got {picture.shape[1]} x "
            f"{picture.shape[0]} pixels after its reduction; use another picture"
        )
    places = (np.arange(h, dtype=np.int64), np.arange(w, dtype=np.int64))
    note = f"the background is {Path(background).name}" if background else _TEMPLE
    return ScreamSprites(
        "scream-dsprites",
        frames,
        channels=3,
        noise_shape=(5,),
        constants=(picture, *places),
        seed=seed,
        note=note,
    )


def _picture(path: Path | None, largest: tuple[int, int]) -> NDArray[np.float32]:
    """Read the background, float32 (h, w, 3) in [0, 1]; `largest` is its largest width, height."""
    from PIL import Image

    if path is None:
        from sklearn.datasets import load_sample_image

        return _reduce(Image.fromarray(load_sample_image("china.jpg")), largest)
    with quiet(), open_picture(regular_file(path, "a picture")) as image:
        return _reduce(image, largest)


def _reduce(image: "Image", largest: tuple[int, int]) -> NDArray[np.float32]:
    small = image.convert("RGB")
    small.thumbnail(largest)
    return np.asarray(small, np.float32) / np.float32(255)
