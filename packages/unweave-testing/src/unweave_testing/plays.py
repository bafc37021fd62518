"""Plays of an objective's rounds, as in the trainer; torch is imported inside functions only."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from unweave_testing.torch_modules import seeds

SPEC = re.compile(r"(?P<name>[^=]+?)(?::[A-Za-z_]\w*=.*)?", re.DOTALL)
Build = Callable[..., "Stage"]


def name_of_spec(spec: str) -> str:
    """Return the name in `name`, `name:key=value` or `distribution:name:key=value`."""
    match = SPEC.fullmatch(spec)
    return match["name"].rpartition(":")[2] if match else spec


def parameters_of(player: Any) -> list[Any]:
    """List the parameters that a player trains, each once."""
    candidates = (p for module in player.modules for p in module.parameters())
    return list(dict.fromkeys(p for p in candidates if p.requires_grad))


@dataclass(frozen=True)
class Stage:
    """An objective, and the parts from which it was built."""

    parts: Any
    objective: Any

    def eval(self) -> Stage:
        """Put model and objective in evaluation mode."""
        self.parts.model.eval()
        self.objective.eval()
        return self

    def rounds(
        self, step: int = 0, seed: int = 0, size: int = 8
    ) -> Iterator[tuple[int, tuple[Any, ...], Any, Any]]:
        """Yield number, players, losses and terms of every round of a step."""
        import torch

        from unweave_testing.stand_ins import small_batches

        batches, clock = small_batches(self.parts, seed, size), torch.tensor(step)
        for number, players in enumerate(self.objective.rounds):
            result = self.objective.losses(number, batches, clock)
            assert isinstance(result, tuple), (
                f"losses(...) must return a pair (losses, terms), got {type(result).__name__}"
            )
            assert len(result) == 2, (
                f"losses(...) must return a pair (losses, terms), got {len(result)} values"
            )
            yield number, players, *result

    def values(self, step: int = 0, seed: int = 0, size: int = 8) -> dict[str, Any]:
        """Return all losses and terms of a step, without gradients."""
        import torch

        values: dict[str, Any] = {}
        for number, _, losses, terms in self.rounds(step, seed, size):
            for name, value in losses.items():
                text = f"the loss of player {name!r}"
                values[f"{text} in round {number}" if text in values else text] = value
            values |= {f"term {name!r}": value for name, value in terms.items()}
        return {name: torch.as_tensor(value).detach() for name, value in values.items()}

    def parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield each parameter of model, estimators and objective once, with its name."""
        identities: set[int] = set()
        modules = [self.parts.model, *self.parts.estimators.values(), self.objective]
        for module in modules:
            for name, parameter in module.named_parameters():
                if id(parameter) not in identities:
                    identities.add(id(parameter))
                    yield name, parameter

    def name_of(self, parameter: Any) -> str:
        """Name a parameter in a message."""
        names = (name for name, other in self.parameters() if other is parameter)
        return next(names, f"a parameter of shape {tuple(parameter.shape)}")

    def state(self) -> dict[str, Any]:
        """Return the state of model and objective, as a checkpoint holds it."""
        modules = {"model": self.parts.model, "objective": self.objective}
        return {
            f"{prefix}.{name}": value
            for prefix, module in modules.items()
            for name, value in module.state_dict().items()
        }

    def load(self, other: Stage) -> None:
        """Load the state of another stage, as from a file that torch reads with weights_only."""
        import torch

        pairs = [(self.parts.model, other.parts.model), (self.objective, other.objective)]
        for module, source in pairs:
            stream = io.BytesIO()
            torch.save(source.state_dict(), stream)
            stream.seek(0)
            module.load_state_dict(torch.load(stream, weights_only=True))


def build(
    factory: Any, image_shape: tuple[int, int, int], dim: int, labels: tuple[int, ...], terms: bool,
    seed: int,
) -> Stage:  # fmt: skip
    """Build parts and objective with first weights from a seed."""
    from unweave_testing.stand_ins import small_parts

    with seeds(seed, seed):
        parts = small_parts(image_shape, dim, labels, terms=terms)
        return Stage(parts, factory(parts))
