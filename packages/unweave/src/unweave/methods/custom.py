"""A method that is written out instead of named."""

from __future__ import annotations

from typing import Any

from unweave.method import Method, Term


def custom(
    *,
    terms: list[dict[str, Any]],
    cost: str = "bernoulli",
    posterior: str = "gaussian",
    prior: str = "normal",
    objective: str = "sum",
) -> Method:
    """Whatever its options say; `unweave.train(Method(...))` becomes this.

    terms : mappings with `estimator`, `weights` and, where wanted, `options` and `targets`.
    """
    return Method(tuple(Term(**term) for term in terms), cost, posterior, prior, objective)
