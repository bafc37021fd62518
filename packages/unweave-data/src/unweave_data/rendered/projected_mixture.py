"""A mixture of Gaussians in the plane, embedded in a space of more dimensions."""

import numpy as np
from numpy.typing import NDArray

from unweave_data.loader import loader
from unweave_data.rendered.synthetic import check_count, check_size, rng_of, rng_of_split
from unweave_data.vectors import VectorDataset

# Stream of the projection, which both splits share; their points are from streams 1 and 2.
_PROJECTION = 0


class ProjectedMixture(VectorDataset):
    """Points of a planar mixture of Gaussians in D dimensions, and their plane.

    `coordinates` are the points in the plane, float64 of shape (N, 2). The orthonormal columns of
    `projection`, float64 of shape (D, 2), are the axes of the plane: without noise the vectors are
    `coordinates @ projection.T`.
    """

    def __init__(
        self,
        coordinates: NDArray[np.float64],
        projection: NDArray[np.float64],
        noise: NDArray[np.float64],
        component: NDArray[np.integer],
        components: int,
    ) -> None:
        self.coordinates = coordinates
        self.projection = projection
        super().__init__(
            coordinates @ projection.T + noise,
            name=f"gaussian-mixture-{len(projection)}d",
            factors=component,
            factor_names=("component",),
            factor_sizes=(components,),
            note="means, scales and number of points are ours, because the paper states none",
        )


@loader("gaussian-mixture-100d")
def projected_mixture(
    *,
    components: int = 4,
    points: int = 10_000,
    dim: int = 100,
    radius: float = 2.0,
    scale: float = 0.25,
    noise: float = 0.0,
    split: str = "train",
    seed: int = 0,
) -> ProjectedMixture:
    """Draw points of a planar mixture of Gaussians embedded in D dimensions, factor `component`.

    x = P (m_k + scale e) + noise f with e ~ N(0, I_2), f ~ N(0, I_D), means m_k equally spaced on
    the circle of `radius` about 0 (for four: at the corners of a square) and P of shape (D, 2) with
    orthonormal columns, drawn uniformly. P keeps distances, so a squared error in D dimensions is
    one in the plane. Point i is from component i mod K.

    Parameters
    ----------
    components
        number of components K, at least 1
    points
        number of points N, at least K
    dim
        number of dimensions D, at least 2
    radius
        distance of the means from the origin
    scale
        standard deviation of a component, in both directions of the plane
    noise
        standard deviation of noise in all D dimensions
    split
        "train" or "test", which have independent points in the same plane
    seed
        seed of the plane and of the points

    Returns
    -------
    VectorDataset with `coordinates` (N, 2), the points in the plane, and `projection` (D, 2)

    Raises
    ------
    DataError
        If the value of an option is out of range.

    References
    ----------
    Braithwaite, O'Connor, Kleijn. Variance constrained autoencoding (2020), section 6.1: "a mixture
    of four two-dimensional Gaussians ... projected into a 100-dimensional space". It states no
    means, scales or number of points.

    Examples
    --------
    >>> data = projected_mixture(points=500)
    >>> data, data.factor_names, data.factor_sizes, data.coordinates.shape
    (<gaussian-mixture-100d: 500 vectors of 100>, ('component',), (4,), (500, 2))
    """
    check_count("components", components, 1)
    check_count("points", points, components)
    check_count("dim", dim, 2)
    for option, size in (("radius", radius), ("scale", scale), ("noise", noise)):
        check_size(option, size)
    component = np.arange(points) % components
    rng = rng_of_split(seed, split)
    coordinates = means_on_circle(components, radius)[component]
    coordinates += scale * rng.standard_normal((points, 2))
    spread = noise * rng.standard_normal((points, dim))
    projection = draw_projection(rng_of(seed, _PROJECTION), dim)
    return ProjectedMixture(coordinates, projection, spread, component, components)


def means_on_circle(components: int, radius: float) -> NDArray[np.float64]:
    """Return equally spaced means on a circle about 0; the first is half a step from the x axis.

    Returns
    -------
    float64 array, shape (components, 2)

    Examples
    --------
    >>> means_on_circle(4, 2**0.5).round(3)
    array([[ 1.,  1.],
           [-1.,  1.],
           [-1., -1.],
           [ 1., -1.]])
    """
    angle = 2 * np.pi * (np.arange(components) + 0.5) / components
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def draw_projection(rng: np.random.Generator, dim: int) -> NDArray[np.float64]:
    """Draw a plane in `dim` dimensions uniformly: two orthonormal columns.

    They are the Q of a QR decomposition of a Gaussian matrix, with signs that make the diagonal of
    R positive; with other signs the plane's axes would not be uniform.

    Returns
    -------
    float64 array, shape (dim, 2)

    Examples
    --------
    >>> plane = draw_projection(np.random.default_rng(0), 5)
    >>> (plane.T @ plane).round(6).tolist() == [[1, 0], [0, 1]]
    True
    """
    q, r = np.linalg.qr(rng.standard_normal((dim, 2)))
    return np.asarray(q * np.sign(np.diag(r)))
