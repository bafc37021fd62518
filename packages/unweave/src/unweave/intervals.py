"""Steps between two log lines, validations and evaluations, made consistent."""

from __future__ import annotations

import math

from unweave.errors import ConfigError

LOG_EVERY = 100
VALIDATE_EVERY = 1000


def fit_intervals(
    log_every: int | None, validate_every: int | None, evaluate_every: int, *, validates: bool
) -> tuple[int, int]:
    """Return `log_every` and `validate_every`; None is replaced by a default that fits.

    Validations and evaluations are written into log lines, so their intervals are multiples.

    Parameters
    ----------
    evaluate_every
        0 if the run is not evaluated in training.
    validates
        Whether the run has held-out images; without them `validate_every` is not used.

    Raises
    ------
    ConfigError
        If a given interval is not a multiple of `log_every`.

    Examples
    --------
    >>> fit_intervals(300, None, 0, validates=True)
    (300, 1200)
    >>> fit_intervals(None, 250, 0, validates=True)
    (50, 250)
    """
    intervals = {
        "validate_every": (validate_every or 0) if validates else 0,
        "evaluate_every": evaluate_every,
    }
    if log_every is None:
        log_every = math.gcd(LOG_EVERY, *intervals.values())
    for name, steps in intervals.items():
        if steps % log_every:
            raise ConfigError(
                f"setting {name} must be a multiple of log_every={log_every}, got {steps}"
            )
    if validate_every is None:
        lines = math.ceil(VALIDATE_EVERY / log_every)
        validate_every = lines * log_every if validates else VALIDATE_EVERY
    return log_every, validate_every
