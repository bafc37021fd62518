"""`unweave data`."""

from __future__ import annotations

from typing import Annotated

import typer

from unweave.commands.app import completed


def data(
    name: Annotated[
        str | None,
        typer.Argument(help="a data set to describe", autocompletion=completed("dataset")),
    ] = None,
) -> None:
    """List data sets, or open one and describe it."""
    from unweave.commands.lists import list_data

    print(list_data(name))
