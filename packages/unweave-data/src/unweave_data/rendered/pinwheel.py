"""The pinwheel: arms in the plane that a rotation bends."""

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError
from unweave_data.loader import loader
from unweave_data.rendered.synthetic import check_count, check_size, rng_of_split
from unweave_data.vectors import VectorDataset


@loader("pinwheel")
def pinwheel(
    *,
    arms: int = 4,
    points: int = 400,
    radial_std: float = 0.3,
    tangential_std: float = 0.1,
    rate: float = 0.25,
    split: str = "train",
    seed: int = 0,
) -> VectorDataset:
    """Draw points of a pinwheel in the plane, one factor `arm`.

    See `draw_pinwheel` for the formula. The defaults are those of Mathieu et al. (2019).
    Points take the arms in turn, so that the arms are equally large.

    Parameters
    ----------
    arms
        K, at least 1
    points
        N, at least K
    radial_std
        standard deviation along an arm
    tangential_std
        standard deviation across it
    rate
        radians by which a point at distance r turns, over exp(r)
    split
        "train" or "test": independent points
    seed
        another draw of both

    Raises
    ------
    DataError
        If an option is out of its range.

    References
    ----------
    Johnson, Duvenaud, Wiltschko, Datta, Adams. Composing graphical models with neural networks
    for structured representations and fast inference (2016), 5 arms, 0.3, 0.05, 0.25. Mathieu,
    Rainforth, Siddharth, Teh. Disentangling disentanglement in variational autoencoders (2019),
    section 6.2: 4 arms of 100 points, 0.3, 0.1, 0.25 in the authors' published scripts.

    Examples
    --------
    >>> data = pinwheel()
    >>> data, data.factor_names, data.factor_sizes
    (<pinwheel: 400 vectors of 2>, ('arm',), (4,))
    """
    check_count("arms", arms, 1)
    check_count("points", points, arms)
    check_size("radial_std", radial_std)
    check_size("tangential_std", tangential_std)
    if not np.isfinite(rate):
        raise DataError(f"rate must be a finite number, got {rate!r}")
    arm = np.arange(points) % arms
    rng = rng_of_split(seed, split)
    return VectorDataset(
        draw_pinwheel(rng, arm, arms, radial_std, tangential_std, rate),
        name="pinwheel",
        factors=arm,
        factor_names=("arm",),
        factor_sizes=(arms,),
    )


def draw_pinwheel(
    rng: np.random.Generator,
    arm: NDArray[np.integer],
    arms: int,
    radial_std: float,
    tangential_std: float,
    rate: float,
) -> NDArray[np.float64]:
    """Draw a point on each of some arms of a pinwheel.

    Along the arm r ~ N(1, radial_std^2), across it t ~ N(0, tangential_std^2); the point (r, t) is
    turned clockwise by 2 pi k / K + rate exp(r) for arm k of K.

    Parameters
    ----------
    rng
        draws r and t
    arm
        k of each point, integer array of shape (n,)
    arms
        K
    radial_std, tangential_std, rate
        as above

    Returns
    -------
    float64 array, shape (n, 2)

    Examples
    --------
    >>> draw_pinwheel(np.random.default_rng(0), np.array([0, 1]), 4, 0.0, 0.0, 0.0).round(3)
    array([[ 1.,  0.],
           [ 0., -1.]])
    """
    r = 1 + radial_std * rng.standard_normal(len(arm))
    t = tangential_std * rng.standard_normal(len(arm))
    angle = 2 * np.pi * arm / arms + rate * np.exp(r)
    turned = (r + 1j * t) * np.exp(-1j * angle)
    return np.stack([turned.real, turned.imag], axis=1)
