"""`unweave methods`."""

from __future__ import annotations

from typing import Annotated

import typer

from unweave.commands.app import completed


def methods(
    name: Annotated[
        str | None, typer.Argument(help="a method to describe", autocompletion=completed("method"))
    ] = None,
) -> None:
    """List methods, or the options of one."""
    from unweave.commands.lists import list_methods

    print(list_methods(name))
