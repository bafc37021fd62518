"""Linear support vector machines on one code: convex problems in two parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._compiled import Kernel

Floats = NDArray[np.float64]

# The objective is piecewise quadratic: Newton's method reaches the piece of the minimum after a few
# steps, and is then exact. In practice neither 100 steps nor this gradient (relative to the largest
# one so far) limits it.
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

    Each minimises (w^2 + b^2) / 2 + C sum_i c_i max(0, 1 - t_i (w z_i + b))^2. t_i is 1 for rows of
    the class and -1 for others. c_i is 1, but with `balanced` it is n / (classes * n_class) for
    rows of the class and, if there are only two classes, also for the others. With two classes only
    the second machine is used for prediction. scikit-learn's ``LinearSVC`` minimises the same
    objective, in which the intercept is penalised too; here the minimum is exact up to rounding.

    Parameters
    ----------
    code
        Float64 array, shape (n,).
    labels
        Class of each row, 0 to `classes` - 1, shape (n,).
    order
        Row numbers in ascending order of the code, if known, shape (n,).
    """
    counts = np.bincount(labels, minlength=classes)
    weights = np.ones(classes)
    if balanced:
        weights = len(code) / (np.maximum(counts, 1) * int((counts > 0).sum()))
    if order is None:
        order = np.argsort(code, kind="stable")
    # With the rows of each class in ascending order, sums over the rows beyond a margin are
    # differences of prefix sums. 16-bit numbers are sorted in linear time.
    by_class = order[np.argsort(labels[order].astype(np.uint16), kind="stable")]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    slopes, intercepts = np.zeros(classes), np.zeros(classes)
    _newton(
        code[order], code[by_class], starts, weights, C, balanced and classes == 2,
        NEWTON_STEPS, GRADIENT_TOLERANCE, slopes, intercepts,
    )  # fmt: skip
    return slopes, intercepts


def predict_one_code(code: Floats, slopes: Floats, intercepts: Floats) -> NDArray[np.int64]:
    """Return the class with the largest w z + b (the first of equals); for two, use the sign."""
    if len(slopes) == 2:
        return np.asarray(code * slopes[1] + intercepts[1] > 0, dtype=np.int64)
    out = np.empty(len(code), dtype=np.int64)
    _largest_line(np.array(code, dtype=np.float64), slopes, intercepts, out)
    return out


@Kernel
def _largest_line(code, slopes, intercepts, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the number of the line that is highest at each value."""
    for j in range(code.size):
        best, place = -np.inf, 0
        for c in range(slopes.size):
            value = code[j] * slopes[c] + intercepts[c]
            if value > best:
                best, place = value, c
        out[j] = place


@Kernel
def prefix_sums(values):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the sums and the sums of squares of the first 0, 1, ... values."""
    first, second = np.zeros(values.size + 1), np.zeros(values.size + 1)
    for j in range(values.size):
        first[j + 1] = first[j] + values[j]
        second[j + 1] = second[j] + values[j] * values[j]
    return first, second


@Kernel
def sums_beyond(w, b, edge, below, values, first, second):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return count, sum and sum of squares of the values z with w z + b below (or above) an edge.

    The values are ascending, so these are at one end, and their sums follow from prefix sums and a
    binary search.
    """
    n = values.size
    if w == 0.0:
        every = b < edge if below else b > edge
        return (float(n), first[n], second[n]) if every else (0.0, 0.0, 0.0)
    p = np.searchsorted(values, (edge - b) / w)
    if (w > 0) == below:
        return float(p), first[p], second[p]
    return float(n - p), first[n] - first[p], second[n] - second[p]


@Kernel
def newton_step(w, b, up, down, own, rest):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the Newton step in w and b, the gradient, and whether the step could be computed.

    `own` and `rest` are count, sum and sum of squares of the rows inside the margin, for the class
    and for the other classes.
    """
    e, f = 1.0 - b, 1.0 + b
    gw = w - 2 * up * (e * own[1] - w * own[2]) + 2 * down * (f * rest[1] + w * rest[2])
    gb = b - 2 * up * (e * own[0] - w * own[1]) + 2 * down * (f * rest[0] + w * rest[1])
    hww = 1.0 + 2 * (up * own[2] + down * rest[2])
    hwb = 2 * (up * own[1] + down * rest[1])
    hbb = 1.0 + 2 * (up * own[0] + down * rest[0])
    determinant = hww * hbb - hwb * hwb
    if not determinant > 0.0:  # rounding: the code varies little and is far from zero
        return 0.0, 0.0, gw, gb, False
    return (
        -(hbb * gw - hwb * gb) / determinant, -(hww * gb - hwb * gw) / determinant, gw, gb, True,
    )  # fmt: skip


@Kernel
def solve_machine(own, values, all_1, all_2, up, down, steps, tolerance):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return slope and intercept of one machine, by Newton's method with step halving."""
    own_1, own_2 = prefix_sums(own)
    w, b, tw, tb = 0.0, 0.0, 0.0, 0.0
    dw, db, decrease, step = 0.0, 0.0, 0.0, 1.0
    value, scale = np.inf, 0.0
    for _ in range(steps):
        # At the trial point (tw, tb), u = tw z + tb. Rows inside the margin: those of the class
        # with u < 1, and those of other classes (all minus the class) with u > -1.
        n0, n1, n2 = sums_beyond(tw, tb, 1.0, True, own, own_1, own_2)
        o0, o1, o2 = sums_beyond(tw, tb, -1.0, False, own, own_1, own_2)
        a0, a1, a2 = sums_beyond(tw, tb, -1.0, False, values, all_1, all_2)
        r0, r1, r2 = a0 - o0, a1 - o1, a2 - o2
        # Squared hinges, expanded: (1 - u)^2 in the class and (1 + u)^2 outside.
        e, f = 1.0 - tb, 1.0 + tb
        hinge_own = e * e * n0 - 2 * e * tw * n1 + tw * tw * n2
        hinge_rest = f * f * r0 + 2 * f * tw * r1 + tw * tw * r2
        trial = 0.5 * (tw * tw + tb * tb) + up * hinge_own + down * hinge_rest
        if trial > value - 1e-4 * step * decrease and step > 1e-10:
            step *= 0.5
            tw, tb = w + step * dw, b + step * db
            continue
        w, b, value = tw, tb, trial
        dw, db, gw, gb, solved = newton_step(w, b, up, down, (n0, n1, n2), (r0, r1, r2))
        scale = max(scale, abs(gw) + abs(gb))
        if abs(gw) + abs(gb) <= tolerance * scale or not solved:
            break
        decrease, step = -(gw * dw + gb * db), 1.0
        tw, tb = w + dw, b + db
    return w, b


@Kernel
def _newton(values, by_class, starts, weights, C, two_sided, steps, tolerance, slopes, intercepts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Solve the machine of each class; a class without rows is never predicted."""
    all_1, all_2 = prefix_sums(values)
    for c in range(weights.size):
        own = by_class[starts[c] : starts[c + 1]]
        if own.size == 0:
            intercepts[c] = -np.inf
            continue
        up, down = C * weights[c], C * (weights[1 - c] if two_sided else 1.0)
        slopes[c], intercepts[c] = solve_machine(
            own, values, all_1, all_2, up, down, steps, tolerance
        )
