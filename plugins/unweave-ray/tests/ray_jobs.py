"""Jobs that workers import: training runs that go on where they were, and others."""

import os
import signal
import time
from pathlib import Path

import torch

import unweave

SETTINGS = {
    "data": "digits", "architecture": "mlp:widths=64", "dim": 4, "batch_size": 32, "steps": 1_000,
    "log_every": 20, "checkpoint_every": 20,
}  # fmt: skip


def train(job):
    """Train a run of (folder, seed) to its end and return its losses; it may be begun already."""
    torch.set_num_threads(1)
    folder, seed = Path(job[0]), job[1]
    with (folder.parent / f"{folder.name}.workers").open("a") as file:
        file.write(f"{os.getpid()}\n")
    if (folder / "config.toml").is_file():
        run = unweave.resume(folder, device="cpu")
    else:
        run = unweave.train("vae", out=folder, device="cpu", seed=seed, **SETTINGS)
    return [line["loss"] for line in run.scalars()]


def die(job):
    """End the worker without a word, as a machine that fails."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(path):
    """End the worker the first time, and return how often the job was started."""
    with open(path, "a") as file:
        file.write(".")
    if os.path.getsize(path) == 1:
        die(path)
    return os.path.getsize(path)


def where(job):
    """Return the worker's folder, what plugins it loads and its threads."""
    names = ("UNWEAVE_PLUGINS", "OMP_NUM_THREADS")
    return os.getcwd(), *(os.environ.get(name) for name in names)


def wait_for_stop(path):
    """Wait for SIGINT and write that it came, as a training run would; do nothing without path."""
    caught = []
    if not path:
        return
    signal.signal(signal.SIGINT, lambda *_: caught.append(1))
    Path(path + ".begun").touch()
    limit = time.monotonic() + 60
    while not caught and time.monotonic() < limit:
        time.sleep(0.05)
    if caught:
        Path(path).touch()


class Careless(Exception):
    """An error that pickle cannot put together again."""

    def __init__(self, run, step):
        super().__init__(f"{run} failed at step {step}")


def raise_careless(job):
    """Raise an error that does not survive pickle."""
    raise Careless(job, 3)
