"""Codes in a plane that keeps neighbours together: t-SNE, and UMAP where it is installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.errors import ConfigError, unknown_name

Embed = Callable[[NDArray[Any], int], NDArray[Any]]


def embed(kind: str, codes: NDArray[np.floating[Any]], seed: int) -> NDArray[np.float32]:
    """Return a point of the plane for each code, shape (n, 2).

    Parameters
    ----------
    kind
        `tsne` or `umap`.
    codes : float array, shape (n, D).
    seed
        Of the start and of everything that is drawn.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    ConfigError
        If the package that computes it is not installed, or there are fewer than three codes.

    References
    ----------
    van der Maaten and Hinton, "Visualizing data using t-SNE", 2008; McInnes, Healy and Melville,
    "UMAP", 2018.
    """
    if kind not in KINDS:
        raise unknown_name("embedding", kind, KINDS)
    if len(codes) < 3:
        raise ConfigError(f"an embedding needs at least 3 codes, got {len(codes)}")
    return np.asarray(KINDS[kind](codes, seed), np.float32)


def _tsne(codes: NDArray[Any], seed: int) -> NDArray[Any]:
    manifold = _module("sklearn.manifold", "scikit-learn", "tsne")
    perplexity = min(30.0, (len(codes) - 1) / 3)
    start = "pca" if codes.shape[1] >= 2 else "random"
    model = manifold.TSNE(perplexity=perplexity, init=start, random_state=seed)
    points: NDArray[Any] = model.fit_transform(codes)
    return points


def _umap(codes: NDArray[Any], seed: int) -> NDArray[Any]:
    umap = _module("umap", "umap-learn", "umap")
    model = umap.UMAP(n_neighbors=min(15, len(codes) - 1), random_state=seed)
    points: NDArray[Any] = model.fit_transform(codes)
    return points


KINDS: dict[str, Embed] = {"tsne": _tsne, "umap": _umap}
TITLES = {"tsne": "t-SNE", "umap": "UMAP"}


def _module(module: str, package: str, kind: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"embedding {kind} needs {package}, which is not installed; "
            f"install it: pip install {package}"
        ) from error
