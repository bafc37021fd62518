"""Read arrays of other libraries without importing those libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_numpy(value: Any, name: str) -> NDArray[Any]:
    """Return anything that can be read as an array as a numpy array, without a copy if possible.

    Accepted are numpy arrays and nested sequences; masked arrays without masked values; pandas and
    polars frames, where missing numbers become NaN; torch tensors on any device, without their
    gradients, and lists of tensors; and objects with ``__array__`` (JAX, scikit-learn's wrappers)
    or ``__dlpack__``.

    Raises
    ------
    ValueError
        For rows of different lengths, or masked values.
    TypeError
        For a value that cannot be read as an array.
    """
    if isinstance(value, np.ndarray):
        return _unmasked(value, name)
    if has(value, "toarray"):
        raise TypeError(f"{name} must be dense, got a sparse {_kind(value)}; call its toarray()")
    try:
        array = _read(value)
    except ValueError as error:
        if isinstance(value, list | tuple):
            raise ValueError(f"{name} must have rows of equal length: {str(error)[:120]}") from None
        raise _unreadable(value, name, error) from None
    except Exception as error:  # the conversion of an unknown class may raise anything
        raise _unreadable(value, name, error) from None
    return _unmasked(array, name)


def has(value: Any, name: str) -> bool:
    """Return whether an object has an attribute; if the look-up raises, it does not."""
    try:
        return hasattr(value, name)
    except Exception:
        return False


def _unmasked(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return the array without its mask; refuse one with masked values."""
    if isinstance(array, np.ma.MaskedArray):
        count = int(np.ma.getmaskarray(array).sum())
        if count:
            raise ValueError(
                f"{name} must have no masked values, got {count} of {array.size}; drop those rows "
                "or fill them"
            )
        return np.asarray(array.data)
    return _as_float32(np.asarray(array))


def _as_float32(array: NDArray[Any]) -> NDArray[Any]:
    """Return dtypes that other libraries add to numpy, such as JAX's bfloat16, as float32."""
    added = array.dtype.kind == "V" and array.dtype.type is not np.void
    return array.astype(np.float32) if added else array


def _read(value: Any) -> NDArray[Any]:
    """Read an array of another library, or a sequence."""
    if has(value, "detach") and has(value, "cpu"):
        return _of_tensor(value.detach().cpu())
    if isinstance(value, list | tuple) and any(has(row, "detach") for row in value):
        return np.asarray([_read(row) for row in value])
    if has(value, "to_numpy"):
        return _of_frame(value)
    if has(value, "__dlpack__") and not has(value, "__array__"):
        return np.asarray(np.from_dlpack(value))
    return np.asarray(value)


def _of_tensor(tensor: Any) -> NDArray[Any]:
    """Return a tensor as an array; dtypes that numpy lacks, such as bfloat16, become float32."""
    tensor = tensor.resolve_neg() if has(tensor, "resolve_neg") else tensor
    try:
        return np.asarray(tensor)
    except TypeError:
        return np.asarray(tensor.float())


def _of_frame(frame: Any) -> NDArray[Any]:
    """Return a frame or a column as an array; numbers of mixed or nullable dtypes become floats."""
    array = frame.to_numpy()
    dtypes = getattr(frame, "dtypes", ())
    kinds = {getattr(dtype, "kind", "O") for dtype in np.ravel(np.asarray(dtypes, dtype=object))}
    if array.dtype.kind == "O" and kinds and kinds <= set("biuf"):
        return np.asarray(frame.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.asarray(array)


def _unreadable(value: Any, name: str, error: Exception) -> TypeError:
    """Return the error for a value that cannot be read as an array."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:120]
    return TypeError(
        f"{name} must be an array of numbers, but {_kind(value)} cannot be read: {reason}"
    )


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"[:60]
