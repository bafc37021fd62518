"""Where the command line starts; what imports torch is imported inside the commands."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import typer

from unweave.commands.app import make_app
from unweave.commands.compare import compare
from unweave.commands.data import data
from unweave.commands.demo import demo
from unweave.commands.encode import encode
from unweave.commands.evaluate import evaluate
from unweave.commands.exit_codes import EXIT_INTERRUPTED, EXIT_USER_ERROR
from unweave.commands.export import export
from unweave.commands.fid import fid
from unweave.commands.figures import figures
from unweave.commands.fit_density import fit_density
from unweave.commands.interpolate import interpolate
from unweave.commands.methods import methods
from unweave.commands.new_experiment import new_experiment
from unweave.commands.new_plugin import new_plugin
from unweave.commands.plugins import add_plugin_commands, plugins
from unweave.commands.report import report
from unweave.commands.reproduce import reproduce
from unweave.commands.sample import sample
from unweave.commands.sweep import sweep
from unweave.commands.train import train
from unweave.commands.traverse import traverse
from unweave.errors import (
    PluginWarning,
    UnweaveError,
    expected,
    message_of,
    printable,
    unknown_name,
)
from unweave.launch import EXIT_LOST, launch_explains, launch_repeats, with_rank
from unweave.owners import explaining

COMMANDS = (
    train, evaluate, report, figures, encode, fit_density, sample, traverse, interpolate, fid,
    export, sweep, compare, reproduce, new_experiment, plugins, methods, data, demo, new_plugin,
)  # fmt: skip
"""As they are listed by --help."""
LONGEST_SENTENCE = 10_000
"""Most characters of an error that are printed."""
SPINS = ("GOMP_SPINCOUNT", "2000")
"""Default number of times that an idle thread of torch looks for work before it sleeps.

GNU's OpenMP looks 300,000 times, which takes milliseconds. On a busy machine the thread that has
the work then waits for a core. 2,000 looks take about as long as to fall asleep and wake up. It is
read when torch is loaded, so it is set before that.
"""
MISSING, TOO_MANY, QUOTES = "Missing argument ", "Got unexpected extra argument", "'"
COMPLETION = "_UNWEAVE_COMPLETE"
"""What a shell sets when it asks how a word goes on."""


def run(arguments: list[str] | None = None) -> None:
    """Run the command line: a user's error is one sentence and exit code 2."""
    words = sys.argv[1:] if arguments is None else arguments
    warnings.showwarning = _show_warning
    # To look for garbage among the objects of torch takes half a second, and the process ends.
    atexit.register(gc.freeze)
    _print_anything()
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault(*SPINS)
    try:
        with explaining():
            code = _make_app()(
                join_metrics(words), prog_name="unweave", standalone_mode=False, obj=words
            )
        if sys.stdout is not None:
            sys.stdout.flush()
        sys.exit(code or 0)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted before anything was saved", words, EXIT_INTERRUPTED)
    except BrokenPipeError:
        _end_unread()
    except SystemExit as stop:
        # What Typer puts in the place of a stream that nobody reads any more, and ends with 1.
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":
            _end_unread()
        raise stop
    except (UnweaveError, ValueError, OSError) as error:
        if launch_explains(error):
            sys.exit(EXIT_LOST)
        sentence = message_of(error, LONGEST_SENTENCE)
        if launch_repeats(sentence):
            sys.exit(EXIT_USER_ERROR)
        _fail(with_rank(sentence), words)
    except ModuleNotFoundError as error:
        if (error.name or "unweave").startswith("unweave"):
            raise
        _fail(f"the package {error.name!r} is needed and is not installed; install it", words)
    except Exception as error:
        if _lacks_memory(error):
            _fail("memory is not enough; choose fewer rows, samples or dimensions", words)
        # Typer carries click inside in newer versions, so its errors are known by their method.
        if not hasattr(error, "format_message"):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            sys.exit(0)
        _fail(_usage_sentence(error), words)


def join_metrics(arguments: list[str]) -> list[str]:
    """Read `--metrics a b` as `--metrics a,b`: all words before the next option or folder.

    Examples
    --------
    >>> join_metrics(["evaluate", "--metrics", "mig", "sap", "--seed", "1"])
    ['evaluate', '--metrics', 'mig,sap', '--seed', '1']
    """
    if not {"evaluate", "--metrics"} <= set(arguments):
        return arguments
    start = end = arguments.index("--metrics") + 1
    while end < len(arguments) and not (arguments[end][:1] == "-" or Path(arguments[end]).is_dir()):
        end += 1
    names = [",".join(arguments[start:end])] if end > start else []
    return [*arguments[:start], *names, *arguments[end:]]


def _end_unread() -> None:
    """End well: whoever read the output has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(0)


def _make_app() -> typer.Typer:
    app = make_app()
    for command in COMMANDS:
        app.command()(command)
    with warnings.catch_warnings():
        if COMPLETION in os.environ:  # a warning would be written over the line that is typed
            warnings.simplefilter("ignore", PluginWarning)
        add_plugin_commands(app)
    return app


def _lacks_memory(error: Exception) -> bool:
    # torch says it in words alone where the memory is the processor's.
    text = message_of(error, LONGEST_SENTENCE)
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, MemoryError) or any(word in text.lower() for word in words)


def _usage_sentence(error: Any) -> str:
    """Say a usage error in one sentence; an unknown option names the known ones."""
    name, context = getattr(error, "option_name", None), getattr(error, "ctx", None)
    if type(error).__name__ == "NoSuchOption" and context is not None:
        options = [text for p in context.command.params for text in p.opts]
        names = [text for text in options if text.startswith("-")]
        setting = str(name).lstrip("-").replace("-", "_")
        hint = f"; if it is a setting, write --set {setting}=VALUE" if "--set" in names else ""
        return f"{unknown_name('option', str(name), names)}{hint}"
    command = "unweave" if context is None else context.command_path
    return f"{_in_words(str(error.format_message()))}; `{command} --help` shows what to type"


def _in_words(said: str) -> str:
    """Say what is wrong with an argument or option, without the library's terms.

    Examples
    --------
    >>> _in_words("Missing argument 'RUN'.")
    'RUN is missing'
    >>> _in_words("Got unexpected extra argument(s) (digits)")
    'there are more words than the command takes: digits'
    >>> _in_words("Invalid value for '--rows': Input should be greater than or equal to 1")
    "invalid value for '--rows': expected a value greater than or equal to 1"
    """
    said = said.rstrip(".")
    if said.startswith(MISSING):
        return f"{said.removeprefix(MISSING).strip(QUOTES)} is missing"
    if said.startswith(TOO_MANY):
        words = said.partition(" (")[2].rstrip(")")
        return f"there are more words than the command takes: {words}"
    what, separator, kind = said.partition(": Input should be ")
    if separator:
        kind = kind.replace("a valid integer", "a whole number").partition(", unable")[0]
        said = f"{what}: {expected(kind)}"
    return f"{said[:1].lower()}{said[1:]}"


def _fail(message: str, arguments: list[str], code: int = EXIT_USER_ERROR) -> None:
    if "--debug" in arguments:
        traceback.print_exc()
    print(f"unweave: {printable(message)}", file=sys.stderr)
    sys.exit(code)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"warning: {printable(str(message))}", file=sys.stderr)


def _print_anything() -> None:
    """Let a terminal that lacks a character show its number instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
