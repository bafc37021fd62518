"""HDF5: datasets of other types and shapes, links to other files, odd attributes."""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np
from hypothesis import strategies as st

from torture.mutations.trees import damage_bytes

SECRET = "secret.h5"
SECRET_NUMBER = 12345
EDITS = ("delete", "type", "shape", "huge", "external", "loop", "group", "values", "attribute",
         "missing chunks", "scalar", "empty", "vlen", "outside storage")  # fmt: skip
TYPES = ("i1", "u1", "i8", "u8", "f2", "f4", "f8", ">f4", "c8", "?", "S3")
ATTRIBUTES = (
    "", "text", b"\xff\xfe", -1, 10**12, 1.5, float("nan"), [1, 2], ["a", "b"], [b"\xff"],
    np.zeros((2, 2)), "x" * 10_000, ["$x^$", "\x1b[31m"],
)  # fmt: skip


@st.composite
def hdf5_files(draw: st.DrawFn, arrays: dict[str, Any], attributes: dict[str, Any]) -> bytes:
    """An HDF5 file with one to three datasets or attributes changed."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, array in arrays.items():
            file[name] = array
        file.attrs.update(attributes)
        for _ in range(draw(st.integers(1, 3))):
            _edit(draw, file, arrays, attributes)
    return draw(damage_bytes(stream.getvalue(), 6))


def _edit(draw: st.DrawFn, file: Any, arrays: dict[str, Any], attributes: dict[str, Any]) -> None:
    name = draw(st.sampled_from(sorted(arrays)))
    array, how = np.asarray(arrays[name]), draw(st.sampled_from(EDITS))
    if how == "attribute":
        key = draw(st.sampled_from([*attributes, "codes", "step"]))
        file.attrs[key] = draw(st.sampled_from(ATTRIBUTES))
        return
    if name in file:
        del file[name]
    if how == "type":
        kind = draw(st.sampled_from(TYPES))
        with np.errstate(all="ignore"):
            file[name] = array.astype(kind)
    elif how == "shape":
        rows = draw(st.sampled_from([0, 1, 2, len(array) - 1, len(array) + 1]))
        file[name] = np.resize(array, (rows, *array.shape[1:]))
    elif how == "huge":
        side = draw(st.sampled_from([10**6, 10**9, 10**15, 2**40]))
        chunks = (1, *array.shape[1:])
        file.create_dataset(name, (side, *array.shape[1:]), array.dtype, chunks=chunks)
    elif how == "external":
        file[name] = h5py.ExternalLink(SECRET, "secret")
    elif how == "loop":
        file[name] = h5py.SoftLink(f"/{name}")
    elif how == "group":
        file.create_group(name)["inside"] = array
    elif how == "values":
        odd = array.astype("f8")
        odd.flat[:: max(1, odd.size // 7)] = draw(
            st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1e30, -5, 1e6])
        )
        with np.errstate(all="ignore"):
            file[name] = odd.astype(array.dtype if draw(st.booleans()) else "f8")
    elif how == "missing chunks":
        file.create_dataset(name, array.shape, array.dtype, chunks=True, compression="gzip")
    elif how == "scalar":
        file[name] = draw(st.sampled_from([1, 2.5, "text", np.nan]))
    elif how == "empty":
        file[name] = h5py.Empty("f4")
    elif how == "vlen":
        kind = h5py.special_dtype(vlen=np.dtype("f4"))
        file.create_dataset(name, (3,), kind)[0] = [1.0, 2.0]
    elif how == "outside storage":
        file.create_dataset(name, array.shape, array.dtype,
                            external=[(SECRET, 0, array.nbytes)])  # fmt: skip
