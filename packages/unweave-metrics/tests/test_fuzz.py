"""Whatever comes in: a finite score, one with words, or one sentence of this package."""

import copy
import math
import os
import signal
import time
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import unweave_metrics as um

PACKAGE = str(Path(um.__file__).parent)
SEED = int(os.environ.get("UNWEAVE_FUZZ_SEED", "0"))
# What Python and numpy say themselves of values that nobody looked at.
PYTHONS = ("object is not", "unsupported operand", "not supported between", "has no len",
           "ambiguous", "broadcast", "invalid literal", "must be real number",
           "cannot be interpreted", "takes a", "unhashable", "could not convert",
           "out of bounds", "zero-size")  # fmt: skip
LONG = 900  # characters: the names of all metrics, after one that is none of them
ALL, SOME = 5_000, 250
LONGEST, HANGING = 10, 120  # seconds of processor and of wall


@contextmanager
def alarm(seconds):
    """Raise TimeoutError in a call that does not end."""

    def stop(number, frame):
        raise TimeoutError(f"no end after {seconds} s")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def contents(value):
    """Return what an argument holds, to be compared later."""
    value = getattr(value, "array", value)  # of what wraps one
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes() if value.dtype.kind != "O" else None
    if isinstance(value, list | tuple):
        return [contents(part) for part in value]
    if hasattr(value, "to_numpy"):
        return value.to_numpy(dtype=object, na_value=None).tolist().__repr__()
    if hasattr(value, "detach"):
        return value.detach().float().numpy().tobytes()
    return repr(value) if isinstance(value, dict) else None


def fault_of(malformed, number, seed):
    """Make one call and return what is wrong with what it did, empty if nothing."""
    function, arguments, options = malformed.call(np.random.default_rng((seed, number)))
    before, original = contents(arguments), copy.copy(options)
    start = time.process_time()
    try:
        with warnings.catch_warnings(), alarm(HANGING):
            warnings.simplefilter("error")
            result = function(*arguments, **options)
        fault = fault_of_value(result)
    except (ValueError, TypeError) as error:
        fault = fault_of_error(error, function.__name__)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        fault = "".join(traceback.format_exception(error)[-3:])
    seconds = time.process_time() - start
    if contents(arguments) != before or options.keys() != original.keys():
        fault += " an argument was changed"
    if seconds > LONGEST:
        fault += f" took {seconds:.0f} s"
    return f"call {number}: {function.__name__} {options!r:.200}: {fault}" if fault else ""


def fault_of_error(error, name):
    """Return what is wrong with an error: raised elsewhere than here, or more than a sentence."""
    if str(error).startswith(f"{name}() "):  # Python's own words on names of arguments
        return ""
    if isinstance(error, UnicodeError) or type(error) not in (ValueError, TypeError):
        return f"{type(error).__name__}: {error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    if not last.filename.startswith(PACKAGE):
        return f"raised by {last.filename}:{last.lineno}: {error}"
    text = str(error)
    foreign = not text or "\n" in text or len(text) > LONG or any(word in text for word in PYTHONS)
    return f"no sentence of ours: {text!r}" if foreign else ""


def fault_of_value(result):
    """Return what is wrong with a result: NaN or infinity without a word."""
    if isinstance(result, um.ScoreTable):
        silent = [
            name
            for name, score in result.items()
            if not math.isfinite(score)
            and not (score.notes or any(name in note for note in result.notes))
        ]
        return f"silent: {silent}" if silent else ""
    if isinstance(result, um.Score) and not math.isfinite(result) and not result.notes:
        return f"{float(result)} without a word"
    return ""


def faults(malformed, numbers, seed):
    """Return the faults of many calls."""
    return [fault for number in numbers if (fault := fault_of(malformed, number, seed))]


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Compile the trees, which takes longer than any call may."""
    factors = np.arange(60).reshape(30, 2) % 3
    um.dci(factors + 0.5, factors)


def test_some_malformed_calls(malformed):
    found = faults(malformed, range(SOME), 2026)
    assert not found, "\n".join(found[:20])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_many_malformed_calls(malformed, part):
    found = faults(malformed, range(part * ALL // 10, (part + 1) * ALL // 10), SEED)
    assert not found, "\n".join(found[:20])
