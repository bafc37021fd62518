"""Jobs that tests hand to other processes, which import them by this name."""

import os
import signal
import time
from pathlib import Path

from unweave.experiment.claims import claim_job
from unweave.signals import stop_signals


def say_and_sleep(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)


def die_unless(path):
    """Die by SIGKILL the first time, as of a machine out of memory."""
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return str(path)


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


class AwkwardError(Exception):
    """An error that cannot be unpickled: its __init__ wants two arguments."""

    def __init__(self, one, two):
        super().__init__(one)


def raise_awkward(_):
    raise AwkwardError("sorry", 2)


def environment_of(name):
    return os.environ.get(name)


def first_pid_then_sleep(folder):
    if folder is None:
        return os.getpid()
    return say_and_sleep(folder)


def first_pid_then_train(folder):
    """End as training does at SIGTERM: keep a checkpoint, and return an outcome."""
    if folder is None:
        return os.getpid()
    with stop_signals() as stopped:
        Path(folder, "trains").touch()
        while not stopped():
            time.sleep(0.01)
    return Path(folder, "checkpoint").touch()


def race(path, start, end, won):
    """Claim at the same time as all others, and hold what was won until all have tried."""
    start.wait()
    with claim_job(path) as other:
        if other is None:
            with won.get_lock():
                won.value += 1
            end.wait()
    if other is not None:
        end.wait()
