"""The lock of a run directory and processes that were killed."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unweave.errors import RunError
from unweave.lock import holding

HOLD = """
import sys, time
from pathlib import Path
from unweave.lock import holding
with holding(Path(sys.argv[1]), "it is being trained"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, sys.path)))
    command = [sys.executable, "-c", HOLD, str(tmp_path / ".lock")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_lock_that_is_held_names_the_process(tmp_path, holder):
    sentence = f"by process {holder.pid} on"
    with pytest.raises(RunError, match=sentence), holding(tmp_path / ".lock", "it is trained"):
        pass
    assert json.loads((tmp_path / ".lock").read_text())["pid"] == holder.pid


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_killed_process_that_nobody_waited_for_holds_nothing(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    limit = time.monotonic() + 30
    while Path(f"/proc/{holder.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < limit
        time.sleep(0.01)
    with holding(tmp_path / ".lock", "it is being trained"):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] != holder.pid
