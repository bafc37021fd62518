"""Multinomial logistic regression by L-BFGS, with a fused loss and gradient."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._counting import Floats
from unweave_metrics._shared import shared
from unweave_metrics._softmax import COLUMNS, loss_and_gradient

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Logistic:
    """A logistic regression: `weights` (classes, d + 1), intercepts in the last column.

    `converged` says whether the fit ended before its last allowed step.
    """

    weights: Floats
    converged: bool = True

    def logits(self, inputs: Floats) -> Floats:
        """Return unnormalised log-probabilities, shape (n, classes)."""
        return np.asarray(inputs @ self.weights[:, :-1].T + self.weights[:, -1])

    def probabilities(self, inputs: Floats) -> Floats:
        """Return probabilities, shape (n, classes)."""
        logits = self.logits(inputs)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def predict(self, inputs: Floats) -> Labels:
        """Return the most probable class of each row; among equals, the first."""
        return np.asarray(self.logits(inputs).argmax(axis=1), dtype=np.int64)


def fit_logistic(
    inputs: Floats,
    labels: Labels,
    classes: int,
    *,
    C: float = 1.0,
    balanced: bool = False,
    max_iter: int = 100,
    tolerance: float = 1e-4,
) -> Logistic:
    """Fit a logistic regression by L-BFGS from weights of zero, as ``LogisticRegression`` does.

    Minimises sum_j a_j [log sum_c exp(w_c x_j + b_c) - (w_y x_j + b_y)] / sum_j a_j + sum w^2 /
    (2 C sum_j a_j), where y is the class of row j and a_j is its weight: 1, or with `balanced` the
    inverse frequency of its class. With two classes the first has w = 0, b = 0. The fit ends after
    `max_iter` steps, converged or not, because the reference implementations score that classifier.

    Parameters
    ----------
    inputs
        Float64 array, shape (n, d).
    labels
        Class of each row, 0 to `classes` - 1, shape (n,).
    C
        Inverse strength of the penalty; infinity for none.
    tolerance
        The fit has converged when no entry of the gradient is larger.
    """
    first = _fit(inputs, labels, classes, C, balanced, min(max_iter, FIRST_STEPS), tolerance)
    if first.converged or max_iter <= FIRST_STEPS:
        return first
    return _fit(inputs, labels, classes, C, balanced, max_iter, tolerance)


# Most fits converge within this many steps. The result then does not depend on `max_iter`, so
# metrics with different values of `max_iter` share it.
FIRST_STEPS = 100


@shared
def _fit(
    inputs: Floats,
    labels: Labels,
    classes: int,
    C: float,
    balanced: bool,
    max_iter: int,
    tolerance: float,
) -> Logistic:
    """Fit with at most `max_iter` steps."""
    from scipy import optimize

    minimize: Any = optimize.minimize
    n, d = inputs.shape
    x = np.zeros((-(-n // COLUMNS) * COLUMNS, d + 1))
    x[:n, :d], x[:n, d] = inputs, 1.0
    y = np.ascontiguousarray(labels, dtype=np.int64)
    counts = np.bincount(y, minlength=classes)
    weight = np.ones(classes)
    if balanced:
        weight = len(y) / (np.maximum(counts, 1) * int((counts > 0).sum()))
    total = float((weight * counts).sum())
    free = 1 if classes == 2 else 0
    shape = (classes - free, d + 1)
    penalty = 1.0 / (C * total)

    def loss(point: Floats) -> tuple[float, Floats]:
        full = np.zeros((classes, shape[1]))
        full[free:] = point.reshape(shape)
        gradient = np.zeros(full.shape)
        value = loss_and_gradient(x, y, weight, full, gradient) / total
        gradient /= total
        value += 0.5 * penalty * float((full[:, :-1] ** 2).sum())
        gradient[:, :-1] += penalty * full[:, :-1]
        return value, gradient[free:].ravel()

    options: dict[str, Any] = {
        "maxiter": max_iter, "maxls": 50, "gtol": tolerance, "ftol": 64 * np.finfo(float).eps,
    }  # fmt: skip
    start = np.zeros(shape[0] * shape[1])
    with _one_thread():
        solution = minimize(loss, start, method="L-BFGS-B", jac=True, options=options)
    weights = np.zeros((classes, shape[1]))
    weights[free:] = np.reshape(solution.x, shape)
    return Logistic(weights, bool(solution.nit < max_iter))


_lock = threading.Lock()
_blas: dict[str, Any] = {"users": 0, "controller": None, "limit": None}


@contextmanager
def _one_thread() -> Iterator[None]:
    """Limit linear algebra to one thread, as long as any fit is in this context.

    L-BFGS works on vectors of a few dozen entries, for which starting other threads costs many
    times the work. The limit applies to the whole process: the first fit to enter sets it, and the
    last to leave removes it. The search for loaded libraries is made once.
    """
    from threadpoolctl import ThreadpoolController

    with _lock:
        if _blas["controller"] is None:
            _blas["controller"] = ThreadpoolController()
        if _blas["users"] == 0:
            _blas["limit"] = _blas["controller"].limit(limits=1, user_api="blas")
        _blas["users"] += 1
    try:
        yield
    finally:
        with _lock:
            _blas["users"] -= 1
            if _blas["users"] == 0:
                _blas["limit"].restore_original_limits()
