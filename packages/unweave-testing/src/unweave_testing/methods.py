"""Checks that every method must pass: a function that returns a record of names and weights."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unweave_testing.check import Check, NotApplicable
from unweave_testing.plays import name_of_spec
from unweave_testing.schedules import FORMS, is_weight

KINDS = ("cost", "estimator", "objective", "posterior", "prior")
IMAGES, DIM = 32, 16
SIZE = {"batch_size": 16, "dim": DIM, "architecture": "mlp:widths=16"}


@dataclass(frozen=True)
class _Facts:
    """The registered names, and the author's values for options."""

    names: Mapping[str, Collection[str]]
    other: Mapping[str, Any]


def method_checks(
    *,
    known: Mapping[str, Collection[str]] | None = None,
    other: Mapping[str, Any] | None = None,
) -> list[Check]:
    """List the checks of methods; in place of a factory they take the method's function itself.

    - `docstring`: the function has a docstring, whose first line `unweave methods` lists.
    - `options`: every parameter is keyword-only, has an annotation that can be resolved, and a
      default.
    - `record`: the defaults build a record with `terms`, `cost`, `posterior` and `prior`, each
      term with `estimator`, `weights`, `options` and `targets`; if the record has them,
      `objective` is text and `objective_options` a mapping.
    - `weights`: weights and targets are finite numbers or schedules as text, such as
      `linear(start, end, steps)`, and every term with a target has a weight.
    - `option-effects`: every option changes the record.
    - `deterministic`: two calls return equal records.
    - `names`: the names of costs, estimators, objectives, posteriors and priors are in `known`.
    - `loss`: if unweave is installed, the method is built for small images and 16 code dimensions
      and rehearsed; a step of training gives finite values and moves the encoder.

    Parameters
    ----------
    known : mapping from "cost", "estimator", "objective", "posterior" or "prior" to names, optional
        Registered names. The check `names` looks at these kinds alone.
    other : mapping from option to value, optional
        A value other than the default, for an option whose type does not let the kit find one.

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
    assert text, "the function has no docstring; write one, `unweave methods` lists its first line"


def _parameters(function: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def _options(function: Any, facts: _Facts) -> None:
    hints = typing.get_type_hints(function)
    for name, parameter in _parameters(function).items():
        assert parameter.kind is parameter.KEYWORD_ONLY, (
            f"option {name} must be keyword-only; put it after the *"
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
    objective, options = _objective(method)
    assert isinstance(objective, str), f"objective must be a registered name, got {objective!r}"
    assert isinstance(options, Mapping), f"objective_options must be a mapping, got {options!r}"


def _objective(method: Any) -> tuple[Any, Any]:
    """Return a method's objective and its options, or the defaults if a record has none."""
    return getattr(method, "objective", "sum"), getattr(method, "objective_options", {})


def _weight_table(term: Any) -> dict[str, Any]:
    """Return the weights of a term by name; one weight for all has the name "every term"."""
    weights = term.weights
    return dict(weights) if isinstance(weights, Mapping) else {"every term": weights}


def _weights(function: Any, facts: _Facts) -> None:
    for term in function().terms:
        weights = _weight_table(term)
        assert weights, f"{term.estimator} has no weight and changes no loss; give it a weight"
        for kind, table in (("weight", weights), ("target", term.targets)):
            for name, value in table.items():
                assert is_weight(value), (
                    f"{kind} of {name} of {term.estimator} must be {FORMS}, got {value!r}"
                )
        missing = sorted(set(term.targets) - set(weights))
        assert "every term" in weights or not missing, (
            f"weights of {term.estimator} must have a weight for each target, "
            f"{', '.join(missing)} has none"
        )


def _plain(method: Any) -> Any:
    """Return a record as tuples that can be compared."""
    terms = tuple(
        (t.estimator, _weight_table(t), dict(t.options), dict(t.targets)) for t in method.terms
    )
    return terms, method.cost, method.posterior, method.prior, *_objective(method)


def _option_effects(function: Any, facts: _Facts) -> None:
    unknown = sorted(set(facts.other) - set(_parameters(function)))
    assert not unknown, f"other must name options of the method, got {', '.join(unknown)}"
    hints, default = typing.get_type_hints(function), _plain(function())
    for name, parameter in _parameters(function).items():
        values = []
        for value in _others(name, parameter.default, hints.get(name), facts):
            try:
                record = _plain(function(**{name: value}))
            except (ValueError, TypeError):
                continue
            if record != default:
                break
            values.append(value)
        else:
            assert values, (
                f"option {name} has no value but the default that the kit can find; pass one: "
                f"method_checks(other={{{name!r}: ...}})"
            )
            raise AssertionError(
                f"option {name} has no effect: {values} give the same record as the default"
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
    """Return the members of a union, or the type itself."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _other_names(default: Any, facts: _Facts) -> Iterator[str]:
    for names in facts.names.values():
        if default in names:
            yield from (name for name in names if name != default)
    yield f"{default or ''}-other"


def _deterministic(function: Any, facts: _Facts) -> None:
    first, again = _plain(function()), _plain(function())
    assert first == again, f"two calls must return equal records, got {first} and then {again}"


def _names(function: Any, facts: _Facts) -> None:
    if not facts.names:
        raise NotApplicable("no names are known; pass them: method_checks(known={...})")
    method = function()
    specs = [(kind, getattr(method, kind)) for kind in ("cost", "posterior", "prior")]
    specs += [("objective", _objective(method)[0])]
    specs += [("estimator", term.estimator) for term in method.terms]
    for kind, spec in specs:
        if kind in facts.names and isinstance(spec, str):
            name = name_of_spec(spec)
            choices = ", ".join(sorted(facts.names[kind]))
            assert name in facts.names[kind], f"no {kind} is called {name!r}; known: {choices}"


def _loss(function: Any, facts: _Facts) -> None:
    trainer = _trainer(function)

    import torch

    before = [p.detach().clone() for p in trainer.model.encoder.parameters()]
    trainer.train_step()
    for name, value in trainer.take_log().items():
        assert math.isfinite(value), f"{name} must be finite in the first step, got {value}"
    after = list(trainer.model.encoder.parameters())
    for value in after:
        assert bool(value.isfinite().all()), (
            "parameters of the encoder are not finite after the first step"
        )
    assert not all(map(torch.equal, before, after)), "a step of training does not move the encoder"


def _trainer(function: Any) -> Any:
    """Build the trainer of a method on random images, if unweave is installed."""
    if importlib.util.find_spec("unweave") is None:
        raise NotApplicable("unweave is not installed")

    import torch

    setup, config, from_python, registry = (
        importlib.import_module(f"unweave.{name}")
        for name in ("trainer_setup", "config", "from_python", "registry")
    )
    names, rng = registry.registry(), np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, 8, 8, 1), dtype=np.uint8)
    data = from_python.ArrayData(images, rng.integers(0, 3, (IMAGES, 1)))
    settings = {"data": "unweave:given", **SIZE, **_settings(function, names)}
    run_config = config.make_config(names, settings)
    return setup.make_trainer(names, run_config, torch.device("cpu"), data)


def _settings(function: Any, names: Any) -> dict[str, Any]:
    """Return the settings of a run: a registered method, or the record as options of `custom`."""
    target = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '')}"
    for entry in names.entries("method"):
        if entry.target == target:
            return {"method": entry.qualified}
    method = function()
    objective, options = _objective(method)
    terms = [
        {
            "estimator": term.estimator,
            "weights": term.weights,
            "options": dict(term.options),
            "targets": dict(term.targets),
        }
        for term in method.terms
    ]
    return {
        "method": "unweave:custom",
        "terms": terms,
        "cost": method.cost,
        "posterior": method.posterior,
        "prior": method.prior,
        "objective": objective,
        "objective_options": dict(options),
    }
