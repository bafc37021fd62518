"""`unweave new-plugin`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def new_plugin(
    context: typer.Context,
    kind: Annotated[
        str, typer.Argument(help="what it adds: prior, flow, metric, observer, command ...")
    ],
    name: Annotated[str, typer.Argument(help="the name that users will type, such as my-prior")],
    out: Annotated[Path | None, typer.Option(help="folder for the package, new or empty")] = None,
) -> None:
    """Write the package of a new plugin, with tests that pass.

    See docs/write-a-plugin.md.
    """
    from unweave.new_plugin import new_plugin as write_package

    group: Any = context.find_root().command
    folder = write_package(kind, name, out, commands=group.list_commands(context))
    print(folder)
    print(f"next: {folder / 'README.md'} says how to install, test and use it", file=sys.stderr)
