"""Checks that every method must pass: a function that gives a record of names and weights."""

from __future__ import annotations

import importlib
import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unweave_testing import torch_modules as modules
from unweave_testing.check import Check, NotApplicable

KINDS = ("cost", "estimator", "posterior", "prior")
NUMBER = r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*"
SCHEDULE = re.compile(
    rf"{NUMBER}|\s*linear\({NUMBER},{NUMBER},{NUMBER}\)\s*|\s*warmup\({NUMBER},{NUMBER}\)\s*"
)
SPEC = re.compile(r"(?P<name>[^=]+?)(?::[A-Za-z_]\w*=.*)?", re.DOTALL)
B, DIM = 16, 4


@dataclass(frozen=True)
class _Facts:
    """What the author says about the method, and which names there are."""

    known: Mapping[str, Collection[str]]
    other: Mapping[str, Any]


def method_checks(
    *,
    known: Mapping[str, Collection[str]] | None = None,
    other: Mapping[str, Any] | None = None,
) -> list[Check]:
    """List the checks of methods; in place of a factory they take the method's function itself.

    - `docstring`: the function has one, and `unweave methods` shows its first line.
    - `options`: every parameter is keyword-only, has an annotation that can be resolved, and a
      default.
    - `record`: the defaults build a record with `terms`, `cost`, `posterior` and `prior`, each
      term with `estimator`, `weights`, `options` and `targets`.
    - `weights`: weights and targets are finite numbers or texts `linear(start, end, steps)` or
      `warmup(end, steps)`, and every target stands beside a weight.
    - `option-effects`: every option changes the record.
    - `deterministic`: two calls give equal records.
    - `names`: the names of costs, estimators, posteriors and priors are among those `known`.
    - `loss`: where unweave is installed, the registered things are built, and the loss of a batch
      is finite and has a gradient to the encoder's outputs.

    Parameters
    ----------
    known : mapping from "cost", "estimator", "posterior" or "prior" to names, optional
        Registered names. `names` looks at these kinds alone.
    other : mapping from option to value, optional
        A value that is not the default, for options for which the kit finds none by its type.

    Raises
    ------
    ValueError
        If `known` has an unknown kind.

    Examples
    --------
    >>> from unweave_testing import method_checks
    >>> [check.name for check in method_checks(known={"cost": ["l1", "l2sq"]})][:3]
    ['docstring', 'options', 'record']
    """
    unknown = sorted(set(known or {}) - set(KINDS))
    if unknown:
        raise ValueError(f"known must have kinds among {', '.join(KINDS)}, got {unknown[0]!r}")
    facts = _Facts(known or {}, other or {})
    functions: dict[str, Callable[[Any, _Facts], None]] = {
        "docstring": _docstring,
        "options": _options,
        "record": _record,
        "weights": _weights,
        "option-effects": _option_effects,
        "deterministic": _deterministic,
        "names": _names,
        "loss": _loss,
    }
    return [Check(name, _with(facts, function)) for name, function in functions.items()]


def _with(facts: _Facts, check: Callable[[Any, _Facts], None]) -> Callable[[Any], None]:
    return lambda function: check(function, facts)


def _docstring(function: Any, facts: _Facts) -> None:
    text = (inspect.getdoc(function) or "").partition("\n")[0]
    assert text, "the function has no docstring; `unweave methods` lists its first line"


def _parameters(function: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def _options(function: Any, facts: _Facts) -> None:
    hints = typing.get_type_hints(function)
    for name, parameter in _parameters(function).items():
        assert parameter.kind is parameter.KEYWORD_ONLY, (
            f"{name} must be keyword-only: put it behind the *"
        )
        assert name in hints, f"option {name} needs a type annotation"
        assert parameter.default is not parameter.empty, f"option {name} needs a default"


def _record(function: Any, facts: _Facts) -> None:
    method = function()
    for name in ("cost", "posterior", "prior"):
        value = getattr(method, name, None)
        assert isinstance(value, str), f"{name} must be a registered name, got {value!r}"
    terms = getattr(method, "terms", None)
    assert isinstance(terms, tuple), f"terms must be a tuple of Term, got {type(terms).__name__}"
    for term in terms:
        estimator = getattr(term, "estimator", None)
        assert isinstance(estimator, str), (
            f"a term's estimator must be a registered name, got {estimator!r}"
        )
        for part in ("options", "targets"):
            value = getattr(term, part, None)
            assert isinstance(value, Mapping), (
                f"{part} of {estimator} must be a mapping, got {value!r}"
            )
        assert hasattr(term, "weights"), f"the term of {estimator} has no weights"


def _weight_table(term: Any) -> dict[str, Any]:
    """Give the weights of a term by name; one weight for all terms has the name "every term"."""
    weights = term.weights
    return dict(weights) if isinstance(weights, Mapping) else {"every term": weights}


def _weights(function: Any, facts: _Facts) -> None:
    for term in function().terms:
        weights = _weight_table(term)
        assert weights, f"{term.estimator} has no weight, so that it changes no loss"
        for kind, table in (("weight", weights), ("target", term.targets)):
            for name, value in table.items():
                assert _is_weight(value), (
                    f"{kind} of {name} of {term.estimator} must be a finite number, linear(start, "
                    f"end, steps) or warmup(end, steps), got {value!r}"
                )
        alone = sorted(set(term.targets) - set(weights))
        assert "every term" in weights or not alone, (
            f"targets of {term.estimator} name {', '.join(alone)}, which has no weight"
        )


def _is_weight(value: Any) -> bool:
    if isinstance(value, str):
        return SCHEDULE.fullmatch(value.lower()) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _plain(method: Any) -> Any:
    """Write a record as tuples that can be compared."""
    terms = tuple(
        (t.estimator, _weight_table(t), dict(t.options), dict(t.targets)) for t in method.terms
    )
    return terms, method.cost, method.posterior, method.prior


def _option_effects(function: Any, facts: _Facts) -> None:
    unknown = sorted(set(facts.other) - set(_parameters(function)))
    assert not unknown, f"other names {', '.join(unknown)}, which is no option"
    hints, default = typing.get_type_hints(function), _plain(function())
    for name, parameter in _parameters(function).items():
        tried = []
        for value in _others(name, parameter.default, hints.get(name), facts):
            try:
                changed = _plain(function(**{name: value}))
            except (ValueError, TypeError):
                continue
            if changed != default:
                break
            tried.append(value)
        else:
            assert tried, (
                f"no value but the default was found for option {name}; give one: "
                f"method_checks(other={{{name!r}: ...}})"
            )
            raise AssertionError(
                f"option {name} changes nothing: {tried} give what the default does"
            )


def _others(name: str, default: Any, hint: Any, facts: _Facts) -> Iterator[Any]:
    """Yield values of an option's type that are not its default."""
    if name in facts.other:
        yield facts.other[name]
        return
    kinds = _types(hint)
    for kind in kinds:
        if typing.get_origin(kind) is typing.Literal:
            yield from (value for value in typing.get_args(kind) if value != default)
    if bool in kinds:
        yield default is not True
    start = default if isinstance(default, (int, float)) else 0
    if float in kinds:
        yield from (2.0 * start + 1.25, 0.5 * start, start + 0.125)
    elif int in kinds:
        yield from (start + 1, 2 * start + 2, start - 1)
    if str in kinds and not (float in kinds and default is not None):
        yield from _other_names(default, facts)
    if any(typing.get_origin(kind) is tuple for kind in kinds):
        yield from ((*(default or ()), 1), (*(default or ()), 1.5))
    if Path in kinds:
        yield Path("other")


def _types(hint: Any) -> tuple[Any, ...]:
    """Take a union apart."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _other_names(default: Any, facts: _Facts) -> Iterator[str]:
    for names in facts.known.values():
        if default in names:
            yield from (name for name in names if name != default)
    yield f"{default or ''}-other"


def _deterministic(function: Any, facts: _Facts) -> None:
    first, again = _plain(function()), _plain(function())
    assert first == again, f"two calls give {first} and then {again}"


def _names(function: Any, facts: _Facts) -> None:
    if not facts.known:
        raise NotApplicable("no names are known: say method_checks(known={'estimator': ...})")
    method = function()
    used = [(kind, getattr(method, kind)) for kind in ("cost", "posterior", "prior")]
    used += [("estimator", term.estimator) for term in method.terms]
    for kind, spec in used:
        if kind in facts.known and isinstance(spec, str):
            name = _name(spec)
            listed = ", ".join(sorted(facts.known[kind]))
            assert name in facts.known[kind], f"no {kind} is called {name!r}; known: {listed}"


def _name(spec: str) -> str:
    """Take the name out of `name`, `name:key=value` or `distribution:name:key=value`."""
    match = SPEC.fullmatch(spec)
    return match["name"].rpartition(":")[2] if match else spec


def _loss(function: Any, facts: _Facts) -> None:
    core, options, names = _core()
    import torch

    objective, inputs, latent, decoder = _built(function(), core, options, names)
    x = torch.rand(B, 1, 2, 3, generator=modules.generator(1))
    loss = objective(x, decoder(latent.z), latent, torch.zeros((), dtype=torch.int64))[0]
    assert bool(loss.isfinite()), f"the loss of a batch is {float(loss.detach())}"
    assert loss.requires_grad, "the loss carries no gradient to the encoder's outputs"
    (gradient,) = torch.autograd.grad(loss, inputs)
    assert bool(gradient.isfinite().all()), "the gradient to the encoder's outputs is not finite"
    assert float(gradient.abs().sum()) > 0, "the gradient to the encoder's outputs is zero"


def _core() -> tuple[Any, Any, Any]:
    """Return the core's modules of objectives and options, and the registry."""
    try:
        objective = importlib.import_module("unweave.objective")
        options = importlib.import_module("unweave.options")
        return objective, options, importlib.import_module("unweave.registry").registry()
    except ImportError as error:
        raise NotApplicable("unweave is not installed") from error


def _built(method: Any, core: Any, options: Any, names: Any) -> tuple[Any, Any, Any, Any]:
    """Build what a method names, and a latent of random outputs of an encoder."""
    import torch

    def build(kind: str, spec: str) -> Any:
        name, given = options.parse_spec(spec)
        return options.build(names.lookup(kind, name), DIM, options=given)

    prior = build("prior", method.prior)
    if getattr(prior, "images_wanted", 0):
        raise NotApplicable(f"the prior {method.prior} needs an encoder and images")
    family = build("posterior", method.posterior)
    objective = core.build_objective(names, method, DIM, family)
    decoder = torch.nn.Sequential(torch.nn.Linear(DIM, 6), torch.nn.Unflatten(1, (1, 2, 3)))
    inputs = torch.randn(B, family.outputs, generator=modules.generator(0), requires_grad=True)
    generator, posterior = modules.generator(2), family(inputs)
    latent = core.Latent(
        z=posterior.rsample(generator),
        posterior=posterior,
        prior=prior,
        decoder=decoder,
        dataset_size=1_000,
        generator=generator,
    )
    return objective, inputs, latent, decoder
