"""Malformed calls by seed: arrays of every kind and size of number, and options of every kind."""

import inspect
import math

import numpy as np

import unweave_metrics as um
from unweave_metrics.catalogue import CATALOGUE

SIZES = (0.0, 1e-320, 1e-300, 1e-160, 1e-8, 1.0, 1e8, 1e16, 1e38, 1e160, 1e300, 1.7e308)
WORDS = ("lasso", "tree", "linear", "svm", "spearman", "nan", "none", "unit", "train", "neighbors",
         "miller-madow", "extrapolate", "shuffle", "absolute", "cross-entropy", "rbf", "code",
         "binary", "ovr", "iqr", "all", "measurement", "class", "carbonneau2022", "hsu2023",
         "boosting", "random-forest", "mean", "stop", "one")  # fmt: skip
# What is slow by itself, not because of what came in.
SLOW = ("gradient-boosting", "forest-regression")


class Foreign:
    """An array of another library, known by ``__array__`` alone."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        """Return the numbers."""
        return self.array


class Exchanged:
    """An array of another library, known by DLPack alone."""

    def __init__(self, array):
        self.array = np.array(array)

    def __dlpack__(self, **options):
        """Return the capsule."""
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        """Return where it is."""
        return self.array.__dlpack_device__()


class Broken:
    """An array whose conversion raises."""

    def __array__(self, dtype=None, copy=None):
        """Fail as a device that is gone does."""
        raise RuntimeError("device lost")


def numbers(rng, shape):
    """Return numbers of one size, of several, constant, tied, or with some that are none."""
    style = rng.integers(0, 14)
    plain = np.clip(rng.normal(size=shape), -1, 1) if style in (0, 1, 2) else rng.normal(size=shape)
    if style == 0:
        return plain * rng.choice(SIZES)
    if style == 1:
        return plain * rng.choice(SIZES, size=shape[-1:] or None)
    if style == 2:
        return plain * rng.choice(SIZES, size=shape)
    if style == 3:
        return np.full(shape, rng.choice(SIZES) * rng.choice([-1, 1]))
    if style == 4:
        return plain + rng.choice(SIZES[:-1])
    if style == 5:
        return np.round(plain)
    if style == 6 and plain.size:
        plain.flat[rng.integers(0, plain.size)] = rng.choice([np.nan, np.inf, -np.inf])
        return plain
    if style == 7:
        return np.broadcast_to(rng.normal(size=shape[-1:]), shape)
    if style == 8:
        return np.where(rng.random(shape) < 0.5, 1.7e308, -1.7e308)
    return plain


def classes(rng, shape):
    """Return class numbers, few or many, perhaps of one value or far apart."""
    high = int(rng.choice([1, 2, 3, 5, 40]))
    numbers = rng.integers(0, high, size=shape)
    if rng.random() < 0.1:
        numbers = numbers * 10**17 - 5 * 10**17
    return numbers


def dressed(rng, array):
    """Return the numbers as a caller may have them."""
    array = np.asarray(array)
    with np.errstate(all="ignore"):
        dress = rng.integers(0, 100)
        if dress == 0:
            return array.tolist()
        if dress == 1:
            return np.ma.masked_array(array, mask=rng.random(array.shape) < rng.choice([0, 0.1]))
        if dress == 2:
            return array.astype(rng.choice(["f2", "f4", "g", "i1", "u8", "?", ">f8", ">i4"]))
        if dress == 3:
            return array.astype(rng.choice(["c16", "O", "U8", "S3"]))
        if dress == 4:
            return np.asfortranarray(array)
        if dress == 5 and array.ndim:
            return array[::-1]
        if dress == 6:
            array = array.copy()
            array.flags.writeable = False
            return array
        if dress == 7:
            pool = [None, 3, "codes", {"a": 1}, object(), Broken(), [[1, 2], [3]], b"x"]
            return pool[rng.integers(0, len(pool))]
        if dress == 8:
            return Foreign(array)
        if dress == 9:
            return Exchanged(array)
        if dress == 10:
            return _frame(rng, array)
        if dress == 11:
            return _tensor(rng, array)
        if dress == 12 and array.ndim == 2:
            return array.view(np.matrix)
        if dress == 13:
            return array.astype("M8[s]")
        if dress == 14:
            return iter(np.atleast_1d(array))
    return array


def _frame(rng, array):
    try:
        import pandas as pd
    except ImportError:
        return array
    if array.ndim != 2:
        return pd.Series(array.ravel())
    return pd.DataFrame(array).convert_dtypes() if rng.random() < 0.5 else pd.DataFrame(array)


def _tensor(rng, array):
    try:
        import torch
    except ImportError:
        return array
    tensor = torch.tensor(array.astype(np.float64), requires_grad=bool(rng.random() < 0.5))
    return tensor.bfloat16() if rng.random() < 0.2 else tensor


def value(rng, default):
    """Return a value for an option: plausible, or wrong in kind or size."""
    if rng.random() < 0.7:
        if isinstance(default, bool):
            return bool(rng.integers(0, 2))
        plausible = [2, 3, 5, 0.5, 0.1, True, False, *WORDS] if default is None else [default]
        return plausible[rng.integers(0, len(plausible))]
    pool = [None, -1, 0, 1, 7, np.int64(3), 10**30, -5, 2.5, math.nan, math.inf, -math.inf, 1e-320,
            1e300, True, "", "x", b"x", [], [1], (), {}, object(), np.ones(3), np.float32(2),
            *rng.choice(WORDS, 3)]  # fmt: skip
    return pool[rng.integers(0, len(pool))]


def shape(rng, last=(1, 2, 3, 4)):
    """Return a shape (n, d), mostly of a table."""
    n = int(rng.choice([2, 3, 7, 12, 30, 60], p=[0.05, 0.05, 0.1, 0.2, 0.3, 0.3]))
    if rng.random() < 0.06:
        return tuple(int(s) for s in rng.integers(0, 4, size=rng.integers(0, 4)))
    return n, int(rng.choice(last))


def arrays_of(rng, entry):
    """Return the positional arguments of one metric."""
    table = shape(rng)
    rows = table[:1] or (3,)
    arrays, picture = [], (3, int(rng.choice([1, 3, 7, 9])), 9, 3)[: rng.integers(3, 5)]
    for name in entry.needs:
        if name in ("images", "reconstructions"):
            array = numbers(rng, picture)
        elif name == "representations":
            arrays.append([dressed(rng, numbers(rng, table)) for _ in range(rng.integers(0, 4))])
            continue
        elif name == "factors":
            k = rows + (int(rng.choice([1, 2, 3])),)
            array = classes(rng, k) if rng.random() < 0.7 else numbers(rng, k)
        else:
            array = numbers(rng, table if rng.random() < 0.97 else shape(rng))
        arrays.append(dressed(rng, array))
    if rng.random() < 0.02:
        arrays = arrays[:-1]
    return arrays


def options_of(rng, function):
    """Return options of a function, those that metrics share and its own."""
    parameters = inspect.signature(function).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    names = rng.choice(list(defaults), size=min(len(defaults), rng.choice([0, 0, 1, 1, 2, 3])),
                        replace=False)  # fmt: skip
    options = {str(name): value(rng, defaults[str(name)]) for name in names}
    if rng.random() < 0.02:
        options["binz"] = 3
    return {name: setting for name, setting in options.items() if not _slow(setting)}


def _slow(setting):
    return isinstance(setting, str) and setting in SLOW


# Smaller numbers of votes, so that a call takes little.
QUICK = {"train_votes": 60, "eval_votes": 40, "train_points": 60, "eval_points": 40,
         "trees": 2, "subsets": 3}  # fmt: skip


def call(rng):
    """Return a function, its positional arguments and its options."""
    kind = rng.random()
    if kind < 0.9:
        entry = list(CATALOGUE.values())[rng.integers(0, len(CATALOGUE))]
        parameters = inspect.signature(entry.function).parameters
        quick = {name: count for name, count in QUICK.items() if name in parameters}
        return entry.function, arrays_of(rng, entry), quick | options_of(rng, entry.function)
    if kind < 0.95:
        entry = CATALOGUE["mig"]
        names = ["mig", "mcc", "hoyer_sparsity", "factor_vae", "sap", "irs"]
        options = {"metrics": list(rng.choice(names, 2, replace=False)), "bootstrap": 5}
        options = options_of(rng, um.evaluate) | options | {"progress": False}
        if rng.random() < 0.1:
            options["bootstrap"] = value(rng, 3)
        return um.evaluate, arrays_of(rng, entry), options
    scores = dressed(rng, numbers(rng, (int(rng.integers(0, 6)),)))
    others = [
        (um.summarize, [scores]),
        (um.paired_test, [scores, dressed(rng, numbers(rng, (3,)))]),
        (um.find_metric, [value(rng, "mig")]),
        (um.information_table, arrays_of(rng, CATALOGUE["mig"])),
        (um.bootstrap, [um.mcc, *arrays_of(rng, CATALOGUE["mcc"])]),
    ]
    function, arguments = others[rng.integers(0, len(others))]
    options = options_of(rng, function) if function is um.information_table else {}
    if function is um.summarize and rng.random() < 0.5:
        options = {"level": value(rng, 0.95)}
    return function, arguments, options
