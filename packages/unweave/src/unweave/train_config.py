"""What a configuration of a run is: its settings, their types, limits and defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr

from unweave.intervals import LOG_EVERY, VALIDATE_EVERY
from unweave.method import Method, Weight
from unweave.options import parse_spec
from unweave.strict import Strict


class Spec(Strict):
    """A registered name with options; as text, `name:key=value,key=value`."""

    name: str
    options: dict[str, Any] = {}


def to_spec(value: object) -> object:
    """Read a spec from a text or a table; leave what is neither to the check of types."""
    if isinstance(value, str):
        name, options = parse_spec(value)
        return Spec(name=name, options=options)
    if isinstance(value, dict):
        rest = {key: option for key, option in value.items() if key != "name"}
        return Spec(name=value.get("name", ""), options=rest)
    return value


SpecText = Annotated[Spec, BeforeValidator(to_spec)]


METHODS_OWN = Spec(name="")
"""Placeholder for what the method names, until the configuration is resolved."""


class Classifier(Strict):
    """A linear classifier of a factor, trained with the model: `joint`, `own` or `none`.

    Attributes
    ----------
    mode
        `joint`: its loss also trains the encoder; `own`: it learns from detached codes.
    factor
        Number of the factor, or label, that it predicts.
    weight
        Weight of its cross-entropy in the encoder's loss.
    learning_rate
        Learning rate of its Adam. [Lat] takes 1e-3.
    """

    mode: Literal["none", "joint", "own"] = "none"
    factor: int = Field(0, ge=0)
    weight: Weight = 1.0
    learning_rate: Weight = 1e-3


def _to_classifier(value: object) -> object:
    if isinstance(value, str):
        mode, options = parse_spec(value)
        return {"mode": mode, **options}
    return value


class TrainConfig(Strict):
    """Everything that determines a run, except the device.

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
        p(z); by default the method's: `normal` for all but `glf` and `infogan`.
    posterior : spec
        Family of q(z|x); by default the method's.
    dim : int
        Number of code dimensions D.
    steps : int
        Updates of the autoencoder. A critic's own updates are not counted.
    batch_size : int
        Images per step, B.
    learning_rate : weight
        Learning rate of every player whose method sets none; may be a schedule.
    optimizer : spec
        Optimizer of these players. Its option `lr` is `learning_rate`.
    clip_norm : float
        Largest norm of a player's gradient; a larger gradient is scaled down. 0: no limit.
    classifier : spec
        A linear classifier of a factor from codes, trained with the model. `joint`: its
        cross-entropy also trains the encoder; `own`: it learns from detached codes. Options:
        `factor=0`, `weight=1.0` in the encoder's loss, `learning_rate=0.001`, as in
        `joint:factor=2,weight=0.1`.
    holdout : int
        Number of images, drawn by the seed, that are never trained on.
    seed : int
        Seed of weights, order of images, and noise.
    precision : str
        `float32` or `bfloat16`, inside encoder and decoder.
    compile : bool
        Whether `torch.compile` compiles encoder and decoder, in the first step. That takes minutes
        on some machines, and does not pay on a CPU. torch keeps what it compiled in the folder
        `TORCHINDUCTOR_CACHE_DIR`, by default under the system's temporary files.
    log_every : int
        Steps between log lines, which hold means over these steps. The default is smaller if
        `validate_every` or `evaluate_every` is not a multiple of 100.
    checkpoint_every : int
        Steps between checkpoints. The newest two are kept.
    validate_every : int
        Steps between logs of the terms on held-out images, `validation/TERM`; a multiple of
        `log_every`. By default 1000 or the next such multiple.
    evaluate_every : int
        Steps between logs of the default scores of mean and of sampled codes, `score/NAME` and
        `score/NAME/sampled`; a multiple of `log_every`. 0: never.
    keep_best : str
        A logged term that should fall, such as `validation/loss`. The checkpoint of its lowest
        value is kept in `RUN/best`, which is a run directory for every command.
    stop_after : int
        Stop when the term of `keep_best` was logged this many times without a new minimum. 0:
        never.
    """

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
        """Return all settings except those that are newer than the run's `config.toml`."""
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
