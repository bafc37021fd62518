"""The command line: score, list, compare and convert code tables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from unweave_metrics.presets import preset_names

LONGEST = 1000
"""Characters of a sentence."""
FILES = (".h5", ".hdf5", ".npz")


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        """End the program with exit code 2."""
        print(f"unweave-metrics: {_line(message)}; see {self.prog} --help", file=sys.stderr)
        sys.exit(2)


def whole_number(text: str) -> int:
    """Return the number that a word says."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r:.80}") from None


def _line(message: str) -> str:
    """Return a message on one line that a terminal can be sent."""
    text = "".join(c if c.isprintable() else "?" for c in " ".join(message.split()))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = Parser(
        prog="unweave-metrics", description="Disentanglement scores of code tables (HDF5 or npz)."
    )
    top.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = top.add_subparsers(dest="command", required=True)
    score = commands.add_parser("score", help="compute the scores of a code table")
    score.add_argument("tables", metavar="table", nargs="?", help="codes.h5 or codes.npz")
    _add_choices(score)
    score.add_argument(
        "--bootstrap", type=whole_number, default=0, metavar="N",
        help="intervals from N resamples, fewer for metrics that fit models (default: none)",
    )  # fmt: skip
    formats = score.add_mutually_exclusive_group()
    for name in ("json", "csv", "latex", "markdown"):
        formats.add_argument(
            f"--{name}", dest="format", action="store_const", const=name, help=f"print {name}"
        )
    commands.add_parser("list", help="list metrics and presets")
    compare = commands.add_parser("compare", help="compare the scores of several code tables")
    compare.add_argument("tables", nargs="*", help="one file per model, with one seed or several")
    _add_choices(compare)
    convert = commands.add_parser("convert", help="convert HDF5 to npz, or npz to HDF5")
    convert.add_argument("source", help="codes.h5 or codes.npz")
    convert.add_argument("target", help="the file to write, .h5 or .npz")
    return top


def _add_choices(command: argparse.ArgumentParser) -> None:
    """Add the options that score and compare share."""
    command.add_argument(
        "--metrics",
        nargs="+",
        help="names of metrics, separated by commas or spaces; default: the usual ones",
    )
    command.add_argument("--preset", help=f"one of {', '.join(preset_names())}")
    command.add_argument(
        "--seed", type=whole_number, default=0, help="seed of every random draw (default: 0)"
    )
    command.add_argument(
        "--jobs",
        type=whole_number,
        default=-1,
        help="number of metrics computed at once (default: one per core)",
    )


def _settle(options: argparse.Namespace, top: argparse.ArgumentParser) -> None:
    """Tell names of metrics from the files behind them; there must be a file to score."""
    words = options.metrics or []
    files = [word for word in words if Path(word).suffix in FILES]
    if options.metrics is not None:
        options.metrics = ",".join(",".join(w.split()) for w in words if w not in files)
    before = options.tables or []
    tables = [*(before if isinstance(before, list) else [before]), *files]
    if not tables:
        top.error("name a code table, codes.h5 or codes.npz")
    if options.command == "score":
        if len(tables) > 1:
            top.error(f"score takes one code table, got {' '.join(tables)[:80]}; see compare")
        options.table = tables[0]
    options.tables = tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an error of the user's is a sentence and exit code 2."""
    top = parser()
    options = top.parse_args(arguments)
    if hasattr(options, "metrics"):
        _settle(options, top)
    try:
        return _run(options)
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stderr.close()
        return 0
    except (ValueError, TypeError, OSError) as error:
        if options.debug:
            raise
        print(f"unweave-metrics: {_line(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("unweave-metrics: interrupted", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    from unweave_metrics import commands

    print(commands.COMMANDS[options.command](options), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
