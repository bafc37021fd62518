"""The author's statements about a posterior family, and encoder outputs for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unweave_testing import torch_modules as modules

B, DIM = 7, 3


@dataclass(frozen=True)
class Facts:
    """The author's statements about the family."""

    exact_moments: bool
    any_code: bool


def outputs_of(family: Any, n: int = B) -> Any:
    """Draw an encoder's outputs (n, outputs) for different images."""
    import torch

    size = (n, family.outputs)
    return torch.randn(size, generator=modules.generator(0), dtype=torch.float64)
