"""Build every sdist, and from it the wheel, in one process: `wheels.py OUT FOLDER ...`."""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
from pathlib import Path

from hatchling import build


def make(folder: Path, out: Path) -> None:
    """Build the sdist of a folder, and the wheel from what the sdist holds."""
    os.chdir(folder)
    sdist = build.build_sdist(str(out))
    with tempfile.TemporaryDirectory() as place, tarfile.open(out / sdist) as archive:
        archive.extractall(place, filter="data")
        os.chdir(Path(place) / sdist.removesuffix(".tar.gz"))
        build.build_wheel(str(out))
        os.chdir(folder)


if __name__ == "__main__":
    out, *folders = (Path(argument).resolve() for argument in sys.argv[1:])
    for folder in folders:
        make(folder, out)
