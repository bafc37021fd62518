"""Digests of the files of a folder, to compare two folders and to detect a torn file."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import safetensors
import torch
from PIL import Image

PARTIAL = re.compile(r"(^|/)(\.partial-|\.lock)|\.claim$")
CLOCK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d|\d+(\.\d+)? ?(s|seconds|minutes)\b")
TIME_KEYS = ("seconds", "written", "host", "pid", "started", "duration", "time")
"""Keys of times and places, which differ between equal runs."""


def facts(folder: Path) -> dict[str, str]:
    """Return a digest of the content of every file, by its path in a folder.

    Raises
    ------
    Exception
        Of any type, if a file is torn.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    paths = {str(path.relative_to(folder)): path for path in files}
    whole = {name: path for name, path in paths.items() if not is_partial(name)}
    return {name: _digest(path, folder) for name, path in whole.items() if not _older(path)}


def _older(path: Path) -> bool:
    """Tell whether a checkpoint is not the newest; a signal adds one at its own step."""
    newest = max(path.parent.glob("step-*.safetensors"), default=path)
    return path.match("checkpoints/step-*.safetensors") and path != newest


def is_partial(name: str) -> bool:
    """Tell whether a name is that of a partial file, lock or claim of a killed process."""
    return PARTIAL.search(name) is not None


def partial_files(folder: Path) -> list[str]:
    """List the partial files, locks and claims of a killed process."""
    names = (str(path.relative_to(folder)) for path in folder.rglob("*"))
    return sorted(name for name in names if is_partial(name))


def find_torn(folder: Path) -> str:
    """Name a torn file and the error of its reader; return "" if there is none.

    The last line of a log may be torn, since readers of the log skip it.
    """
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and not is_partial(name):
            try:
                _digest(path, folder)
            except Exception as error:
                return f"{name} is torn ({type(error).__name__}: {error})"
    return ""


def difference(content: dict[str, str], expected: dict[str, str]) -> str:
    """Name the first file in which two folders differ; return "" if they are equal."""
    for name in sorted(content.keys() | expected.keys()):
        if name not in content:
            return f"{name} is missing"
        if name not in expected:
            return f"{name} does not exist without a kill"
        if content[name] != expected[name]:
            return f"{name} differs"
    return ""


def _digest(path: Path, folder: Path) -> str:
    read = READERS.get(path.suffix, _bytes)
    content = read(path, folder)
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _bytes(path: Path, folder: Path) -> bytes:
    return path.read_bytes()


def _text(path: Path, folder: Path) -> bytes:
    text = path.read_text(encoding="utf-8").replace(str(folder), "{run}")
    return CLOCK.sub("{when}", text).encode()


def _toml(path: Path, folder: Path) -> bytes:
    return _plain(tomllib.loads(path.read_text(encoding="utf-8")), folder)


def _json(path: Path, folder: Path) -> bytes:
    return _plain(json.loads(path.read_text(encoding="utf-8")), folder)


def _lines(path: Path, folder: Path) -> bytes:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return b"\n".join(_plain(json.loads(line), folder) for line in lines if line.endswith("\n"))


def _plain(content: Any, folder: Path) -> bytes:
    return json.dumps(_timeless(content), sort_keys=True).replace(str(folder), "{run}").encode()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in TIME_KEYS}
    if isinstance(value, list):
        return [_timeless(item) for item in value]
    # 0 and 0.0 are equal: a file may hold an option's default in either form.
    return float(value) if type(value) is int and abs(value) < 2**53 else value


def _rows(path: Path, folder: Path) -> bytes:
    with path.open(encoding="utf-8", newline="") as file:
        return _plain(list(csv.DictReader(file)), folder)


def _table(path: Path, folder: Path) -> bytes:
    content: list[bytes] = []

    def note(name: str, item: Any) -> None:
        about = {key: str(value) for key, value in item.attrs.items()}
        if about.get("name") in TIME_KEYS:
            return
        content.append(f"{name} {sorted(about.items())}".encode())
        if isinstance(item, h5py.Dataset):
            content.append(str(item[()].tolist()).replace(str(folder), "{run}").encode())

    with h5py.File(path) as file:
        file.visititems(note)
        note("/", file)
    return b"\n".join(content)


def _arrays(path: Path, folder: Path) -> bytes:
    with np.load(path, allow_pickle=False) as file:
        return b"\n".join(name.encode() + file[name].tobytes() for name in sorted(file))


def _tensors(path: Path, folder: Path) -> bytes:
    # Not the bytes of the file: the order of its metadata differs between processes.
    with safetensors.safe_open(path, framework="np") as file:
        content = [f"{key}={value}" for key, value in sorted((file.metadata() or {}).items())]
        parts = [text.encode() for text in content]
        for name in sorted(file.keys()):
            array = file.get_tensor(name)
            parts += [f"{name} {array.dtype} {array.shape}".encode(), array.tobytes()]
    return b"\n".join(parts)


def _network(path: Path, folder: Path) -> bytes:
    # Not the bytes of the file: a process numbers the names in its traced programs.
    content = torch.jit.load(path).state_dict()  # type: ignore[no-untyped-call]
    return b"\n".join(n.encode() + t.numpy().tobytes() for n, t in sorted(content.items()))


def _picture(path: Path, folder: Path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


def _page(path: Path, folder: Path) -> bytes:
    text = path.read_text(encoding="utf-8")
    if not text.rstrip().endswith("</html>"):
        raise ValueError("the page has no end")
    return b"a page"  # its text has the time of writing and the duration of training


READERS: dict[str, Callable[[Path, Path], bytes]] = {
    ".toml": _toml, ".json": _json, ".jsonl": _lines, ".h5": _table, ".npz": _arrays,
    ".safetensors": _tensors, ".png": _picture, ".pt": _network, ".html": _page,
    ".md": _text, ".csv": _rows, ".txt": _text, ".log": _text,
}  # fmt: skip
