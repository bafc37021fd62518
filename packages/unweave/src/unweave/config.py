"""The configuration of a run: typed, checked before anything is built, saved as TOML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pydantic

from unweave.errors import ConfigError, expected_by, quote, shorten
from unweave.intervals import fit_intervals
from unweave.meanings import unknown_setting
from unweave.method import Method, Schedule
from unweave.options import check_options, options_of_entry, parse_spec
from unweave.registry import Registry
from unweave.settings import check_depth, in_plain_spelling
from unweave.train_config import FIELDS, METHODS_OWN, SPECS, Classifier, Spec, TrainConfig, to_spec

NOT_SETTINGS = ("versions", "resolved", "continued", "images")
"""Tables of `config.toml` that are only a record and change nothing."""


def make_config(registry: Registry, settings: Mapping[str, Any]) -> TrainConfig:
    """Check settings, flat as a user types them, and add every default.

    Keys are the fields of `TrainConfig` and the options of the method. Names in the result are
    qualified, so that it means the same when more plugins are installed.

    Raises
    ------
    ConfigError
        If a name or an option is unknown or a value does not fit.
    """
    settings = {key: value for key, value in settings.items() if key not in NOT_SETTINGS}
    check_depth("the settings", settings)
    if not isinstance(settings.get("method"), str):
        raise ConfigError("a run needs a method, like 'tcwae-mws'; `unweave methods` lists them")
    name, options = parse_spec(settings["method"])
    entry = registry.lookup("method", name)
    parameters = options_of_entry(entry)
    if overlap := sorted(set(FIELDS) & set(parameters)):
        raise ConfigError(
            f"method {entry.qualified} has an option {overlap[0]!r}, "
            "which is a setting of every run; its author must rename it"
        )
    settings = _read_adam_settings(in_plain_spelling(settings))
    options |= {key: value for key, value in settings.items() if key not in FIELDS}
    for key in options:
        if key not in parameters:
            raise unknown_setting(registry, entry, key, parameters, FIELDS)
    fields = {key: value for key, value in settings.items() if key in FIELDS}
    fields |= {"method": entry.qualified, "options": check_options(entry, options)}
    return _resolve(registry, _validate(fields))


def steps_of(settings: Mapping[str, Any]) -> int:
    """Return how many steps settings ask for; their method need not be installed.

    Raises
    ------
    ConfigError
        If that is no number of steps.
    """
    plain = in_plain_spelling(settings)
    return _validate({"method": "", **{k: v for k, v in plain.items() if k == "steps"}}).steps


def recorded_config(registry: Registry, settings: Mapping[str, Any]) -> TrainConfig:
    """Check the settings that a run has recorded: all that existed at the time.

    Settings of later versions are missing there and get their defaults. They stay out of the run's
    digest and its `config.toml`, so that earlier checkpoints still belong to this configuration.

    Raises
    ------
    ConfigError
        As `make_config`.
    """
    config = make_config(registry, settings)
    config._later = frozenset(_missing(config, _read_adam_settings(settings)))
    return config


def _missing(config: TrainConfig, settings: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    yield from (("options", name) for name in config.options if name not in settings)
    for field in FIELDS:
        value, record = getattr(config, field), settings.get(field)
        if field not in settings:
            yield (field,)
        elif isinstance(value, Spec) and isinstance(record, Mapping):
            yield from ((field, "options", name) for name in value.options if name not in record)
        elif isinstance(value, Classifier) and isinstance(record, Mapping):
            yield from ((field, name) for name in Classifier.model_fields if name not in record)


def _read_adam_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Read `adam_betas` and `adam_eps`, which are options of the optimizer now."""
    old = {key: value for key, value in settings.items() if key in ("adam_betas", "adam_eps")}
    rest = {key: value for key, value in settings.items() if key not in old}
    if not old:
        return rest
    spec = to_spec(rest.get("optimizer", "adam"))
    assert isinstance(spec, Spec)
    options = {key.removeprefix("adam_"): value for key, value in old.items()}
    return rest | {"optimizer": Spec(name=spec.name, options={**options, **spec.options})}


def _validate(fields: dict[str, Any]) -> TrainConfig:
    try:
        config = TrainConfig.model_validate(fields)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"setting {shorten(name)} does not take {quote(first['input'])}: {expected_by(first)}"
        ) from error
    check_rate("setting learning_rate", config.learning_rate)
    if config.stop_after and not config.keep_best:
        raise ConfigError(
            "setting stop_after needs keep_best, the logged term that must fall, "
            "such as keep_best=validation/loss with holdout=1000"
        )
    return _fit_intervals(config)


def _fit_intervals(config: TrainConfig) -> TrainConfig:
    fields = config.model_fields_set
    log_every, validate_every = fit_intervals(
        config.log_every if "log_every" in fields else None,
        config.validate_every if "validate_every" in fields else None,
        config.evaluate_every,
        validates=config.holdout > 0,
    )
    return config.model_copy(update={"log_every": log_every, "validate_every": validate_every})


def check_rate(what: str, rate: float | str) -> Schedule:
    """Read a learning rate: a schedule that is never negative and not always zero.

    Raises
    ------
    ConfigError
        If it is not such a rate.
    """
    try:
        schedule = Schedule.parse(rate)
    except ValueError as error:
        raise ConfigError(f"{what}: {error}") from error
    if min(schedule.values) < 0 or max(schedule.values) == 0:
        raise ConfigError(f"{what} must be positive, got {quote(rate)}")
    return schedule


def _resolve(registry: Registry, config: TrainConfig) -> TrainConfig:
    method = _make_method(registry, config)
    home = registry.lookup("method", config.method).distribution
    updates: dict[str, Any] = {}
    for field, kind in SPECS.items():
        spec: Spec = getattr(config, field)
        source: str | None = None
        # What the method or a default speaks is looked up where it comes from.
        if spec == METHODS_OWN:
            name, options = parse_spec(getattr(method, field))
            spec, source = Spec(name=name, options=options), home
        elif field not in config.model_fields_set:
            source = "unweave"
        options = dict(spec.options)
        if field == "optimizer" and "lr" in options:
            rate = options.pop("lr")
            schedule = check_rate("option lr of the optimizer", rate)
            constant = len(set(schedule.values)) == 1
            updates["learning_rate"] = schedule.start if constant else rate
        entry = registry.lookup(kind, spec.name, source)
        updates[field] = Spec(name=entry.qualified, options=check_options(entry, options))
    result = config.model_copy(update=updates)
    result._method = method
    return result


def _make_method(registry: Registry, config: TrainConfig) -> Method:
    method = registry.build("method", Spec(name=config.method, options=config.options))
    if not isinstance(method, Method):
        raise ConfigError(
            f"method {config.method} must give an unweave.Method, got {type(method).__name__}"
        )
    return method


def build_method(registry: Registry, config: TrainConfig) -> Method:
    """Return the method, which was built once when the configuration was made."""
    return config._method or _make_method(registry, config)
