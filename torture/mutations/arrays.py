"""npz and idx: headers with a wrong type, shape or size, and members that are not arrays."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from typing import Any

import numpy as np
from hypothesis import strategies as st

from torture.mutations.trees import damage_bytes

HEADS = ("|O", "<f8", "<u1", "<i8", "<U3", "|S4", "<M8[s]", "<c16", "|V4", "(2,)<f4", "<f99", "")
SIZES = (0, 1, 3, 255, 256, 257, 10**6, 2**31, 2**32 - 1, 2**40, 10**18, -1)


class _Call:
    """An object whose pickle calls a function when it is read."""

    def __reduce__(self) -> Any:
        return (exec, ("open('pickle-was-read', 'w').write('x')",))


@st.composite
def npz_files(draw: st.DrawFn, arrays: dict[str, Any]) -> bytes:
    """An npz file with one or two members changed."""
    members = {f"{name}.npy": _npy(np.asarray(array)) for name, array in arrays.items()}
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(sorted(members)))
        array = np.asarray(arrays.get(name.removesuffix(".npy"), np.zeros(3)))
        _edit(draw, members, name, array)
    stream = io.BytesIO()
    packing = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]))
    with zipfile.ZipFile(stream, "w", packing) as file:
        for name, content in members.items():
            # A library refuses to write a member without a name, but a file may have one.
            about = zipfile.ZipInfo(name or "unnamed")
            about.filename, about.compress_type = name, packing
            file.writestr(about, content)
    return draw(damage_bytes(stream.getvalue(), 4))


def _edit(draw: st.DrawFn, members: dict[str, bytes], name: str, array: Any) -> None:
    how = draw(st.sampled_from(["delete", "rename", "header", "pickle", "values", "type", "text",
                                "shape", "cut", "bomb"]))  # fmt: skip
    if how == "delete" and len(members) > 1:
        del members[name]
    elif how == "rename":
        odd = draw(st.sampled_from(["x.npy", "../../x.npy", "/x.npy", name[:-4], "", "a/b.npy"]))
        members[odd] = members.pop(name)
    elif how == "header":
        sizes = draw(st.lists(st.sampled_from(SIZES), max_size=5))
        members[name] = _head(draw(st.sampled_from(HEADS)), sizes) + array.tobytes()[:4096]
    elif how == "pickle":
        members[name] = _head("|O", [1]) + pickle.dumps([_Call()])
    elif how == "values":
        odd = array.astype("f8")
        odd.flat[:: max(1, odd.size // 5)] = draw(
            st.sampled_from([np.nan, np.inf, 1e300, -1e30, -3, 0.5])
        )
        members[name] = _npy(odd)
    elif how == "type":
        with np.errstate(all="ignore"):
            members[name] = _npy(array.astype(draw(st.sampled_from(["i1", "f2", "u8", "?", "S2"]))))
    elif how == "text":
        members[name] = draw(st.sampled_from([b"", b"text", b"\x93NUMPY", pickle.dumps(_Call())]))
    elif how == "shape":
        rows = draw(st.sampled_from([0, 1, len(array) - 1 if array.ndim else 2]))
        members[name] = _npy(np.resize(array, (max(rows, 0), *array.shape[1:])))
    elif how == "cut":
        members[name] = members[name][: draw(st.integers(0, len(members[name])))]
    elif how == "bomb":
        members[name] = _head("|u1", [1 << 26, 16, 16])[:-1] + b"\n" + bytes(1 << 22)


def _npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=False)
    return stream.getvalue()


def _head(kind: str, shape: list[int]) -> bytes:
    sizes = "".join(f"{n}," for n in shape)
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': ({sizes}), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@st.composite
def idx_files(draw: st.DrawFn, array: Any) -> bytes:
    """An idx file with another magic number, type or size."""
    array = np.asarray(array, np.uint8)
    sizes = list(array.shape)
    kind, axes = 8, len(sizes)
    for _ in range(draw(st.integers(1, 2))):
        how = draw(st.sampled_from(["size", "type", "axes", "more", "none"]))
        if how == "size":
            sizes[draw(st.integers(0, len(sizes) - 1))] = draw(st.sampled_from(SIZES[:-1])) % 2**32
        elif how == "type":
            kind = draw(st.integers(0, 255))
        elif how == "axes":
            axes = draw(st.integers(0, 255))
        elif how == "more":
            sizes.append(draw(st.sampled_from([0, 1, 2, 10**6])))
    head = bytes([0, draw(st.sampled_from([0, 0, 0, 1])), kind, axes])
    return draw(damage_bytes(head + struct.pack(f">{len(sizes)}I", *sizes) + array.tobytes(), 3))
