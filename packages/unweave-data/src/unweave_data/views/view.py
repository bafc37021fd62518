"""Stochastic views: stored frames, and a function of frames and noise."""

from abc import abstractmethod
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.dataset import Dataset, Progress
from unweave_data.errors import DataError


class View(Dataset):
    """Images that are computed from stored frames and random noise.

    `images(index)` draws the noise of image i from (seed, i). A trainer stores `frames.stored()` on
    its device, draws new noise for each step there, and calls `view`.

    Parameters
    ----------
    name
        name of the set
    frames
        data set of the frames
    channels
        number of channels of the images
    noise_shape
        shape of the uniform numbers per image
    constants
        further arrays for `view`, which are moved to a device once
    seed
        seed of the noise of `images`
    note
        one line of information for the user

    """

    def __init__(
        self,
        name: str,
        frames: Dataset,
        *,
        channels: int,
        noise_shape: tuple[int, ...],
        constants: Sequence[NDArray[Any]] = (),
        seed: int = 0,
        note: str = "",
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 63:
            raise DataError(f"seed must be an integer from 0 to 2^63 - 1, got {str(seed)[:80]}")
        self.frames, self.noise_shape, self.constants = frames, noise_shape, tuple(constants)
        self._own_note, self._seed = note, seed
        super().__init__(
            name,
            len(frames),
            (*frames.image_shape[:2], channels),
            factors=frames.all_factors,
            note="; ".join(part for part in (note, frames.note) if part),
        )

    @abstractmethod
    def view(self, frames: Any, uniform: Any, constants: Sequence[Any], xp: ModuleType) -> Any:
        """Compute images from frames and noise.

        This is a pure function of its arguments, which are arrays of one library on one device.

        Parameters
        ----------
        frames
            float32, shape (n, h, w, c of the frames), in [0, 1]
        uniform
            float32, shape (n, *noise_shape), independent and uniform on [0, 1)
        constants
            `self.constants` as arrays of the library
        xp
            the library: numpy, torch, or another with the same function names

        Returns
        -------
        float32, shape (n, h, w, c), in [0, 1]

        """

    def over(self, frames: Dataset) -> "View":
        """Return the same view of other frames, for example of a subset."""
        other = object.__new__(type(self))
        View.__init__(
            other,
            self.name,
            frames,
            channels=self.image_shape[2],
            noise_shape=self.noise_shape,
            constants=self.constants,
            seed=self._seed,
            note=self._own_note,
        )
        return other

    def uniform(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        """Draw the noise of some images from (seed, index); shape (n, *noise_shape)."""
        noise = np.empty((len(index), *self.noise_shape), np.float32)
        for row, i in zip(noise, index, strict=True):
            # A counter-based generator: the number of the image is in the upper half of the
            # counter, so that different images have different noise.
            bits = np.random.Philox(key=self._seed, counter=[0, 0, int(i), 0])
            np.random.Generator(bits).random(dtype=np.float32, out=row)
        return noise

    def stored(self, progress: Progress | None = None) -> None:
        """Return None: only the frames are stored, see `frames.stored()`."""
        return

    def _read(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        frames = self.frames.images(index).astype(np.float32) / np.float32(255)
        values = self.view(frames, self.uniform(index), self.constants, np)
        pixels: NDArray[np.uint8] = np.rint(values * np.float32(255)).astype(np.uint8)
        return pixels
