"""The command line: one command per file. It knows everything below, and nothing knows it."""

from __future__ import annotations

import signal
import sys

from unweave.commands.exit_codes import EXIT_INTERRUPTED


def main(arguments: list[str] | None = None) -> None:
    """Run the command line: a user's error is one sentence and exit code 2."""
    try:
        from unweave.commands.entry import run  # imports for a tenth of a second

        run(arguments)
    except SystemExit as end:
        if arguments is None and end.code == EXIT_INTERRUPTED:
            # A second Ctrl-C would interrupt what libraries do at the end, with a traceback.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise
    except KeyboardInterrupt:
        print("unweave: interrupted before anything was saved", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)


__all__ = ["main"]
