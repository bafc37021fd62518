"""The public interface: train a method in one call, and use the run."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unweave.evaluate import evaluate
from unweave.options import short_name, split_names
from unweave.scores.file import read_scores
from unweave.trained import Trained

if TYPE_CHECKING:
    from unweave.method import Method
    from unweave.progress import Progress
    from unweave.trainer_setup import Networks


class Run(Trained):
    """A run directory: its settings, log, model, scores and figures.

    Open one with `Run.open(path)`; `unweave.train` makes one.
    """

    def __repr__(self) -> str:
        """Name the method, the data, the step and the directory."""
        method, data = (short_name(text) for text in (self.config.method, self.config.data.name))
        return f"<Run {self.path}: {method} on {data}, step {self.step} of {self.config.steps}>"

    def _repr_html_(self) -> str:
        """Lay out settings, the newest log line and the scores for a notebook."""
        method, data = (short_name(text) for text in (self.config.method, self.config.data.name))
        rows = {
            "run": str(self.path), "method": method, "data": data,
            "step": f"{self.step} of {self.config.steps}",
        }  # fmt: skip
        lines = self.scalars()
        values = {n: v for n, v in lines[-1].items() if n != "step"} if lines else {}
        content = read_scores(self)
        if content is not None and content["step"] == self.step:
            values |= {name: entry["value"] for name, entry in content["scores"].items()}
        rows |= {name: "none" if v is None else f"{v:.4g}" for name, v in values.items()}
        cells = "".join(
            f"<tr><th>{escape(n)}</th><td>{escape(t)}</td></tr>" for n, t in rows.items()
        )
        return f"<table>{cells}</table>"

    @property
    def scores(self) -> dict[str, float]:
        """The scores by name, computed anew if the run has trained further; NaN if undefined."""
        content = read_scores(self)
        if content is None or content["step"] != self.step:
            return self.evaluate()
        values = {name: entry["value"] for name, entry in content["scores"].items()}
        return {name: math.nan if value is None else value for name, value in values.items()}

    def evaluate(
        self, metrics: str | tuple[str, ...] | None = None, **options: Any
    ) -> dict[str, float]:
        """Score the codes; `unweave.evaluate.evaluate` lists the options."""
        names = split_names(metrics) if isinstance(metrics, str) else metrics
        scores = evaluate(self, names, **options)
        return {name: float(score) for name, score in scores.items()}

    def report(self) -> Path:
        """Draw the figures and write `report.html`; return its path."""
        from unweave.report import write_report  # matplotlib takes a second to import

        return write_report(self)


def train(
    method: str | Method,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    data: Any = None,
    architecture: Any = None,
    prior: str | None = None,
    posterior: str | None = None,
    dim: int | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | str | None = None,
    optimizer: str | None = None,
    clip_norm: float | None = None,
    classifier: str | None = None,
    holdout: int | None = None,
    seed: int | None = None,
    precision: Literal["float32", "bfloat16"] | None = None,
    compile: bool | None = None,
    log_every: int | None = None,
    checkpoint_every: int | None = None,
    validate_every: int | None = None,
    evaluate_every: int | None = None,
    keep_best: str | None = None,
    stop_after: int | None = None,
    **options: Any,
) -> Run:
    """Train a method and return its run directory.

    Parameters
    ----------
    method
        Registered name (`unweave methods` lists them), or a `Method`.
    out
        The run directory; by default a new one under `runs/`.
    device
        `auto`, `cpu`, `cuda` or `cuda:N`.
    progress
        An object that shows the progress; by default nothing is shown.
    data
        Registered name with options, `dsprites` by default; or an array, a pair (array,
        factors), a data set of unweave_data or a torch Dataset.
    architecture
        Registered name with options, `conv64` by default; or a pair (encoder, decoder) of torch
        modules.
    prior, posterior, dim, steps, batch_size, learning_rate and so on
        Settings of every run; docs/reference/settings.md lists them. None takes the default.
    options
        Those of the method, such as beta=6.

    Raises
    ------
    ConfigError
        If a name or value is invalid; nothing is written.
    NonFiniteError
        If the loss stops being finite; the error names the newest checkpoint, if there is one.
    """
    fields = {
        "prior": prior, "posterior": posterior, "dim": dim, "steps": steps,
        "batch_size": batch_size, "learning_rate": learning_rate, "optimizer": optimizer,
        "clip_norm": clip_norm, "classifier": classifier, "holdout": holdout, "seed": seed,
        "precision": precision, "compile": compile, "log_every": log_every,
        "checkpoint_every": checkpoint_every, "validate_every": validate_every,
        "evaluate_every": evaluate_every, "keep_best": keep_best, "stop_after": stop_after,
    }  # fmt: skip
    settings = {name: value for name, value in fields.items() if value is not None}
    from unweave import training  # a run that is asked does not need what trains one

    return training.train(
        Run, method, out=out, device=device, progress=progress, data=data,
        architecture=architecture, **settings, **options,
    )  # fmt: skip


def resume(
    path: str | Path,
    *,
    steps: int | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    data: Any = None,
    architecture: Networks | None = None,
) -> Run:
    """Continue a run from its newest checkpoint.

    Parameters
    ----------
    steps
        Last step, instead of the configured one; recorded in the run. The result equals that of a
        run of this length from the start, unless a schedule depends on the length.
    device, progress, data, architecture
        As in `train`.

    Raises
    ------
    RunError
        If the directory is not a run.
    """
    from unweave import training

    return training.resume(
        Run, path, steps=steps, device=device, progress=progress, data=data,
        architecture=architecture,
    )  # fmt: skip
