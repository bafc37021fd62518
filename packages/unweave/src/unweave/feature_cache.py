"""Features of images, kept between commands in the user's folder of caches.

A command computes features of the same real images again and again, for minutes; those of what a
model draws differ every time and are not kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import cast

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from torch import nn

from unweave.errors import RunError
from unweave.files import write_bytes

FOLDER = "UNWEAVE_CACHE"
"""Environment variable that names the folder; set and empty, nothing is kept."""
LARGEST = 1 << 30
"""Bytes of all files together; the features that were not used for longest are removed."""
NAME = "features"
UNREADABLE = (safetensors.SafetensorError, OSError, LookupError, ValueError)
"""What reading a file that holds no features may raise."""


def key_of(network: nn.Module, images: NDArray[np.uint8], device: str, version: int) -> str:
    """Hash what features are a function of: images, network with its weights, device, version.

    Parameters
    ----------
    version
        Of how images are scaled and put into batches.
    """
    digest = hashlib.blake2b(digest_size=20)
    about = (type(network).__qualname__, device, images.shape, str(images.dtype), version)
    digest.update(repr(about).encode())
    digest.update(np.ascontiguousarray(images).data)
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def read_features(key: str, rows: int) -> NDArray[np.float32] | None:
    """Read the features of images, shape (rows, d); None where none are kept, or a file is damaged.

    A file that is read counts as used just now.
    """
    path = _path(key)
    if path is None or not path.is_file():
        return None
    try:
        features = safetensors.numpy.load_file(path)[NAME]
    except UNREADABLE:
        return None
    if features.dtype != np.float32 or features.ndim != 2 or len(features) != rows:
        return None
    if not np.isfinite(features).all():
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return cast("NDArray[np.float32]", features)


def save_features(key: str, features: NDArray[np.float32]) -> None:
    """Keep the features of images; where the folder cannot be written, nothing is kept or said."""
    path = _path(key)
    if path is None:
        return
    with contextlib.suppress(OSError, RunError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, safetensors.numpy.save({NAME: features}))
        _remove_oldest(path.parent)


def _path(key: str) -> Path | None:
    """Return where features are kept: `$UNWEAVE_CACHE`, else `$XDG_CACHE_HOME` or `~/.cache`."""
    folder = os.environ.get(FOLDER)
    if folder == "":
        return None
    if folder is None:
        try:
            caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        except RuntimeError:  # nobody's home
            return None
        folder = str(Path(caches) / "unweave")
    return Path(folder) / NAME / f"{key}.safetensors"


def _remove_oldest(folder: Path) -> None:
    """Remove files, those first that were not used for longest, until the others fit."""
    files = [(path, path.stat()) for path in folder.glob("*.safetensors")]
    room = LARGEST
    for path, facts in sorted(files, key=lambda pair: pair[1].st_mtime, reverse=True):
        room -= facts.st_size
        if room < 0:
            path.unlink(missing_ok=True)
