"""`unweave export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import RunPath


def export(
    run: RunPath,
    form: Annotated[
        str, typer.Option("--format", help="format of the files: torchscript or onnx")
    ] = "torchscript",
    out: Annotated[
        Path | None, typer.Option(help="folder for the files; default: RUN/export")
    ] = None,
) -> None:
    """Write encoder and decoder as TorchScript or ONNX.

    Each is checked against the original.
    """
    from unweave.commands.networks import export_run
    from unweave.tables import table

    folder, rows = export_run(run, out, form)
    print(table(("file", "gives", "largest difference"), rows))
    print(folder)
