"""The estimators of a method, and how their terms enter the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from unweave.errors import ConfigError, quote, unknown_name
from unweave.method import Schedule, Term
from unweave.networks import build_module
from unweave.options import parse_spec, short_name
from unweave.players import Weighing
from unweave.protocols import PosteriorFamily, member
from unweave.registry import Registry


def build_estimators(
    names: Registry,
    terms: tuple[Term, ...],
    home: str,
    dim: int,
    family: PosteriorFamily,
    posterior: str = "without a density",
) -> tuple[dict[str, nn.Module], dict[tuple[str, str], Weighing]]:
    """Build the estimators of a method, by label, and how their terms enter the loss.

    Parameters
    ----------
    posterior
        Registered name of the family, for error messages.

    Raises
    ------
    ConfigError
        If an estimator needs a density that the posterior does not have, or has no such term.
    """
    estimators: dict[str, nn.Module] = {}
    weighings: dict[tuple[str, str], Weighing] = {}
    for term in terms:
        entry = names.lookup("estimator", parse_spec(term.estimator)[0], home)
        estimator: Any = build_module(
            names, "estimator", term.estimator, dim, home=home, options=term.options
        )
        _check_terms(str(entry), estimator)
        _check_gradient_sources(str(entry), estimator)
        if member(estimator, "needs_density") and not family.has_density:
            raise ConfigError(
                f"{entry} needs log q(z|x), and posterior {short_name(posterior)} has no "
                "density; use posterior gaussian"
            )
        label = _free_label(entry.name, estimators)
        by_term = _weighings(term, entry.name, tuple(estimator.terms))
        weighings |= {(label, name): weighing for name, weighing in by_term.items()}
        estimators[label] = estimator
    return estimators, weighings


def _check_terms(owner: str, estimator: Any) -> None:
    terms = estimator.terms
    if not isinstance(terms, tuple | list) or not all(isinstance(name, str) for name in terms):
        raise ConfigError(f"{owner}: terms must be a tuple of names, got {quote(terms)}")
    for name in terms:
        if name == "step" or not (0 < len(name) <= 80 and name.isprintable()):
            raise ConfigError(
                f"{owner}: a term must have a name of 1 to 80 characters other than 'step', "
                f"got {quote(name)}"
            )
    if len(set(terms)) < len(terms) or not terms:
        raise ConfigError(f"{owner}: terms must be different names, got {quote(terms)}")


def _check_gradient_sources(owner: str, estimator: Any) -> None:
    sources, names = member(estimator, "gradient_of"), estimator.terms
    if not isinstance(sources, Mapping) or not all(isinstance(s, str) for s in sources.values()):
        raise ConfigError(
            f"{owner}: gradient_of must be a mapping from terms to names, got {quote(sources)}"
        )
    for term in sources:
        if term not in names:
            raise ConfigError(
                f"{owner}: gradient_of has the key {quote(term)}, which is not one of its terms, "
                f"{', '.join(names)}"
            )
    if both := sorted({*names} & {*sources.values()}):
        raise ConfigError(
            f"{owner}: gradient_of names {quote(both[0])}, which is a term itself; use another name"
        )


def _weighings(term: Term, estimator: str, names: tuple[str, ...]) -> dict[str, Weighing]:
    weights = term.weights
    if not isinstance(weights, Mapping):
        weights = dict.fromkeys(names, weights)
    for name in (*weights, *term.targets):
        if name not in names:
            raise unknown_name(f"term of estimator {estimator}", name, names)
    targets = {name: Schedule.parse(target) for name, target in term.targets.items()}
    return {
        name: Weighing(Schedule.parse(weight), targets.get(name))
        for name, weight in weights.items()
    }


def _free_label(name: str, labels: Mapping[str, nn.Module]) -> str:
    """Return an unused label that torch accepts: `mmd`, then `mmd-2`."""
    name = label = name.replace(".", "_")
    number = 1
    while label in labels or hasattr(nn.ModuleDict, label):
        number += 1
        label = f"{name}-{number}"
    return label
