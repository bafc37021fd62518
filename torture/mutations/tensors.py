"""safetensors: headers whose names, types, shapes, places and metadata are wrong."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from hypothesis import strategies as st

from torture.mutations.trees import ODD, damage_bytes, trees

TYPES = ("F16", "BF16", "F64", "I64", "I8", "U8", "BOOL", "F8_E4M3", "X", "")


@st.composite
def tensor_files(draw: st.DrawFn, content: bytes) -> bytes:
    """A safetensors file with changes of its header or numbers."""
    (length,) = struct.unpack("<Q", content[:8])
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    numbers = bytearray(content[8 + length :])
    for _ in range(draw(st.integers(1, 2))):
        _edit(draw, header, numbers)
    text = json.dumps(header).encode("utf-8", errors="surrogatepass")
    sizes = [len(text)] * 8 + [0, 1, len(text) - 1, 10**9, 2**63, 2**64 - 1]
    size = draw(st.sampled_from(sizes))
    return draw(damage_bytes(struct.pack("<Q", size) + text + bytes(numbers), 6))


def _edit(draw: st.DrawFn, header: dict[str, Any], numbers: bytearray) -> None:
    names = [name for name in header if name != "__metadata__"]
    how = draw(st.sampled_from(["tree", "metadata", "metadata", "numbers", "type", "shape",
                                "place", "drop", "rename", "extra"]))  # fmt: skip
    if how == "metadata" or not names:
        about = header.get("__metadata__")
        if isinstance(about, dict) and about:
            key = draw(st.sampled_from(sorted(map(str, about))))
            about[key] = draw(st.one_of(st.sampled_from(
                ["", "0", "1", "3", "99", "-1", "x" * 9999, "{", "[" * 5000, "null", "{}", '"x"']
            ), ODD))  # fmt: skip
            if draw(st.integers(0, 4)) == 0:
                del about[key]
        return
    name = draw(st.sampled_from(names))
    entry = header[name]
    if how == "tree" or not isinstance(entry, dict):
        tree = draw(trees(header))
        if isinstance(tree, dict):
            header.clear()
            header.update(tree)
    elif how == "numbers":
        place = 4 * draw(st.integers(0, max(0, len(numbers) // 4 - 1)))
        odd = draw(st.sampled_from([np.nan, np.inf, 1e38, -1e30, 0.0]))
        numbers[place : place + 4] = np.float32(odd).tobytes()
    elif how == "type":
        entry["dtype"] = draw(st.sampled_from(TYPES))
    elif how == "shape":
        shape = list(entry.get("shape", []))
        entry["shape"] = draw(st.sampled_from([shape[::-1], [*shape, 1], [1, *shape], shape[1:],
                                               [int(np.prod(shape))], [0], [2**62]]))  # fmt: skip
    elif how == "place":
        entry["data_offsets"] = draw(st.sampled_from([[0, 4], [4, 0], [0, 2**62], [-1, 3], []]))
    elif how == "drop":
        del header[name]
    elif how == "rename":
        header[draw(st.sampled_from(["model.x", "", "x" * 4000, "optimizer.a.0.b"]))] = header.pop(
            name
        )
    elif how == "extra":
        header["model.extra"] = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
