"""`unweave evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from unweave.commands.app import Data, Device, Rows, RunPath, Seed
from unweave.commands.opening import import_run
from unweave.errors import unknown_name
from unweave.options import split_names
from unweave.tables import table

if TYPE_CHECKING:
    from unweave.evaluate import Codes

CODES = ("mean", "sampled", "both")


def evaluate(
    run: RunPath,
    metrics: Annotated[
        str | None, typer.Option(help="names of metrics, separated by commas or spaces")
    ] = None,
    rows: Rows = 50_000,
    seed: Seed = 0,
    codes: Annotated[
        str, typer.Option(help="mean: the mean of q(z|x); sampled: one draw from it; or both")
    ] = "mean",
    on: Data = "train",
    preset: Annotated[
        str | None,
        typer.Option(
            help="conventions of a study, such as locatello2019; gaujac2021 without --metrics "
            "computes all scores of the TCWAE paper"
        ),
    ] = None,
    bootstrap: Annotated[
        int,
        typer.Option(
            min=0, help="largest number of resamples for the 95 % intervals; 0: no intervals"
        ),
    ] = 1000,
    device: Device = "auto",
) -> None:
    """Score a run.

    A sample of the data is encoded into codes.h5, and its scores are added to scores.json.
    """
    from functools import partial

    from unweave.other_processes import other_processes
    from unweave.scores.package import METRICS, warm_up

    if codes not in CODES:
        raise unknown_name("kind of codes", codes, CODES)
    names = None if metrics is None else split_names(metrics)
    with other_processes(partial(warm_up, names or METRICS)) as pool:
        opened = import_run().open(run, device=device)
        from unweave.evaluate import evaluate as run_evaluation
        from unweave.progress import counting

        with counting("encoding", "images") as progress:
            scores = run_evaluation(
                opened, names, rows=rows, seed=seed, codes=cast("Codes", codes),
                on=on, preset=preset, bootstrap=bootstrap, progress=progress, pool=pool,
            )  # fmt: skip
    lines = [(name, _text(v), _interval_text(v)) for name, v in scores.items()]
    heads = ("score", "value", "95 % interval" if any(line[2] for line in lines) else "")
    print(table(heads, lines))
    print(opened.codes_path)


def _text(score: float) -> str:
    from unweave.scores.file import reason_of

    reason = reason_of(score)
    return f"none: {reason}" if reason else f"{float(score):.4g}"


def _interval_text(score: object) -> str:
    interval = getattr(score, "interval", None)
    return "" if interval is None else f"{interval[0]:.4g} to {interval[1]:.4g}"
