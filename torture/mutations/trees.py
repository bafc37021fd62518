"""TOML and JSON: changes of a valid tree, and then of its text."""

from __future__ import annotations

import copy
import json
from typing import Any

import tomli_w
from hypothesis import strategies as st

DEEP = "@deep@"
LONG_NUMBER = "@number@"
"""Both stand in a tree for values that a library would not write."""
TEXTS = (
    "", "x", "a" * 5000, "../../outside", "/etc/passwd", "~/x", "$x^$", "\\frac", "\x1b[31m",
    "os:system", "builtins:eval", "unweave:vae", "nan", "1e999", "dsprites:path=/dev/zero", "ß‮x",
    "a\nb", "{run}", "%s%n", "<script>alert(1)</script>", "COM1", ".", "..", "a/b",
)  # fmt: skip
# Copies, because a later edit may change a value that was drawn before.
ODD = st.one_of(
    st.sampled_from(TEXTS), st.booleans(),
    st.sampled_from([0, -1, 1, 2, 10**6, 10**9, 2**63 - 1, 2**63, 10**30, -(10**18)]),
    st.sampled_from([0.0, -1.5, 1e-320, 1e38, 1e308, float("inf"), float("-inf"), float("nan")]),
    st.sampled_from([[], [1], ["a", 2], [[]], {}, {"a": 1}, {"name": 3}, [{}]]),
    st.sampled_from([DEEP, LONG_NUMBER]), st.text(max_size=20), st.integers(), st.floats(),
    st.none(),
).map(copy.deepcopy)  # fmt: skip
KEYS = st.one_of(
    st.sampled_from(["", "step", "name", "version", "a.b", "__class__", "$x^$", "x" * 3000, "é"]),
    st.text(max_size=12),
)
EDITS = ("replace", "replace", "replace", "delete", "rename", "add", "wrap", "repeat")


@st.composite
def trees(draw: st.DrawFn, base: Any) -> Any:
    """Change one to three places of a tree of dicts and lists."""
    tree = [copy.deepcopy(base)]
    for _ in range(draw(st.integers(1, 3))):
        parent, key = _place(draw, tree)
        _edit(draw, parent, key)
    return tree[0] if tree else None


def _place(draw: st.DrawFn, tree: Any) -> tuple[Any, Any]:
    """Draw a place in a tree; return its container and key."""
    parent, key = tree, 0
    while isinstance(parent[key], dict | list) and parent[key] and draw(st.integers(0, 4)):
        parent = parent[key]
        keys = list(parent) if isinstance(parent, dict) else range(len(parent))
        key = draw(st.sampled_from(keys))
    return parent, key


def _edit(draw: st.DrawFn, parent: Any, key: Any) -> None:
    edit = draw(st.sampled_from(EDITS))
    if edit == "delete" and len(parent) > 1:
        del parent[key]
    elif edit == "rename" and isinstance(parent, dict):
        parent[draw(KEYS)] = parent.pop(key)
    elif edit == "add" and isinstance(parent, dict):
        parent[draw(KEYS)] = draw(ODD)
    elif edit == "wrap":
        parent[key] = draw(st.sampled_from([[parent[key]], {"a": parent[key]}]))
    elif edit == "repeat" and isinstance(parent[key], list):
        parent[key] = parent[key] * draw(st.sampled_from([2, 100, 3000]))
    else:
        parent[key] = draw(ODD)


@st.composite
def toml_files(draw: st.DrawFn, base: Any) -> bytes:
    """A TOML file with changes of a valid tree."""
    tree = draw(trees(base))
    try:
        text = tomli_w.dumps(_without_none(tree))
    except Exception:  # a tree that TOML cannot hold
        text = f"a = {json.dumps(tree, default=str)}"
    return draw(_damage(text))


@st.composite
def json_files(draw: st.DrawFn, base: Any) -> bytes:
    """A JSON file with changes of a valid tree."""
    return draw(_damage(json.dumps(draw(trees(base)))))


@st.composite
def json_lines(draw: st.DrawFn, base: list[Any]) -> bytes:
    """A file of JSON lines with changes in some of them."""
    lines = [json.dumps(line) for line in base]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(lines) - 1))
        lines[place] = json.dumps(draw(trees(base[place % len(base)])))
    return draw(_damage("\n".join(lines) + draw(st.sampled_from(["\n", "", "\n\n"]))))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value if item is not None]
    return value


@st.composite
def _damage(draw: st.DrawFn, text: str) -> bytes:
    for mark, text_of_mark in ((DEEP, "[" * 3000 + "]" * 3000), (LONG_NUMBER, "7" * 5000)):
        text = text.replace(f'"{mark}"', text_of_mark)
    return draw(damage_bytes(text.encode("utf-8", errors="surrogatepass"), 4))


@st.composite
def damage_bytes(draw: st.DrawFn, content: bytes, rarity: int) -> bytes:
    """Bytes that are cut, doubled or overwritten, in one of `rarity` draws."""
    if draw(st.integers(1, rarity)) > 1 or not content:
        return content
    place = draw(st.integers(0, len(content) - 1))
    how = draw(st.sampled_from(["cut", "insert", "overwrite", "drop", "double", "empty", "bom"]))
    some = draw(st.binary(min_size=1, max_size=16))
    return {
        "cut": content[:place],
        "insert": content[:place] + some + content[place:],
        "overwrite": content[:place] + some + content[place + len(some) :],
        "drop": content[:place] + content[place + len(some) :],
        "double": content + content,
        "empty": b"",
        "bom": b"\xef\xbb\xbf" + content,
    }[how]
