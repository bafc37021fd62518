"""The objective: cost plus weighted estimator terms, and the players that minimise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from unweave.errors import ConfigError, unknown_name
from unweave.method import Method, Schedule, Term
from unweave.options import build, parse_spec
from unweave.protocols import Critic, Posterior, PosteriorFamily, Prior
from unweave.registry import Registry


@dataclass(frozen=True)
class Latent:
    """What an estimator sees of a batch.

    z : codes, float tensor, shape (b, D).
    posterior, prior : q(z|x) of the batch, and p(z).
    decoder : codes -> outputs.
    dataset_size : N.
    generator : source of all randomness of the estimators.
    """

    z: Tensor
    posterior: Posterior
    prior: Prior
    decoder: nn.Module
    dataset_size: int
    generator: torch.Generator

    def prior_sample(self) -> Tensor:
        """Draw fresh codes from the prior, shape (b, D).

        They carry a gradient to what the prior learns where it has an `rsample`.
        """
        draw = getattr(self.prior, "rsample", None)
        if draw is not None and torch.is_grad_enabled():
            return cast(Tensor, draw(len(self.z), generator=self.generator))
        return sample_prior(self.prior, len(self.z), self.generator)


def sample_prior(prior: Prior, n: int, generator: torch.Generator) -> Tensor:
    """Draw n codes from a prior, shape (n, D), with all randomness from the generator.

    torch Distributions take no generator: a prior without a `sample` of its own is drawn from
    under a forked global one, seeded from ours.
    """
    sample = getattr(prior, "sample", None)
    if sample is not None:
        return cast(Tensor, sample(n, generator=generator))
    device = generator.device
    seed = torch.randint(2**62, (), generator=generator, device=device)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(int(seed))
        return prior().sample((n,))


class WeightSchedule(nn.Module):
    """A weight as a tensor function of the step, so that no step waits for the host."""

    start: Tensor
    change: Tensor

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.steps = schedule.steps
        self.register_buffer("start", torch.tensor(schedule.start), persistent=False)
        change = torch.tensor(schedule.end - schedule.start)
        self.register_buffer("change", change, persistent=False)

    def forward(self, clock: Tensor) -> Tensor:
        """Return w(t) for the step t, a scalar tensor."""
        return self.start + self.change * (clock / self.steps).clamp(max=1)


@dataclass(frozen=True)
class Weighing:
    """How a term enters the loss: as weight x term, or as weight x |term - target|."""

    weight: Schedule
    target: Schedule | None = None


class _Weighed(nn.Module):
    """A weighing whose weight and target are tensors."""

    def __init__(self, weighing: Weighing) -> None:
        super().__init__()
        self.weight = WeightSchedule(weighing.weight)
        self.target = None if weighing.target is None else WeightSchedule(weighing.target)

    def forward(self, term: Tensor, clock: Tensor) -> Tensor:
        """Return what the term adds to the loss at the step t."""
        if self.target is not None:
            term = (term - self.target(clock)).abs()
        return cast(Tensor, self.weight(clock) * term)


class Objective(nn.Module):
    """Cost + sum of weight x term.

    Its players are the autoencoder, which minimises the sum, and every estimator with a critic,
    which minimises its own `critic_loss`.

    Parameters
    ----------
    cost : module (x, output) -> (b,).
    estimators : name -> module called with a Latent.
    weighings : (estimator, term) -> how it enters the loss; terms not named are logged.
    """

    def __init__(
        self,
        cost: nn.Module,
        estimators: Mapping[str, nn.Module],
        weighings: Mapping[tuple[str, str], Weighing],
    ) -> None:
        super().__init__()
        self.cost = cost
        self.estimators = nn.ModuleDict(estimators)
        names = [(name, term) for name, e in estimators.items() for term in _terms(e)]
        labels = _labels(names)
        self.term_names = ("loss", "reconstruction", *labels.values())
        self._keys = {key: labels[key].replace(".", "_") for key in weighings}
        self.weighed = nn.ModuleDict(
            {self._keys[key]: _Weighed(weighing) for key, weighing in weighings.items()}
        )

    @property
    def critics(self) -> dict[str, Critic]:
        """The estimators that train a critic of their own."""
        found = {n: e for n, e in self.estimators.items() if hasattr(e, "critic_loss")}
        return cast("dict[str, Critic]", found)

    def autoencoder_parameters(self) -> list[nn.Parameter]:
        """Parameters that the autoencoder's player trains besides the autoencoder's own."""
        critics = self.critics
        modules = [self.cost, *(e for n, e in self.estimators.items() if n not in critics)]
        return [p for module in modules for p in module.parameters()]

    def forward(self, x: Tensor, output: Tensor, latent: Latent, clock: Tensor) -> Tensor:
        """Return (loss, reconstruction, term, ...) as one vector in the order of `term_names`.

        clock : the step, an integer scalar tensor.
        """
        reconstruction = self.cost(x, output).mean()
        loss = reconstruction
        values = [reconstruction]
        for name, estimator in self.estimators.items():
            terms = estimator(latent)
            for term in _terms(estimator):
                values.append(terms[term])
                if (key := self._keys.get((name, term))) is not None:
                    loss = loss + self.weighed[key](terms[term], clock)
        return torch.stack([loss, *values])


def build_objective(
    registry: Registry, method: Method, dim: int, posterior: PosteriorFamily
) -> Objective:
    """Build what a method adds up.

    posterior : the family of q(z|x).

    Raises
    ------
    ConfigError
        If an estimator needs a density that the posterior does not have, or has no such term.
    """
    cost = build_cost(registry, method)
    estimators: dict[str, nn.Module] = {}
    weighings: dict[tuple[str, str], Weighing] = {}
    for term in method.terms:
        entry = registry.lookup("estimator", term.estimator)
        estimator = build(entry, dim, options=term.options)
        if getattr(estimator, "needs_density", False) and not posterior.has_density:
            raise ConfigError(
                f"estimator {entry.name} needs log q(z|x), and posterior "
                f"{type(posterior).__name__.lower()} has no density; use posterior gaussian"
            )
        label = _free_label(entry.name, estimators)
        found = _weighings(term, entry.name, _terms(estimator))
        weighings |= {(label, name): weighing for name, weighing in found.items()}
        estimators[label] = estimator
    return Objective(cost, estimators, weighings)


def build_cost(registry: Registry, method: Method) -> nn.Module:
    """Build the reconstruction cost of a method."""
    name, options = parse_spec(method.cost)
    return cast(nn.Module, build(registry.lookup("cost", name), options=options))


def _weighings(term: Term, estimator: str, known: tuple[str, ...]) -> dict[str, Weighing]:
    weights = term.weights
    if not isinstance(weights, Mapping):
        weights = dict.fromkeys(known, weights)
    for name in (*weights, *term.targets):
        if name not in known:
            raise unknown_name(f"term of estimator {estimator}", name, known)
    targets = {name: Schedule.parse(target) for name, target in term.targets.items()}
    return {
        name: Weighing(Schedule.parse(weight), targets.get(name))
        for name, weight in weights.items()
    }


def _free_label(name: str, taken: Mapping[str, nn.Module]) -> str:
    """Tell two uses of one estimator apart: `mmd`, `mmd-2`."""
    label, number = name, 1
    while label in taken:
        number += 1
        label = f"{name}-{number}"
    return label


def _terms(estimator: Any) -> tuple[str, ...]:
    return tuple(estimator.terms)


def _labels(names: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Name each term for the log, qualified where two estimators give the same one."""
    short = [term for _, term in names]
    return {(e, t): t if short.count(t) == 1 else f"{e}/{t}" for e, t in names}
