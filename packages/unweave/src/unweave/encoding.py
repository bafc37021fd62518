"""Images through an encoder, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unweave.batches import to_float
from unweave.directory import ImageFacts
from unweave.model import Autoencoder
from unweave.protocols import Posterior

CHUNK = 256
"""Number of images per batch when a trained model encodes or decodes."""


def check_images(images: NDArray[Any], facts: ImageFacts) -> None:
    """Raise unless images have the type and (h, w, c) of a data set."""
    dtype = np.dtype(np.float32 if facts.continuous else np.uint8)
    shape = facts.image_shape
    if images.dtype != dtype or images.ndim != 4 or images.shape[1:] != shape:
        raise ValueError(
            f"images must be {dtype} with shape (n, {', '.join(map(str, shape))}), "
            f"got {images.dtype} with shape {images.shape}"
        )


@torch.no_grad()
def encode_chunks(
    model: Autoencoder, images: NDArray[Any], device: torch.device
) -> Iterator[tuple[Posterior, Tensor]]:
    """Yield the posterior and the float images of every chunk."""
    for x in _chunks(images, device):
        yield model.encode(x), x


@torch.no_grad()
def encode_as_one(model: Autoencoder, images: NDArray[Any], device: torch.device) -> Posterior:
    """Return the posteriors of all images as one batch."""
    outputs = [model.encoder_output(x) for x in _chunks(images, device)]
    return model.posterior(torch.cat(outputs))


def _chunks(images: NDArray[Any], device: torch.device) -> Iterator[Tensor]:
    for start in range(0, len(images), CHUNK):
        chunk = np.ascontiguousarray(images[start : start + CHUNK])
        yield to_float(torch.from_numpy(chunk).to(device))
