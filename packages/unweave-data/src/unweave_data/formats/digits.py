"""The small digits of scikit-learn, which need no download."""

import numpy as np

from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.factors import make_factors
from unweave_data.layout import Pixels
from unweave_data.loader import loader


@loader("digits")
def digits() -> Dataset:
    """Load the 1,797 handwritten digits of scikit-learn, 8 x 8, one factor `digit` of 10 classes.

    Examples
    --------
    >>> data = digits()
    >>> len(data), data.image_shape, data.factor_sizes
    (1797, (8, 8, 1), (10,))
    """
    from sklearn.datasets import load_digits

    source = load_digits()
    # There are 17 grey levels, 0 to 16.
    pixels = np.rint(source.images * (255 / 16)).astype(np.uint8)[..., None]
    factors = make_factors(len(pixels), source.target, names=("digit",), sizes=(10,))
    note = "8 x 8 pixels of 17 grey levels"
    return ArrayDataset.of(Pixels.of(pixels), name="digits", factors=factors, note=note)
