"""Processes that know nothing of unweave yet, forked from one that has loaded torch already."""

import multiprocessing
import os
import runpy
import subprocess
import sys
from pathlib import Path

THIRD_PARTIES = [
    "torch", "torch._dynamo", "scipy.stats", "sklearn.ensemble", "h5py", "numba", "pydantic",
    "typer", "matplotlib.figure", "safetensors.torch", "PIL.Image", "jinja2",
]  # fmt: skip
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(THIRD_PARTIES)


def run_module(arguments: list[str], environment: dict[str, str], out: Path, err: Path) -> None:
    """Do as `python -m unweave ARGUMENTS` in this process, which is then over."""
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    assert not any(name.startswith(("unweave.", "unweave_")) for name in sys.modules)
    sys.argv[1:] = arguments
    runpy.run_module("unweave", run_name="__main__", alter_sys=True)


def call_unweave(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own; two files in the folder take what it says."""
    out, err = folder / "stdout", folder / "stderr"
    for path in (out, err):
        path.unlink(missing_ok=True)
    all_arguments = (list(arguments), {**os.environ, **environment}, out, err)
    process = context.Process(target=run_module, args=all_arguments)
    process.start()
    process.join()
    return subprocess.CompletedProcess(
        arguments, process.exitcode, out.read_text(), err.read_text()
    )
