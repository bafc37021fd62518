"""Linear support vector machines on one code: a convex problem in two parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._compiled import Kernel

Floats = NDArray[np.float64]

# The objective is piecewise quadratic: Newton's method ends on the right piece after a few steps,
# and then is exact. 100 steps and this gradient (relative to the one at zero) are never the limit
# in practice.
NEWTON_STEPS = 100
GRADIENT_TOLERANCE = 1e-12


def fit_one_code(
    code: Floats,
    labels: NDArray[np.int64],
    classes: int,
    C: float,
    balanced: bool,
    order: NDArray[np.int64] | None = None,
) -> tuple[Floats, Floats]:
    """Fit one-versus-rest squared-hinge machines on one code; return slopes and intercepts.

    Each minimises (w^2 + b^2) / 2 + C sum_i c_i max(0, 1 - t_i (w z_i + b))^2, t_i = 1 in the class
    and -1 elsewhere, c_i = n / (classes * n_class) in the class when `balanced`, else 1. With two
    classes there is one machine for the second class, with both weights balanced. This is what
    scikit-learn's ``LinearSVC`` minimises (the intercept is penalised too); here to machine
    precision.

    Parameters
    ----------
    code
        Float64 array, shape (n,).
    labels
        Class of each row, 0 to `classes` - 1, shape (n,).
    order
        The rows by rising code, if known, shape (n,).
    """
    counts = np.bincount(labels, minlength=classes)
    weights = np.ones(classes)
    if balanced:
        weights = len(code) / (np.maximum(counts, 1) * int((counts > 0).sum()))
    if order is None:
        order = np.argsort(code, kind="stable")
    # Rows by class and rising within: sums over the rows beyond a margin are differences of prefix
    # sums. Numbers of 16 bits are sorted in linear time.
    grouped = order[np.argsort(labels[order].astype(np.uint16), kind="stable")]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    slopes, intercepts = np.zeros(classes), np.zeros(classes)
    _newton(
        code[order], code[grouped], starts, weights, C, balanced and classes == 2,
        NEWTON_STEPS, GRADIENT_TOLERANCE, slopes, intercepts,
    )  # fmt: skip
    return slopes, intercepts


def predict_one_code(code: Floats, slopes: Floats, intercepts: Floats) -> NDArray[np.int64]:
    """Return the class with the largest w z + b, the first of equals; of two, by the sign."""
    if len(slopes) == 2:
        return np.asarray(code * slopes[1] + intercepts[1] > 0, dtype=np.int64)
    out = np.empty(len(code), dtype=np.int64)
    _largest_line(np.array(code, dtype=np.float64), slopes, intercepts, out)
    return out


@Kernel
def _largest_line(code, slopes, intercepts, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the number of the highest line at each value."""
    for j in range(code.size):
        best, place = -np.inf, 0
        for c in range(slopes.size):
            value = code[j] * slopes[c] + intercepts[c]
            if value > best:
                best, place = value, c
        out[j] = place


@Kernel
def _newton(values, grouped, starts, weights, C, two_sided, steps, tolerance, slopes, intercepts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Solve each class's machine by Newton steps with halving.

    Rows inside the margin form one end of a sorted list, so the five sums that gradient and Hessian
    need (count, z, z^2 of the class and of the rest) are prefix sums at a place found by bisection.
    """
    n = values.size
    all_1 = np.zeros(n + 1)
    all_2 = np.zeros(n + 1)
    for j in range(n):
        all_1[j + 1] = all_1[j] + values[j]
        all_2[j + 1] = all_2[j] + values[j] * values[j]
    for c in range(weights.size):
        own = grouped[starts[c] : starts[c + 1]]
        m = own.size
        if m == 0:
            intercepts[c] = -np.inf
            continue
        own_1 = np.zeros(m + 1)
        own_2 = np.zeros(m + 1)
        for j in range(m):
            own_1[j + 1] = own_1[j] + own[j]
            own_2[j + 1] = own_2[j] + own[j] * own[j]
        up = C * weights[c]
        down = C * (weights[1 - c] if two_sided else 1.0)
        w, b = 0.0, 0.0
        tw, tb = 0.0, 0.0
        value = np.inf
        scale = 0.0
        dw, db, decrease, step = 0.0, 0.0, 0.0, 1.0
        for _ in range(steps):
            # Evaluate at the trial point (tw, tb): sums over the class's rows with tw z + tb < 1
            # ...
            n0, n1, n2, o0, o1, o2, a0, a1, a2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            if tw == 0.0:
                if tb < 1.0:
                    n0, n1, n2 = float(m), own_1[m], own_2[m]
                if tb > -1.0:
                    o0, o1, o2 = float(m), own_1[m], own_2[m]
                    a0, a1, a2 = float(n), all_1[n], all_2[n]
            else:
                inside, outside = (1.0 - tb) / tw, (-1.0 - tb) / tw
                p = np.searchsorted(own, inside)
                q = np.searchsorted(own, outside)
                r = np.searchsorted(values, outside)
                if tw > 0:
                    n0, n1, n2 = float(p), own_1[p], own_2[p]
                    o0, o1, o2 = float(m - q), own_1[m] - own_1[q], own_2[m] - own_2[q]
                    a0, a1, a2 = float(n - r), all_1[n] - all_1[r], all_2[n] - all_2[r]
                else:
                    n0, n1, n2 = float(m - p), own_1[m] - own_1[p], own_2[m] - own_2[p]
                    o0, o1, o2 = float(q), own_1[q], own_2[q]
                    a0, a1, a2 = float(r), all_1[r], all_2[r]
            # ... and over the other rows (all minus own) with tw z + tb > -1.
            r0, r1, r2 = a0 - o0, a1 - o1, a2 - o2
            # Squared hinges, expanded: (1 - u)^2 in the class and (1 + u)^2 outside, u = tw z + tb.
            e, f = 1.0 - tb, 1.0 + tb
            hinge_own = e * e * n0 - 2 * e * tw * n1 + tw * tw * n2
            hinge_rest = f * f * r0 + 2 * f * tw * r1 + tw * tw * r2
            trial = 0.5 * (tw * tw + tb * tb) + up * hinge_own + down * hinge_rest
            if trial > value - 1e-4 * step * decrease and step > 1e-10:
                step *= 0.5
                tw, tb = w + step * dw, b + step * db
                continue
            w, b, value = tw, tb, trial
            gw = w - 2 * up * (e * n1 - w * n2) + 2 * down * (f * r1 + w * r2)
            gb = b - 2 * up * (e * n0 - w * n1) + 2 * down * (f * r0 + w * r1)
            size = abs(gw) + abs(gb)
            scale = max(scale, size)
            if size <= tolerance * scale:
                break
            hww = 1.0 + 2 * (up * n2 + down * r2)
            hwb = 2 * (up * n1 + down * r1)
            hbb = 1.0 + 2 * (up * n0 + down * r0)
            determinant = hww * hbb - hwb * hwb
            if not determinant > 0.0:  # lost to rounding: a code that varies far from zero
                break
            dw = -(hbb * gw - hwb * gb) / determinant
            db = -(hww * gb - hwb * gw) / determinant
            decrease = -(gw * dw + gb * db)
            step = 1.0
            tw, tb = w + dw, b + db
        slopes[c], intercepts[c] = w, b
