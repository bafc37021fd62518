"""Processes that know nothing of unweave yet, forked from one that has loaded torch already.

A process of its own loads torch and what torch's optimizers load for seconds, each time.
"""

import multiprocessing
import os
import runpy
import sys
from pathlib import Path

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    ["torch", "torch._dynamo", "scipy.stats", "h5py", "pydantic", "typer", "safetensors.torch"]
)


def run_module(arguments: list[str], environment: dict[str, str], out: Path, err: Path) -> None:
    """Do as `python -m unweave ARGUMENTS` in this process, which is then over."""
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    assert not any(name.startswith("unweave.") for name in sys.modules)
    sys.argv[1:] = arguments
    runpy.run_module("unweave", run_name="__main__", alter_sys=True)


def train_together(runs: list[dict], environment: dict[str, str]) -> None:
    """Train runs as one of the processes of a job whose group the caller makes."""
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    import torch

    torch.distributed.init_process_group("gloo")
    import unweave

    for settings in runs:
        unweave.train(**settings, device="cpu")
    torch.distributed.destroy_process_group()


class Unweave:
    """`unweave ARGUMENTS` in a process of its own, which two files in the folder listen to."""

    def __init__(self, folder: Path, arguments: list[str], **environment: str) -> None:
        self._said = folder / "stdout", folder / "stderr"
        for path in self._said:
            path.unlink(missing_ok=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        given = (arguments, environment, *self._said)
        self._process = context.Process(target=run_module, args=given)
        self._process.start()

    def is_running(self) -> bool:
        return self._process.is_alive()

    def signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """Kill it at once, and wait until it is dead."""
        self._process.kill()
        self._process.join()

    def finish(self) -> tuple[int, str, str]:
        """Wait for its end; return the exit code and what it said on either stream."""
        self._process.join()
        return self._process.exitcode, *(path.read_text() for path in self._said)
