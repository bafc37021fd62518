"""Training from files on the disk against training from memory, steps per second.

A convolutional autoencoder takes batches of the same images from memory and from files of several
layouts, whose pages the system is told to forget before each block of steps, so that they come
from the disk as those of a file larger than memory do. The indices of the next steps are
announced, and a thread reads them while a step is computed. Blocks of steps are timed in turn,
A B C A B C ..., so that the ratios hold when the machine's speed drifts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import nn

from unweave.batches import BatchIndices, Feed, open_feed
from unweave.model import channels_last
from unweave_data import ArrayDataset, load

LIMIT = 0.8
AHEAD = 4
CHUNKS: dict[str, dict[str, Any]] = {
    "hdf5, contiguous": {},
    "hdf5, chunks of 1": {"chunks": (1, 64, 64, 3)},
    "hdf5, chunks of 1, gzip": {"chunks": (1, 64, 64, 3), "compression": "gzip"},
    "hdf5, chunks of 1000": {"chunks": (1000, 64, 64, 3)},
}


def make_images(n: int) -> np.ndarray:
    """Draw smooth images with noise, which gzip packs about as well as renderings."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64] / 64
    images = np.empty((n, 64, 64, 3), np.uint8)
    for image in images:
        a, b, c = rng.uniform(1, 6, (3, 3))
        image[:] = 127 + 120 * np.sin(a * x[..., None] + b) * np.cos(c * y[..., None])
    return images


def write_files(images: np.ndarray, folder: Path) -> dict[str, Path]:
    """Write the images in every layout."""
    paths = {"npy": folder / "x.npy", "npz, unpacked": folder / "x.npz"}
    np.save(paths["npy"], images)
    np.savez_compressed(paths["npz, unpacked"], images=images)
    for number, (name, how) in enumerate(CHUNKS.items()):
        paths[name] = folder / f"{number}.h5"
        with h5py.File(paths[name], "w") as file:
            file.create_dataset("images", data=images, **how)
    return paths


def open_file(name: str, path: Path) -> Any:
    """Open a file so that it stays on the disk."""
    if name == "npz, unpacked":
        return load("npz", path=path, unpack=path.parent / "unpacked")
    return load(path.suffix[1:].replace("h5", "hdf5"), path=path, in_memory=False)


def forget(folder: Path) -> None:
    """Tell the system that the pages of all files may go."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Loop:
    """Steps of an autoencoder on one feed, each batch announced AHEAD steps before."""

    def __init__(self, feed: Feed, n: int, batch: int, device: torch.device) -> None:
        torch.manual_seed(0)
        down = ((3, 32), (32, 32), (32, 64), (64, 64))
        layers: list[nn.Module] = [nn.Conv2d(c, d, 4, 2, 1) for c, d in down]
        layers += [nn.ConvTranspose2d(d, c, 4, 2, 1) for c, d in reversed(down)]
        self.net = nn.Sequential(*(m for layer in layers for m in (layer, nn.ReLU())))
        channels_last(self.net).to(device)
        self.optimizer = torch.optim.Adam(self.net.parameters(), fused=True)
        self.feed = feed
        self.order = BatchIndices(n, batch, 0, "codes", device)
        self.step_number = 0

    def step(self) -> None:
        """Do one step."""
        for ahead in range(1, AHEAD + 1):
            self.feed.announce(self.order(self.step_number + ahead))
        x = self.feed(self.order(self.step_number))
        loss = (self.net(x) - x).square().mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.step_number += 1


def seconds(step: Callable[[], None], count: int, device: torch.device) -> float:
    """Time some steps, the device's work included."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Print steps per second from memory, and the ratio of every file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--block", type=int, default=10, help="steps timed at once")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        images = make_images(options.images)
        paths = write_files(images, folder)
        device = torch.device(options.device)
        sets: dict[str, Any] = {"memory": ArrayDataset(images)}
        sets |= {kind: open_file(kind, path) for kind, path in paths.items()}
        loops = {
            kind: Loop(open_feed(data, device), options.images, options.batch, device)
            for kind, data in sets.items()
        }
        times: dict[str, list[float]] = {kind: [] for kind in loops}
        for _ in range(options.rounds):
            for kind, loop in loops.items():
                forget(folder)
                times[kind].append(seconds(loop.step, options.block, device))
        base = times["memory"]
        rate = options.block / statistics.median(base)
        print(f"memory on {device}: {rate:.1f} steps of {options.batch} images per second")
        for kind, own in times.items():
            ratio = statistics.median(b / o for b, o in zip(base, own, strict=True))
            below = "" if ratio >= LIMIT else "  BELOW"
            print(f"{kind:28} {ratio:6.2f} of the speed from memory{below}")


if __name__ == "__main__":
    main()
