"""A method that is given by its terms instead of a name."""

from __future__ import annotations

from typing import Any

from unweave.method import Method, Term


def custom(
    *,
    terms: tuple[dict[str, Any], ...] = (),
    cost: str = "bernoulli",
    objective: str = "sum",
    objective_options: dict[str, Any] | None = None,
) -> Method:
    """Take all terms from the options; `unweave.train(Method(...))` is recorded as this.

    Posterior and prior are settings of every run.

    Parameters
    ----------
    terms
        Mappings with `estimator`, `weights` and, if needed, `options` and `targets`.
    """
    parts = tuple(Term(**term) for term in terms)
    return Method(parts, cost, objective=objective, objective_options=objective_options or {})
