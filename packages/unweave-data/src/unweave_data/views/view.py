"""What a stochastic view is: frames that are stored, and a function of frames and noise."""

from abc import abstractmethod
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.dataset import Dataset, Progress
from unweave_data.errors import DataError


class View(Dataset):
    """Images that are drawn anew from stored frames, each time that they are asked for.

    `images(index)` draws the noise of image i from (seed, i). A trainer draws its own, afresh for
    each step and on its own device: it keeps `frames.stored()` there and calls `view`.

    Parameters
    ----------
    name
        what the set is called
    frames
        the set whose images are looked at
    channels
        c of the images that are seen
    noise_shape
        shape of the uniform numbers that one image needs
    constants
        arrays that `view` needs besides, moved to a device once
    seed
        of the noise of `images`
    note
        one line that the user should know

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
        """Compute what is seen of some frames.

        A pure function of its arguments, which are arrays of one library on one device.

        Parameters
        ----------
        frames
            float32, shape (n, h, w, c of the frames), in [0, 1]
        uniform
            float32, shape (n, *noise_shape), independent and uniform on [0, 1)
        constants
            `self.constants` as arrays of the library
        xp
            the library: numpy, torch, or another with their names

        Returns
        -------
        float32, shape (n, h, w, c), in [0, 1]

        """

    def over(self, frames: Dataset) -> "View":
        """Give the same view of other frames: of some of them, say."""
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
            # A counter-based generator: the image's number is the upper half of its counter, so
            # that no two images share a number.
            bits = np.random.Philox(key=self._seed, counter=[0, 0, int(i), 0])
            np.random.Generator(bits).random(dtype=np.float32, out=row)
        return noise

    def stored(self, progress: Progress | None = None) -> None:
        """Give None: the images are drawn anew; `frames.stored()` is what is kept."""
        return

    def _read(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        frames = self.frames.images(index).astype(np.float32) / np.float32(255)
        values = self.view(frames, self.uniform(index), self.constants, np)
        pixels: NDArray[np.uint8] = np.rint(values * np.float32(255)).astype(np.uint8)
        return pixels
