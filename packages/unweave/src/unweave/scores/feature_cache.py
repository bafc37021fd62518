"""Features of images, kept between commands in the user's cache folder.

Features of the same real images would take minutes in every command. Those of a model's samples
differ every time and are not kept.
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
"""Environment variable that names the folder; if it is empty, nothing is kept."""
LARGEST = 1 << 30
"""Most bytes of all files together; the least recently used features are removed."""
NAME = "features"
UNREADABLE = (safetensors.SafetensorError, OSError, LookupError, ValueError)
"""What reading a file that holds no features may raise."""


def key_of(network: nn.Module, images: NDArray[np.uint8], device: str, version: int) -> str:
    """Hash all that determines features: images, network with its weights, device, version.

    Parameters
    ----------
    version
        Version of the scaling and batching of images.
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
    """Read the features of images, shape (rows, d); None if none are kept or the file is damaged.

    Reading a file marks it as used.
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
    """Keep the features of images; do nothing if the folder cannot be written."""
    path = _path(key)
    if path is None:
        return
    with contextlib.suppress(OSError, RunError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, safetensors.numpy.save({NAME: features}))
        _remove_oldest(path.parent)


def _path(key: str) -> Path | None:
    """Return the file of some features, in `$UNWEAVE_CACHE`, `$XDG_CACHE_HOME` or `~/.cache`."""
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
    """Remove the least recently used files until the others fit."""
    files = [(path, path.stat()) for path in folder.glob("*.safetensors")]
    room = LARGEST
    for path, facts in sorted(files, key=lambda pair: pair[1].st_mtime, reverse=True):
        room -= facts.st_size
        if room < 0:
            path.unlink(missing_ok=True)
