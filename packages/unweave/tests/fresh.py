"""Processes that know nothing of unweave yet, forked from one that has loaded torch already.

A process of its own loads torch and what torch's optimizers load for seconds, each time.
"""

import multiprocessing
import os
import resource
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    ["torch", "torch._dynamo", "scipy.stats", "h5py", "pydantic", "typer", "safetensors.torch"]
)


def begin(environment: dict[str, str]) -> None:
    """Make this process one of that environment."""
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    assert not any(name.startswith("unweave.") for name in sys.modules)


def listen(out: Path, err: Path) -> None:
    """Write what this process says into two files."""
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)


def run_module(arguments: list[str], environment: dict[str, str], out: Path, err: Path) -> None:
    """Do as `python -m unweave ARGUMENTS` in this process, which is then over."""
    listen(out, err)
    begin(environment)
    sys.argv[1:] = arguments
    runpy.run_module("unweave", run_name="__main__", alter_sys=True)


def run_by_torchrun(
    arguments: list[str], environment: dict[str, str], out: Path, err: Path
) -> None:
    """Do as `torchrun --nproc-per-node 2 -m unweave ARGUMENTS`, whose agent forks here."""
    listen(out, err)
    begin(environment)
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=2, run_id="test", start_method="fork",
        rdzv_backend="c10d", rdzv_endpoint="localhost:0", max_restarts=0,
    )  # fmt: skip
    elastic_launch(config, run_to_the_end)(arguments)


def run_to_the_end(arguments: list[str]) -> None:
    """Do as `python -m unweave ARGUMENTS` and return, as torchrun wants of a function."""
    sys.argv[1:] = arguments
    try:
        runpy.run_module("unweave", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code:
            raise


def run_on_a_full_disk(
    arguments: list[str], environment: dict[str, str], out: Path, err: Path
) -> None:
    """Do the same where no file can be longer than 4 KiB from the checkpoint of step 30 on."""
    listen(out, err)
    begin(environment)
    from unweave import loop
    from unweave.checkpoint import save_checkpoint
    from unweave.commands import main

    def limited(folder: Path, step: int, *rest: Any) -> object:
        if step >= 30:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        return save_checkpoint(folder, step, *rest)

    with mock.patch.object(loop, "save_checkpoint", limited):
        main(arguments)


def train_together(runs: list[dict[str, Any]], environment: dict[str, str]) -> None:
    """Train runs as one of the processes of a job whose group the caller makes."""
    begin(environment)
    import torch

    torch.distributed.init_process_group("gloo")
    import unweave

    for settings in runs:
        unweave.train(**settings, device="cpu")
    torch.distributed.destroy_process_group()


class Unweave:
    """`unweave ARGUMENTS` in a process of its own, which two files in the folder listen to."""

    def __init__(
        self,
        folder: Path,
        arguments: list[str],
        target: Callable[..., None] = run_module,
        **environment: str,
    ) -> None:
        self._said = folder / "stdout", folder / "stderr"
        for path in self._said:
            path.unlink(missing_ok=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        all_arguments = (arguments, environment, *self._said)
        self._process = context.Process(target=target, args=all_arguments)
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
        output, errors = (path.read_text() for path in self._said)
        assert self._process.exitcode is not None
        return self._process.exitcode, output, errors
