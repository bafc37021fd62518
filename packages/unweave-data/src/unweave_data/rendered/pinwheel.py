"""The pinwheel: points on bent arms in the plane."""

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
    """Draw points of a pinwheel in the plane, with one factor `arm`.

    See `draw_pinwheel` for the formula. The defaults are those of Mathieu et al. (2019). Point i is
    on arm i mod K, so that the arms have equally many points.

    Parameters
    ----------
    arms
        number of arms K, at least 1
    points
        number of points N, at least K
    radial_std
        standard deviation along an arm
    tangential_std
        standard deviation across an arm
    rate
        rotation of a point at distance r, in radians, over exp(r)
    split
        "train" or "test", which have independent points
    seed
        seed of the points of both splits

    Raises
    ------
    DataError
        If the value of an option is out of range.

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
    """Draw one point per entry of `arm` on the arms of a pinwheel.

    Along the arm r ~ N(1, radial_std^2), across it t ~ N(0, tangential_std^2); the point (r, t) is
    rotated clockwise by 2 pi k / K + rate exp(r) for arm k of K.

    Parameters
    ----------
    rng
        generator of r and t
    arm
        arm k of each point, integer array of shape (n,)
    arms
        number of arms K
    radial_std, tangential_std, rate
        as in the formula

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
    points = (r + 1j * t) * np.exp(-1j * angle)
    return np.stack([points.real, points.imag], axis=1)
