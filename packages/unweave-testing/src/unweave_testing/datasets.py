"""Checks that every data set must pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from unweave_testing.check import Check, NotApplicable


def dataset_checks() -> list[Check]:
    """List the checks of data sets; their factory is called without arguments.

    - `description`: name, length, image shape, bits and a note of at most one line are valid.
    - `images`: `images(index)` is (n, h, w, c), uint8, or float32 if `bits` is 32; the index may
      be empty and may repeat an image.
    - `order`: images come in the order of the index, the same each time.
    - `own-memory`: writing to a batch does not change the data set.
    - `out-of-range`: an index past the end is refused with an IndexError or ValueError.
    - `bits`: if `bits` is 1, every pixel is 0 or 255; if it is 32, every pixel is finite.
    - `factors`: classes (N, K) are integers from 0 to size - 1, with K names and K sizes; without
      factors, names and sizes are empty.
    - `factor-values`: values (N, K) are finite, and each class has one value, or the classes are
      bins of the values; or `factor_values` is None.
    - `stored`: `stored()` returns the same images, packed to bits if `bits` is 1; or None.
    - `view`: the `view` of a stochastic view, with the noise of `uniform`, equals `images`.

    Examples
    --------
    >>> from unweave_testing import dataset_checks
    >>> [check.name for check in dataset_checks()][:3]
    ['description', 'images', 'order']
    """
    return [
        Check("description", _description),
        Check("images", _images),
        Check("order", _order),
        Check("own-memory", _own_memory),
        Check("out-of-range", _out_of_range),
        Check("bits", _bits),
        Check("factors", _factors),
        Check("factor-values", _factor_values),
        Check("stored", _stored),
        Check("view", _view),
    ]


def _index(data: Any) -> Any:
    """Return the indices of up to 20 images, spread evenly over the data set."""
    return np.unique(np.linspace(0, len(data) - 1, 20).astype(int))


def _description(factory: Any) -> None:
    data = factory()
    assert isinstance(data.name, str), f"name must be text, got {data.name!r}"
    assert data.name, "name must not be empty"
    assert len(data) >= 1, f"len() must be at least 1, got {len(data)}"
    shape = data.image_shape
    assert isinstance(shape, tuple), f"image_shape must be a tuple (h, w, c), got {shape!r}"
    assert len(shape) == 3, f"image_shape must be (h, w, c), got {shape}"
    assert min(shape) >= 1, f"image_shape must be positive, got {shape}"
    assert data.bits in (1, 8, 32), f"bits must be 1, 8 or 32, got {data.bits!r}"
    assert isinstance(data.note, str), f"note must be text, got {data.note!r}"
    assert "\n" not in data.note, f"note must be one line, got {data.note!r}"


def _dtype(data: Any) -> Any:
    """Return the dtype of `images` and of `stored`."""
    return np.dtype(np.float32 if data.bits == 32 else np.uint8)


def _images(factory: Any) -> None:
    data = factory()
    for index in (_index(data), np.zeros(0, dtype=int), np.array([0, 0])):
        batch = data.images(index)
        expected = (len(index), *data.image_shape)
        assert batch.dtype == _dtype(data), f"images must be {_dtype(data)}, got {batch.dtype}"
        assert batch.shape == expected, f"images must have shape {expected}, got {batch.shape}"


def _order(factory: Any) -> None:
    data = factory()
    index = _index(data)
    batch = data.images(index)
    assert np.array_equal(data.images(index), batch), (
        "two calls of images with the same index differ"
    )
    assert np.array_equal(data.images(index[::-1]), batch[::-1]), (
        "images do not come in the order of the index"
    )
    one = np.concatenate([data.images(index[i : i + 1]) for i in range(len(index))])
    assert np.array_equal(one, batch), "images read one by one differ from images read in a batch"


def _own_memory(factory: Any) -> None:
    data = factory()
    index = np.array([0])
    before = data.images(index).copy()
    batch = data.images(index)
    if batch.flags.writeable:
        batch[...] = 255 - batch  # changes every byte, and every float but 127.5
    assert np.array_equal(data.images(index), before), "writing to a batch changed the data set"


def _out_of_range(factory: Any) -> None:
    data = factory()
    try:
        data.images(np.array([len(data)]))
    except (IndexError, ValueError):
        return
    raise AssertionError(
        f"index {len(data)} must raise IndexError or ValueError, the last one is {len(data) - 1}"
    )


def _bits(factory: Any) -> None:
    data = factory()
    if data.bits == 8:
        raise NotApplicable("pixels have 8 bits")
    if data.bits == 32:
        finite = np.isfinite(data.images(_index(data)))
        assert finite.all(), f"with bits = 32 every pixel must be finite, {(~finite).sum()} are not"
        return
    odd = np.setdiff1d(data.images(_index(data)), [0, 255])
    assert odd.size == 0, f"with bits = 1 every pixel must be 0 or 255, got {odd[:5].tolist()}"


def _factors(factory: Any) -> None:
    data = factory()
    names, sizes, factors = data.factor_names, data.factor_sizes, data.factors
    if factors is None:
        assert len(names) == len(sizes) == 0, "without factors, names and sizes must be empty"
        return
    factors = np.asarray(factors)
    assert factors.ndim == 2, f"factors must have shape (N, K), got {factors.shape}"
    assert len(factors) == len(data), (
        f"factors must have one row per image, {len(data)}, got {len(factors)}"
    )
    assert np.issubdtype(factors.dtype, np.integer), (
        f"factors must be integers, got {factors.dtype}"
    )
    k = factors.shape[1]
    assert len(names) == len(sizes) == k, (
        f"{k} factors must have as many names and sizes, got {len(names)} and {len(sizes)}"
    )
    assert len(set(names)) == k, f"factor names must differ, got {names}"
    assert factors.min() >= 0, f"classes must not be negative, got {factors.min()}"
    largest = zip(names, factors.max(axis=0), sizes, strict=True)
    above = [name for name, number, size in largest if number >= size]
    assert not above, f"classes of {', '.join(above)} must be below the factor's size"


def _factor_values(factory: Any) -> None:
    data = factory()
    if data.factor_values is None:
        raise NotApplicable("the factors have no values")
    assert data.factors is not None, "factor_values must be None if factors is None"
    values, factors = np.asarray(data.factor_values), np.asarray(data.factors)
    assert values.shape == factors.shape, (
        f"factor_values must have the factors' shape {factors.shape}, got {values.shape}"
    )
    assert np.isfinite(values).all(), "factor_values must be finite"
    for k, name in enumerate(data.factor_names):
        _check_values(name, factors[:, k], values[:, k])


def _check_values(name: str, classes: Any, values: Any) -> None:
    levels, level = np.unique(values, return_inverse=True)
    numbers, number = np.unique(classes, return_inverse=True)
    pairs = len(np.unique(number.ravel() * len(levels) + level.ravel()))
    if pairs == len(numbers):
        return
    ascending = classes[np.argsort(values, kind="stable")].astype(np.int64)
    is_binned = bool((np.diff(ascending) >= 0).all())
    assert is_binned, (
        f"factor {name} must have one value per class, or classes that are bins of the values in "
        f"ascending order; {len(numbers)} classes form {pairs} pairs with the values"
    )


def _view(factory: Any) -> None:
    data = factory()
    if not hasattr(data, "view"):
        raise NotApplicable("the data set is not a stochastic view")
    assert data.stored() is None, "stored() of a view must return None; its frames are stored"
    assert len(data.frames) == len(data), (
        f"a view must have one frame per image, {len(data)}, got {len(data.frames)}"
    )
    index = _index(data)
    noise = data.uniform(index)
    shape = (len(index), *data.noise_shape)
    assert noise.shape == shape, f"uniform must return shape {shape}, got {noise.shape}"
    assert noise.dtype == np.float32, f"uniform must return float32, got {noise.dtype}"
    assert 0 <= noise.min() <= noise.max() < 1, "uniform must lie in [0, 1)"
    frames = data.frames.images(index).astype(np.float32) / np.float32(255)
    values = np.asarray(data.view(frames, noise, data.constants, np))
    expected = (len(index), *data.image_shape)
    assert values.shape == expected, f"view must return shape {expected}, got {values.shape}"
    difference = np.abs(values * 255 - data.images(index)).max()
    assert difference <= 0.51, (
        f"for the same noise, view and images differ by {difference:g} of 255, allowed is 0.51"
    )


def _stored(factory: Any) -> None:
    data = factory()
    calls: list[tuple[int, int]] = []
    stored = data.stored(progress=lambda count, total: calls.append((count, total)))
    assert all(count <= total for count, total in calls), "progress reports a count above the total"
    if stored is None:
        raise NotApplicable("stored() is None")
    index, pixels = _index(data), int(np.prod(data.image_shape))
    expected = (len(data), -(-pixels // 8)) if data.bits == 1 else (len(data), *data.image_shape)
    assert stored.dtype == _dtype(data), f"stored() must be {_dtype(data)}, got {stored.dtype}"
    assert stored.shape == expected, f"stored() must have shape {expected}, got {stored.shape}"
    rows = stored[index]
    if data.bits == 1:
        rows = 255 * np.unpackbits(rows, axis=1)[:, :pixels].reshape(-1, *data.image_shape)
    assert np.array_equal(rows, data.images(index)), "stored() and images() return other images"
