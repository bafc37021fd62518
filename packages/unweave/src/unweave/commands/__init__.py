"""The command line: one command per file. It knows everything below, and nothing knows it."""

from unweave.commands.entry import main

__all__ = ["main"]
