"""Where the command line may run: closed streams, no HOME, nothing to write to, ASCII, narrow."""

import os
import signal
import subprocess
import sys
import time

import pytest

import unweave
from unweave.commands import main
from unweave.errors import ConfigError, printable
from unweave.files import expanded
from unweave.tables import table

UNWEAVE = [sys.executable, "-m", "unweave"]
TRAIN = ["train", "toy-vae", "--data", "toy-images", "--steps", "6", "--device", "cpu"]
for setting in ("prior=toy-normal", "dim=4", "batch_size=16", "architecture=mlp:widths=8",
                "log_every=2", "cost=l2sq"):  # fmt: skip
    TRAIN += ["--set", setting]


def start(*arguments, without=(), **more):
    """Run a command in a process of its own; return exit code and both streams."""
    names = {name: value for name, value in os.environ.items() if name not in without}
    environment = names | {"OMP_NUM_THREADS": "1"} | more
    process = subprocess.run([*UNWEAVE, *map(str, arguments)], env=environment, capture_output=True)
    return process.returncode, process.stdout.decode(), process.stderr.decode()


@pytest.fixture
def light(monkeypatch):
    """Without the toy plugin, whose module imports torch, a process takes no seconds to start."""
    monkeypatch.setenv("UNWEAVE_PLUGINS", "unweave")


# Streams


@pytest.mark.usefixtures("light")
def test_a_reader_that_has_seen_enough_ends_it_quietly():
    program = f"{' '.join(UNWEAVE)} methods | head -n 1 > /dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.usefixtures("light")
def test_output_that_nobody_reads_at_all():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*UNWEAVE, "methods"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize(
    ("closing", "wrong"),
    [
        (">&-", "new-plugin prior 3d"),
        ("2>&-", "new-plugin prior 3d"),
        ("<&- >&- 2>&-", "report nowhere"),  # loads torch before it fails
    ],
)
def test_closed_streams(closing, wrong):
    for arguments, code in (("methods", 0), (wrong, 2)):
        program = f"{' '.join(UNWEAVE)} {arguments} {closing}"
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


# Folders and letters


def test_training_without_home_or_a_folder_for_temporary_files_in_ascii(tmp_path):
    """Nothing that it prints ends it after the work is done."""
    nowhere = str(tmp_path / "nowhere")
    code, out, err = start(
        *TRAIN, "--out", tmp_path / "run ß", without=("HOME", "XDG_CACHE_HOME"), TMPDIR=nowhere,
        LANG="C", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0", PYTHONIOENCODING="ascii",
    )  # fmt: skip
    assert code == 0, err
    assert out.isascii()
    assert r"run \u" in out
    assert "Traceback" not in err
    assert unweave.Run.open(tmp_path / "run ß").step == 6


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("arguments", [["data"], ["train", "--help"]])
@pytest.mark.parametrize("columns", ["1", "nonsense"])
def test_ascii_and_narrow_terminals(arguments, columns):
    more = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "COLUMNS": columns}
    code, out, err = start(*arguments, **more)
    assert code == 0, err
    assert out
    assert err == ""


def test_a_folder_of_nobody(call):
    assert expanded("~") == expanded(os.path.expanduser("~"))
    with pytest.raises(ConfigError, match="begins with ~, and there is no such home folder"):
        expanded("~nobody-of-this-name/run")
    assert call("report", "~nobody-of-this-name/run", code=2) == (
        "unweave: '~nobody-of-this-name/run' begins with ~, and there is no such home folder; "
        "write it out\n"
    )


# What a terminal would obey


def test_control_characters_are_written_out(call):
    assert printable("a\x1b[31mb\r\u202e\nß²") == "a\\x1b[31mb\\r\\u202e\nß²"
    assert "\x1b" not in table(("a\x1b[2J",), [("\x1b]0;title\x07",)])
    assert call("report", "\x1b[2J\x1b[31mrun", code=2) == (
        "unweave: \\x1b[2J\\x1b[31mrun is not a run directory: it has no config.toml\n"
    )


# Signals


@pytest.mark.usefixtures("light")
def test_an_interrupt_at_any_moment_of_the_start_is_one_sentence():
    """While modules are imported, too.

    Python ends by the signal itself, which a shell calls 130 as well, when the interrupt came in
    an `exec` of a text, as a namedtuple has one, though it was caught.
    """
    for seconds in (0.0, 0.1, 0.3):
        process = subprocess.Popen(
            [*UNWEAVE, "methods"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        while not _imports_unweave(process.pid) and process.poll() is None:
            time.sleep(0.005)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        if not out:  # an interpreter whose answer is printed ends by the signal itself
            assert process.returncode in (130, -signal.SIGINT)
            assert err.decode() == "unweave: interrupted before anything was saved\n"


def test_a_second_interrupt_does_not_disturb_the_end(monkeypatch):
    def stopped(arguments):
        raise SystemExit(130)

    monkeypatch.setattr("unweave.commands.entry.run", stopped)
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit):
            main()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def _imports_unweave(pid):
    """Tell whether a process has come to our code: it then has a library of a dependency."""
    try:
        with open(f"/proc/{pid}/maps") as file:
            return "pydantic_core" in file.read() or not os.path.exists(f"/proc/{pid}")
    except OSError:
        return True
