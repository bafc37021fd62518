"""PNG: chunks that are changed, doubled, missing or huge, with right checksums."""

from __future__ import annotations

import struct
import zlib

from hypothesis import strategies as st

from torture.mutations.trees import damage_bytes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIDES = (0, 1, 16, 17, 1000, 15_000, 40_000, 2**31 - 1, 2**31, 2**32 - 1)
KINDS = (b"tRNS", b"PLTE", b"iCCP", b"gAMA", b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"acTL", b"sBIT",
         b"pHYs", b"XXXX", b"IEND", b"IHDR", b"fcTL")  # fmt: skip
OTHERS = (
    b"",
    b"GIF89a",
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    b"BM",
    b"\xff\xd8\xff\xe0",
    b"II*\0",
    b"RIFF\0\0\0\0WEBP",
    b"P5 99999 99999 255\n",
    b"<svg/>",
)


@st.composite
def png_files(draw: st.DrawFn, content: bytes) -> bytes:
    """A PNG file with one to three changes of chunks, or the start of another format."""
    if draw(st.integers(0, 11)) == 0:
        return draw(st.sampled_from(OTHERS)) + draw(st.binary(max_size=64))
    chunks = _chunks(content)
    for _ in range(draw(st.integers(1, 3))):
        _edit(draw, chunks)
    return draw(damage_bytes(SIGNATURE + b"".join(map(_chunk, chunks)), 6))


def _edit(draw: st.DrawFn, chunks: list[tuple[bytes, bytes]]) -> None:
    place = draw(st.integers(0, len(chunks) - 1))
    kind, data = chunks[place]
    how = draw(
        st.sampled_from(["head", "head", "drop", "double", "swap", "insert", "data", "bomb"])
    )
    if how == "head":
        chunks[0] = (b"IHDR", _head(draw))
    elif how == "drop" and len(chunks) > 1:
        del chunks[place]
    elif how == "double":
        chunks.insert(place, (kind, data))
    elif how == "swap":
        other = draw(st.integers(0, len(chunks) - 1))
        chunks[place], chunks[other] = chunks[other], chunks[place]
    elif how == "insert":
        text = draw(st.one_of(st.binary(max_size=40), st.just(b"k\0" + b"\x1b[31m" * 50)))
        chunks.insert(place, (draw(st.sampled_from(KINDS)), text))
    elif how == "data":
        chunks[place] = (kind, draw(damage_bytes(data, 1)))
    else:
        packed = zlib.compress(bytes(draw(st.sampled_from([1 << 10, 1 << 24]))))
        chunks[place] = draw(st.sampled_from([(b"IDAT", packed), (b"zTXt", b"k\0\0" + packed),
                                              (b"iCCP", b"k\0\0" + packed)]))  # fmt: skip


def _head(draw: st.DrawFn) -> bytes:
    width, height = draw(st.sampled_from(SIDES)), draw(st.sampled_from(SIDES))
    depth = draw(st.sampled_from([1, 2, 4, 8, 16, 0, 3, 255]))
    rest = (draw(st.sampled_from([0, 2, 3, 4, 6, 1, 255])), *draw(
        st.sampled_from([(0, 0, 0), (0, 0, 1), (1, 0, 0), (0, 9, 0), (0, 0, 7)])
    ))  # fmt: skip
    return struct.pack(">IIBBBBB", width, height, depth, *rest)


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    chunks, place = [], len(SIGNATURE)
    while place < len(content):
        (size,) = struct.unpack(">I", content[place : place + 4])
        kind = content[place + 4 : place + 8]
        chunks.append((kind, content[place + 8 : place + 8 + size]))
        place += size + 12
    return chunks


def _chunk(chunk: tuple[bytes, bytes]) -> bytes:
    kind, data = chunk
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
