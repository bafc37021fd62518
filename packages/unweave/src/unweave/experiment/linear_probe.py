"""Accuracy of a linear classifier of factors from the codes of other images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unweave.errors import unknown_name

if TYPE_CHECKING:
    from unweave.protocols import Dataset
    from unweave.trained import Trained

PARTS = ("train", "test")


def check_part(part: str) -> str:
    """Return `train` or `test`, or raise that there is no such part."""
    if part not in PARTS:
        raise unknown_name("part of the data", part, PARTS)
    return part


def probe_accuracy(run: Trained, test: Dataset, part: str, rows: int) -> float:
    """Fit a linear classifier to mean codes of training images; return its accuracy.

    The registered metric `linear-probe`: multinomial logistic regression of standardised codes,
    its mean over factors.

    Parameters
    ----------
    test
        Images that were not trained on.
    part
        `train`, of the images that it was fitted to, or `test`.
    rows
        Images on each side at most.

    References
    ----------
    Chivukula, "Learning disentangled latent spaces using VAE", section 3: one linear layer on the
    codes.
    """
    from unweave.codetable import encode_table, rows_of

    tables = [encode_table(run, run.model, rows=rows, dataset=data) for data in (run.dataset, test)]
    factors = [
        rows_of(data.factors, table.index)
        for data, table in zip((run.dataset, test), tables, strict=True)
    ]
    metric = run.registry.lookup("metric", "linear-probe", "unweave-metrics").load()
    score = metric(
        tables[0].codes, factors[0], test_codes=tables[1].codes, test_factors=factors[1], seed=0
    )
    return float(score) if part == "test" else float(np.mean(score.parts["per_factor_train"]))
