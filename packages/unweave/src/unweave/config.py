"""The configuration of a run: typed, checked before anything is built, kept as TOML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from unweave.errors import ConfigError, expected_by, quote, shorten
from unweave.intervals import LOG_EVERY, VALIDATE_EVERY, fit_intervals
from unweave.meanings import unknown_setting
from unweave.method import Method, Schedule, Weight
from unweave.options import check_options, options_of_entry, parse_spec
from unweave.registry import Registry
from unweave.settings import check_depth


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


class Classifier(BaseModel):
    """A linear classifier of a factor, trained along: `joint`, `own` or `none`.

    Attributes
    ----------
    mode
        `joint`, its loss reaches the encoder; `own`, it learns from codes that are held fixed.
    factor
        Number of the factor, or label, that it tells.
    weight
        Of its cross-entropy in the encoder's loss.
    learning_rate
        Of its Adam. [Lat] takes 1e-3.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    mode: Literal["none", "joint", "own"] = "none"
    factor: int = Field(0, ge=0)
    weight: Weight = 1.0
    learning_rate: Weight = 1e-3


def _to_classifier(value: object) -> object:
    if isinstance(value, str):
        mode, options = parse_spec(value)
        return {"mode": mode, **options}
    return value


class TrainConfig(BaseModel):
    """Everything that determines a run, but for the device.

    Source of the defaults: D = 10, batch 64 and Adam (.9, .999), eps 1e-8 are Locatello et al.
    2019; the learning rate 5e-4 is Gaujac, Feige and Barber, arXiv 2010.03459.

    Attributes
    ----------
    method : str
        A registered method; its options are settings, too.
    data : spec
        Data set.
    architecture : spec
        Encoder and decoder.
    prior : spec
        p(z); unless given, the method's: `normal` for all but `glf` and `infogan`.
    posterior : spec
        Family of q(z|x); unless given, the method's.
    dim : int
        Number of code dimensions D.
    steps : int
        Updates of the autoencoder. A critic's own updates are not counted.
    batch_size : int
        Images per step, B.
    learning_rate : weight
        Rate of every player whose method gives it none; may be a schedule.
    optimizer : spec
        Optimizer of the same players. Its option `lr` is `learning_rate`.
    clip_norm : float
        Largest norm of the gradient of a player; a longer gradient is scaled down. 0: no limit.
    classifier : spec
        A linear classifier of a factor from codes, trained along. `joint`: its cross-entropy
        reaches the encoder; `own`: it learns from codes that are held fixed. Options: `factor=0`,
        `weight=1.0` in the encoder's loss, `learning_rate=0.001`; `joint:factor=2,weight=0.1`.
    holdout : int
        Images, drawn by the seed, that are never trained on.
    seed : int
        Seed of weights, order of images, and noise.
    precision : str
        `float32` or `bfloat16`, inside encoder and decoder.
    compile : bool
        Whether `torch.compile` compiles encoder and decoder, in the first step. That takes minutes
        on some machines, and does not pay on a CPU. torch keeps what it compiled in the folder
        `TORCHINDUCTOR_CACHE_DIR`, by default under the system's temporary files.
    log_every : int
        Steps between log lines, which hold means over these steps. Unless set, fewer where
        `validate_every` or `evaluate_every` is no multiple of 100.
    checkpoint_every : int
        Steps between checkpoints. The newest two are kept.
    validate_every : int
        Steps between logs of the terms on held-out images, `validation/TERM`; a multiple of
        `log_every`. Unless set, 1000 or the next such multiple.
    evaluate_every : int
        Steps between logs of the default scores of mean and of sampled codes, `score/NAME` and
        `score/NAME/sampled`; a multiple of `log_every`. 0: never.
    keep_best : str
        A logged term that should fall, such as `validation/loss`. `RUN/best` is then
        a run directory with the checkpoint of its lowest value, which every command takes.
    stop_after : int
        Stop when the term of `keep_best` has not fallen for so many logs of it. 0: never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    method: str
    options: dict[str, Any] = {}
    data: SpecText = Spec(name="dsprites")
    architecture: SpecText = Spec(name="conv64")
    prior: SpecText = METHODS_OWN
    posterior: SpecText = METHODS_OWN
    dim: int = Field(10, ge=1, le=100_000)
    steps: int = Field(10_000, ge=1, le=10**12)
    batch_size: int = Field(64, ge=2, le=10**9)
    learning_rate: Weight = 5e-4
    optimizer: SpecText = Spec(name="adam")
    clip_norm: float = Field(0.0, ge=0, allow_inf_nan=False)
    classifier: Annotated[Classifier, BeforeValidator(_to_classifier)] = Classifier(factor=0)
    holdout: int = Field(0, ge=0)
    seed: int = Field(0, ge=0, lt=2**63)
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    log_every: int = Field(LOG_EVERY, ge=1)
    checkpoint_every: int = Field(1000, ge=1)
    validate_every: int = Field(VALIDATE_EVERY, ge=1)
    evaluate_every: int = Field(0, ge=0)
    keep_best: str = ""
    stop_after: int = Field(0, ge=0)
    _method: Method | None = PrivateAttr(None)
    _later: frozenset[tuple[str, ...]] = PrivateAttr(frozenset())

    def known(self) -> dict[str, Any]:
        """Return all settings, but those that came after the run's `config.toml` was written."""
        content = self.model_dump()
        for *folders, name in self._later:
            inner = content
            for folder in folders:
                inner = inner[folder]
            del inner[name]
        return content


FIELDS = tuple(name for name in TrainConfig.model_fields if name != "options")
SPECS = {
    "data": "dataset",
    "architecture": "architecture",
    "prior": "prior",
    "posterior": "posterior",
    "optimizer": "optimizer",
}
NOT_SETTINGS = ("versions", "resolved", "continued", "images")
"""Tables of `config.toml` that record what was and determine nothing."""


def make_config(registry: Registry, settings: Mapping[str, Any]) -> TrainConfig:
    """Check settings, flat as a user types them, and complete them with every default.

    Keys are the fields of `TrainConfig` and the options of the method. In the result names are
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
    known = options_of_entry(entry)
    if overlap := sorted(set(FIELDS) & set(known)):
        raise ConfigError(
            f"method {entry.qualified} has an option {overlap[0]!r}, "
            "which is a setting of every run"
        )
    settings = _read_adam_settings(settings)
    for key, value in settings.items():
        if key not in FIELDS:
            options[key.rstrip("_")] = value
    for key in options:
        if key not in known:
            raise unknown_setting(registry, entry, key, known, FIELDS)
    fields = {key: value for key, value in settings.items() if key in FIELDS}
    fields |= {"method": entry.qualified, "options": check_options(entry, options)}
    return _resolve(registry, _validate(fields))


def recorded_config(registry: Registry, settings: Mapping[str, Any]) -> TrainConfig:
    """Check the settings that a run has recorded: all that there were at the time.

    What is missing came with a later version and has its default. It stays out of the run's digest
    and of its `config.toml`, so that the checkpoints before are still those of this configuration.

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
        value, recorded = getattr(config, field), settings.get(field)
        if field not in settings:
            yield (field,)
        elif isinstance(value, Spec) and isinstance(recorded, Mapping):
            yield from ((field, "options", name) for name in value.options if name not in recorded)
        elif isinstance(value, Classifier) and isinstance(recorded, Mapping):
            yield from ((field, name) for name in Classifier.model_fields if name not in recorded)


def _read_adam_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Read `adam_betas` and `adam_eps`, which are options of the optimizer now."""
    old = {key: value for key, value in settings.items() if key in ("adam_betas", "adam_eps")}
    rest = {key: value for key, value in settings.items() if key not in old}
    if not old:
        return rest
    spec = _to_spec(rest.get("optimizer", "adam"))
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
    chosen = config.model_fields_set
    log_every, validate_every = fit_intervals(
        config.log_every if "log_every" in chosen else None,
        config.validate_every if "validate_every" in chosen else None,
        config.evaluate_every,
        validates=config.holdout > 0,
    )
    return config.model_copy(update={"log_every": log_every, "validate_every": validate_every})


def check_rate(what: str, rate: float | str) -> Schedule:
    """Read a learning rate, a schedule that is nowhere negative and somewhere positive.

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
    resolved: dict[str, Any] = {}
    for field, kind in SPECS.items():
        spec: Spec = getattr(config, field)
        # What the method or a default speaks is looked up where it comes from.
        spoken = home if spec == METHODS_OWN else None
        if spec == METHODS_OWN:
            name, options = parse_spec(getattr(method, field))
            spec = Spec(name=name, options=options)
        elif field not in config.model_fields_set:
            spoken = "unweave"
        options = dict(spec.options)
        if field == "optimizer" and "lr" in options:
            rate = options.pop("lr")
            schedule = check_rate("option lr of the optimizer", rate)
            constant = len(set(schedule.values)) == 1
            resolved["learning_rate"] = schedule.start if constant else rate
        entry = registry.lookup(kind, spec.name, spoken)
        resolved[field] = Spec(name=entry.qualified, options=check_options(entry, options))
    done = config.model_copy(update=resolved)
    done._method = method
    return done


def _make_method(registry: Registry, config: TrainConfig) -> Method:
    method = registry.build("method", Spec(name=config.method, options=config.options))
    if not isinstance(method, Method):
        raise ConfigError(
            f"method {config.method} must give an unweave.Method, got {type(method).__name__}"
        )
    return method


def build_method(registry: Registry, config: TrainConfig) -> Method:
    """Return the method's table row, built once when the configuration was made."""
    return config._method or _make_method(registry, config)
