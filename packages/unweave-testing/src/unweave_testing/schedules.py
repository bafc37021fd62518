"""Weights of a method: numbers, and schedules over the steps as text."""

from __future__ import annotations

import math
import re
from typing import Any

NUMBER = r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*"
RAMP = re.compile(rf"(linear|cosine|exponential)\({NUMBER},{NUMBER},{NUMBER}\)")
WARMUP = re.compile(rf"warmup\({NUMBER},{NUMBER}\)")
STEPS = re.compile(rf"steps\({NUMBER}((?:,{NUMBER}:{NUMBER})+)\)")
DROP = re.compile(rf"{NUMBER}:{NUMBER}")
FORMS = (
    "a finite number, linear(start, end, steps), warmup(end, steps), cosine(start, end, steps), "
    "exponential(start, end, steps) or steps(value, step: factor, ...)"
)


def is_weight(value: Any) -> bool:
    """Tell whether a value is valid as a weight, a target or a learning rate."""
    if isinstance(value, str):
        return _is_text_of_weight(value.strip().lower())
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_text_of_weight(text: str) -> bool:
    if match := re.fullmatch(NUMBER, text):
        return math.isfinite(float(match[1]))
    if match := WARMUP.fullmatch(text):
        end, steps = map(float, match.groups())
        return math.isfinite(end) and _is_whole(steps)
    if match := RAMP.fullmatch(text):
        start, end, steps = map(float, match.groups()[1:])
        signs = match[1] != "exponential" or start * end > 0
        return math.isfinite(start) and math.isfinite(end) and _is_whole(steps) and signs
    if match := STEPS.fullmatch(text):
        drops = [(float(at), float(factor)) for at, factor in DROP.findall(match[2])]
        places = [at for at, _ in drops]
        values = [float(match[1]), *(float(match[1]) * factor for _, factor in drops)]
        ascend = places == sorted(set(places))
        return ascend and all(map(_is_whole, places)) and all(map(math.isfinite, values))
    return False


def _is_whole(steps: float) -> bool:
    return math.isfinite(steps) and steps >= 1 and steps == int(steps)
