"""Batches whose order is a pure function of (seed, step)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeGuard, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unweave.errors import ConfigError
from unweave.protocols import Dataset, StochasticView


def derive_seed(*parts: int | str) -> int:
    """Derive a seed of 63 bits from a seed and the purpose that it is for.

    Examples
    --------
    >>> derive_seed(0, "noise", 1) != derive_seed(0, "noise", 2)
    True
    """
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def check_batch_size(size: int, batch: int) -> None:
    """Raise unless a batch has at most as many images as the data set."""
    if batch > size:
        raise ConfigError(
            f"batch_size must be at most the {size} images of the data set, got {batch}; "
            f"set batch_size={size}"
        )


class BatchIndices:
    """Indices of a batch as a function of the step: epochs of permutations without repetition.

    Every epoch is a permutation drawn on the device from (seed, stream, epoch); a batch that
    crosses the end of an epoch continues in the next, so no image is dropped and N in the
    estimators' constants is right.

    Parameters
    ----------
    size
        N, images in the data set.
    batch
        B, at most N.
    seed
        Seed of the run.
    stream
        Name of an independent order, `codes` or `critic`.
    device
        Where the indices are drawn.
    """

    def __init__(self, size: int, batch: int, seed: int, stream: str, device: torch.device) -> None:
        check_batch_size(size, batch)
        self._size, self._batch, self._seed, self._stream = size, batch, seed, stream
        self._generator = torch.Generator(device)
        self._orders: dict[int, Tensor] = {}

    def __call__(self, step: int) -> Tensor:
        """Return the indices of a step, int64, shape (B,)."""
        epoch, offset = divmod(step * self._batch, self._size)
        head = self._order(epoch)[offset : offset + self._batch]
        if len(head) == self._batch:
            return head
        return torch.cat([head, self._order(epoch + 1)[: self._batch - len(head)]])

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            self._orders = {e: o for e, o in self._orders.items() if e == epoch - 1}
            self._generator.manual_seed(derive_seed(self._seed, self._stream, epoch))
            self._orders[epoch] = torch.randperm(
                self._size, generator=self._generator, device=self._generator.device
            )
        return self._orders[epoch]


def open_feed(
    dataset: Dataset, device: torch.device, progress: Callable[[int, int], None] | None = None
) -> Feed:
    """Return an object that maps indices to float images, shape (b, c, h, w).

    Pixels are in [0, 1]; float data are not scaled. A data set that fits in memory is kept on the
    device as it is stored (bits, uint8 or floats). One that stays on disk is read batch by batch,
    in advance if its indices are announced. A stochastic view is drawn on the device from its
    stored frames.
    """
    if is_view(dataset):
        return ViewFeed(dataset, open_feed(dataset.frames, device, progress), device)
    stored = dataset.stored(progress)
    if stored is None:
        return DiskFeed(dataset, device)
    return MemoryFeed(torch.from_numpy(stored).to(device), dataset.bits, dataset.image_shape)


def is_view(dataset: Dataset) -> TypeGuard[StochasticView]:
    """Whether a data set is a stochastic view: its images are drawn anew from stored frames."""
    # By its own members alone: asking for the factors may compute them.
    return all(hasattr(dataset, name) for name in ("view", "frames", "noise_shape", "constants"))


class Feed(Protocol):
    """Float images for indices."""

    def __call__(self, index: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return images, shape (b, c, h, w), for int64 indices, shape (b,), both on the device.

        Parameters
        ----------
        generator
            On the device, for the noise of a stochastic view; without it the noise depends only on
            the index. Other data sets do not use it.
        """
        ...

    def announce(self, index: Tensor) -> None:
        """Learn which indices come next, so that their images can be read in advance."""
        ...


class MemoryFeed:
    """Images that lie on the device as they are stored."""

    def __init__(self, data: Tensor, bits: int, shape: tuple[int, int, int]) -> None:
        self._data, self._bits, self._shape = data, bits, shape
        self._shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=data.device)

    def __call__(self, index: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Look the images up."""
        rows = self._data[index]
        if self._bits != 1:
            return to_float(rows)
        pixels = (rows.unsqueeze(-1) >> self._shifts).bitwise_and_(1).flatten(1)
        height, width, colours = self._shape
        images = pixels[:, : height * width * colours].float().view(-1, height, width, colours)
        return images.permute(0, 3, 1, 2)

    def announce(self, index: Tensor) -> None:
        """Do nothing: all images are in memory."""


class DiskFeed:
    """Images that a thread reads from the disk during the step before.

    Announcements never change the images: every batch is read by its own indices.
    """

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self._dataset, self._device = dataset, device
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="unweave-read")
        self._ahead: dict[bytes, Future[Tensor]] = {}

    def __call__(self, index: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Take the images that were read ahead, or read them now."""
        rows = index.cpu().numpy()
        ready = self._ahead.pop(rows.tobytes(), None)
        images = self._read(rows) if ready is None else ready.result()
        return to_float(images.to(self._device, non_blocking=True))

    def announce(self, index: Tensor) -> None:
        """Queue the indices for reading."""
        rows = index.cpu().numpy()
        key = rows.tobytes()
        if key not in self._ahead:
            self._ahead[key] = self._reader.submit(self._read, rows)

    def _read(self, rows: NDArray[np.int64]) -> Tensor:
        images = torch.from_numpy(np.ascontiguousarray(self._dataset.images(rows)))
        return images.pin_memory() if self._device.type == "cuda" else images


class ViewFeed:
    """Images that are drawn on the device from stored frames and fresh noise."""

    def __init__(self, dataset: StochasticView, frames: Feed, device: torch.device) -> None:
        self._dataset, self._frames, self._device = dataset, frames, device
        self._constants = tuple(torch.from_numpy(array).to(device) for array in dataset.constants)

    def __call__(self, index: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw the noise, and apply the view to the frames."""
        frames = self._frames(index, generator).permute(0, 2, 3, 1)
        noise = self._noise(index, generator)
        views = self._dataset.view(frames, noise, self._constants, torch)
        return cast(Tensor, views).permute(0, 3, 1, 2)

    def _noise(self, index: Tensor, generator: torch.Generator | None) -> Tensor:
        if generator is None:
            noise = self._dataset.uniform(index.cpu().numpy())
            return torch.from_numpy(noise).to(self._device)
        shape = (len(index), *self._dataset.noise_shape)
        return torch.rand(shape, generator=generator, device=self._device)

    def announce(self, index: Tensor) -> None:
        """Announce the indices to the frames."""
        self._frames.announce(index)


def to_float(images: Tensor) -> Tensor:
    """Turn images (b, h, w, c) into floats (b, c, h, w), channels last; uint8 into [0, 1]."""
    x = images.permute(0, 3, 1, 2)
    return x.float().div_(255) if images.dtype == torch.uint8 else x.float()
