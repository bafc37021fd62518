"""Checks of the images of a data set, and of those kept in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from unweave.batches import Feed, is_view, to_float
from unweave.errors import ConfigError, blaming
from unweave.protocols import Dataset


def check_feed(owner: str, feed: Feed, dataset: Dataset, device: torch.device) -> None:
    """Raise unless the images kept in memory are those of the data set.

    Parameters
    ----------
    owner
        Names the data set in errors.

    Raises
    ------
    ConfigError
        If the first or the last image differs from that of `images`.
    """
    rows = np.array([0, len(dataset) - 1])
    with blaming(owner, "when images were taken from what its stored() gave"):
        stored = feed(torch.from_numpy(rows).to(device)).cpu()
    images = take_images(owner, dataset, rows)
    # What a view draws on the device is not rounded to a byte.
    tolerance = 1 / 255 if is_view(dataset) else 1e-6
    if stored.shape != images.shape or not torch.allclose(stored, images, rtol=0, atol=tolerance):
        raise ConfigError(
            f"{owner}: stored() must hold the images that images() gives, with the same type and "
            "order, and images() the same ones each time; they differ"
        )


def take_images(owner: str, dataset: Dataset, index: np.ndarray[Any, Any]) -> Tensor:
    """Return images as floats after checking their type and shape."""
    with blaming(owner, "when asked for images"):
        images = np.asarray(dataset.images(index))
    dtype = np.dtype(np.float32 if dataset.bits == 32 else np.uint8)
    shape = (len(index), *dataset.image_shape)
    if images.dtype != dtype or images.shape != shape:
        raise ConfigError(
            f"{owner}: images(index) must be {dtype} with shape {shape}, got {images.dtype} with "
            f"shape {images.shape}"
        )
    return to_float(torch.from_numpy(np.ascontiguousarray(images)))
