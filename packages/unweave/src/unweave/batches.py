"""Batches whose order is a pure function of (seed, step)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from unweave.errors import ConfigError
from unweave.protocols import Dataset

Feed = Callable[[Tensor], Tensor]


def derive_seed(*parts: int | str) -> int:
    """Hash a seed and what it is for into a seed of its own, 63 bits.

    >>> derive_seed(0, "noise", 1) != derive_seed(0, "noise", 2)
    True
    """
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def check_batch_size(size: int, batch: int) -> None:
    """Raise unless a batch has at most as many images as the data set."""
    if batch > size:
        raise ConfigError(
            f"batch_size must be at most the {size} images of the data set, got {batch}"
        )


class BatchIndices:
    """Indices of a batch as a function of the step: epochs of permutations without repetition.

    Every epoch is a permutation drawn on the device from (seed, stream, epoch); a batch that
    crosses the end of an epoch goes on in the next, so no image is dropped and N in the
    estimators' constants is right.

    Parameters
    ----------
    size : N, images in the data set.
    batch : B, at most N.
    seed : of the run.
    stream : name of an independent order, `codes` or `critic`.
    device : where the indices are drawn.
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
    """Return a function from indices to float images, shape (b, c, h, w).

    Pixels are in [0, 1]; data that are floats themselves are given as they are. A set that fits in
    memory lies on the device as it is stored, bits, uint8 or floats; one that stays on disk is
    read batch by batch.
    """
    stored = dataset.stored(progress)
    if stored is None:
        return lambda index: _from_disk(dataset, index, device)
    data = torch.from_numpy(stored).to(device)
    if dataset.bits == 1:
        shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=device)
        return lambda index: _from_bits(data, shifts, dataset.image_shape, index)
    return lambda index: to_float(data[index])


def to_float(images: Tensor) -> Tensor:
    """Turn images (b, h, w, c) into floats (b, c, h, w), channels last; uint8 into [0, 1]."""
    x = images.permute(0, 3, 1, 2)
    return x.float().div_(255) if images.dtype == torch.uint8 else x.float()


def _from_bits(data: Tensor, shifts: Tensor, shape: tuple[int, int, int], index: Tensor) -> Tensor:
    pixels = (data[index].unsqueeze(-1) >> shifts).bitwise_and_(1).flatten(1)
    height, width, colours = shape
    images = pixels[:, : height * width * colours].float().view(-1, height, width, colours)
    return images.permute(0, 3, 1, 2)


def _from_disk(dataset: Dataset, index: Tensor, device: torch.device) -> Tensor:
    images = np.ascontiguousarray(dataset.images(index.cpu().numpy()))
    return to_float(torch.from_numpy(images).to(device, non_blocking=True))
