"""The configuration of a run: typed, checked before anything is built, kept as TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from unweave.errors import ConfigError, unknown_name
from unweave.method import Method, Schedule, Weight
from unweave.options import build, check_options, options_of, parse_spec
from unweave.registry import Entry, Registry


class Spec(BaseModel):
    """A registered name with options; as text, `name:key=value,key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    options: dict[str, Any] = {}


def _to_spec(value: object) -> object:
    if isinstance(value, str):
        name, options = parse_spec(value)
        return Spec(name=name, options=options)
    if isinstance(value, dict):
        rest = {key: option for key, option in value.items() if key != "name"}
        return Spec(name=value.get("name", ""), options=rest)
    return value


SpecText = Annotated[Spec, BeforeValidator(_to_spec)]


METHODS_OWN = Spec(name="")
"""Stands for what the method names, until the configuration is resolved."""


class TrainConfig(BaseModel):
    """Everything that determines a run, but for the device.

    Source of the defaults: D = 10, batch 64 and Adam (.9, .999), eps 1e-8 are Locatello et al.
    2019; the learning rate 5e-4 is Gaujac, Feige and Barber, arXiv 2010.03459.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    method: str
    options: dict[str, Any] = {}
    data: SpecText = Spec(name="dsprites")
    architecture: SpecText = Spec(name="conv64")
    prior: SpecText = METHODS_OWN
    posterior: SpecText = METHODS_OWN
    dim: int = Field(10, ge=1)
    steps: int = Field(10_000, ge=1)
    batch_size: int = Field(64, ge=2)
    learning_rate: Weight = 5e-4
    adam_betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (
        0.9,
        0.999,
    )
    adam_eps: float = Field(1e-8, gt=0)
    seed: int = Field(0, ge=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    log_every: int = Field(100, ge=1)
    checkpoint_every: int = Field(1000, ge=1)


FIELDS = tuple(name for name in TrainConfig.model_fields if name != "options")
SPECS = {
    "data": "dataset",
    "architecture": "architecture",
    "prior": "prior",
    "posterior": "posterior",
}


def make_config(registry: Registry, settings: Mapping[str, Any]) -> TrainConfig:
    """Check settings, flat as a user types them, and complete them with every default.

    Keys are the fields of `TrainConfig` and the options of the method. In the result names are
    qualified, so that it means the same when more plugins are installed.

    Raises
    ------
    ConfigError
        If a name or an option is unknown or a value does not fit.
    """
    settings = {key: value for key, value in settings.items() if key != "versions"}
    if not isinstance(settings.get("method"), str):
        raise ConfigError("a run needs a method, like 'tcwae-mws'; `unweave methods` lists them")
    name, options = parse_spec(settings["method"])
    entry = registry.lookup("method", name)
    known = options_of(entry.load())
    if overlap := sorted(set(FIELDS) & set(known)):
        raise ConfigError(
            f"method {entry.qualified} has an option {overlap[0]!r}, "
            "which is a setting of every run"
        )
    for key, value in settings.items():
        if key not in FIELDS:
            options[key.rstrip("_")] = value
    for key in options:
        if key not in known:
            raise unknown_name(f"setting of method {entry.name}", key, [*known, *FIELDS])
    fields = {key: value for key, value in settings.items() if key in FIELDS}
    fields |= {"method": entry.qualified, "options": check_options(entry, options)}
    if isinstance(betas := fields.get("adam_betas"), str):
        fields["adam_betas"] = betas.split(",")
    return _resolve(registry, _validate(fields))


def _validate(fields: dict[str, Any]) -> TrainConfig:
    try:
        config = TrainConfig.model_validate(fields)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"setting {name} does not take {first['input']!r}: {first['msg']}"
        ) from error
    rate = Schedule.parse(config.learning_rate)
    if min(rate.start, rate.end) < 0 or max(rate.start, rate.end) == 0:
        raise ConfigError(f"setting learning_rate must be positive, got {config.learning_rate!r}")
    return config


def _resolve(registry: Registry, config: TrainConfig) -> TrainConfig:
    method = build_method(registry, config)
    resolved = {}
    for field, kind in SPECS.items():
        spec: Spec = getattr(config, field)
        if spec == METHODS_OWN:
            name, options = parse_spec(getattr(method, field))
            spec = Spec(name=name, options=options)
        entry = registry.lookup(kind, spec.name)
        resolved[field] = Spec(name=entry.qualified, options=check_options(entry, spec.options))
    return config.model_copy(update=resolved)


def build_method(registry: Registry, config: TrainConfig) -> Method:
    """Build the method's table row from its options."""
    method = build(registry.lookup("method", config.method), options=config.options)
    if not isinstance(method, Method):
        raise ConfigError(
            f"method {config.method} must give an unweave.Method, got {type(method).__name__}"
        )
    return method


def parse_settings(pairs: list[str]) -> dict[str, str]:
    """Split `key=value` texts of the command line.

    Raises
    ------
    ConfigError
        If one has no key or no `=`.
    """
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key.strip() and equals):
            raise ConfigError(f"--set takes key=value, got {pair!r}")
        settings[key.strip().replace("-", "_")] = value.strip()
    return settings


def read_settings(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file.

    Raises
    ------
    ConfigError
        If it is missing or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"configuration {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration {path} is not TOML: {error}") from error


def config_text(registry: Registry, config: TrainConfig) -> str:
    """Write a resolved configuration as TOML that `make_config` reads back."""
    table: dict[str, Any] = {"method": config.method}
    for name in FIELDS[1:]:
        value = getattr(config, name)
        table[name] = _plain({"name": value.name, **value.options} if name in SPECS else value)
    table |= _plain(config.options)
    table["versions"] = {e.distribution: e.version for e in used_entries(registry, config)}
    scalars = {key: value for key, value in table.items() if not isinstance(value, dict)}
    return tomli_w.dumps(scalars | {k: v for k, v in table.items() if isinstance(v, dict)})


def used_entries(registry: Registry, config: TrainConfig) -> list[Entry]:
    """List the registered objects that a run is made of."""
    method = build_method(registry, config)
    named = [("method", config.method), ("cost", parse_spec(method.cost)[0])]
    named += [("estimator", term.estimator) for term in method.terms]
    named += [(kind, getattr(config, field).name) for field, kind in SPECS.items()]
    return [registry.lookup(kind, name) for kind, name in named]


def _plain(value: Any) -> Any:
    """Turn paths into absolute texts and leave out None, which TOML has not."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value.resolve()) if isinstance(value, Path) else value
