"""A run directory on disk: paths, configuration, log and lock. Imports no torch."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from unweave.config import recorded_config
from unweave.configfile import config_text
from unweave.errors import ConfigError, RunError, expected_by, quote
from unweave.files import PARTIAL, expanded, remove_partial, write_bytes, write_text
from unweave.lock import holding
from unweave.meant_run import meant_run
from unweave.protocols import member
from unweave.registry import Registry, registry
from unweave.settings import read_settings
from unweave.train_config import TrainConfig

if TYPE_CHECKING:
    from typing import Self

    from unweave.protocols import Dataset

LOCK = ".lock"
CARRIED = "carried"
"""The folder of files that the prior was built from."""
LARGEST_LINE = 1 << 20
"""Length of the longest line of a log that is read, in characters."""


@dataclass(frozen=True)
class ImageFacts:
    """Facts of a data set that are enough to build and use a model without the data.

    Attributes
    ----------
    image_shape
        (h, w, c).
    bits
        1 or 8 for images, 32 for unbounded floats.
    size
        N, number of training images.
    factor_names, factor_sizes
        Names and numbers of classes of the known factors.
    """

    image_shape: tuple[int, int, int]
    bits: int = 8
    size: int = 0
    name: str = ""
    factor_names: tuple[str, ...] = ()
    factor_sizes: tuple[int, ...] = ()

    @classmethod
    def of(cls, dataset: Dataset) -> ImageFacts:
        """Take the facts from a data set."""
        has_factors = dataset.factors is not None
        height, width, channels = map(int, dataset.image_shape)
        return cls(
            (height, width, channels),
            int(dataset.bits),
            len(dataset),
            str(dataset.name),
            tuple(map(str, member(dataset, "factor_names"))) if has_factors else (),
            tuple(map(int, member(dataset, "factor_sizes"))) if has_factors else (),
        )

    @property
    def continuous(self) -> bool:
        """Whether the data are unbounded floats instead of pixels in [0, 1]."""
        return self.bits == 32


FACTS = pydantic.TypeAdapter(ImageFacts)
LINE = pydantic.TypeAdapter(dict[str, float])


class RunDirectory:
    """The files of a run.

    `config.toml`, `checkpoints/`, `scalars.jsonl`, `codes.h5`, `scores.json`, `figures/`,
    `report.html`, and while a process trains, `.lock`. With `keep_best` also `best/`, a run
    directory of its own with the checkpoint at which a term was lowest.
    """

    def __init__(self, path: Path, config: TrainConfig, names: Registry) -> None:
        self.path, self.config, self.registry = path, config, names
        self.outcome = ""

    @classmethod
    def create(cls, path: Path, config: TrainConfig, names: Registry | None = None) -> Self:
        """Make the directory and write `config.toml`.

        Files of a process that was killed before it wrote `config.toml` are ignored.

        Raises
        ------
        RunError
            If the directory exists and is not empty, or cannot be written.
        """
        run = cls(path, config, names or registry())
        try:
            path.mkdir(parents=True, exist_ok=True)
            check_empty(path)
            with run.locked():
                # Another process may have made a run here since.
                check_empty(path)
                run.write_config()
        except OSError as error:
            raise RunError(f"{path} cannot be made: {error.strerror}") from error
        return run

    @classmethod
    def open(cls, path: Path | str, names: Registry | None = None) -> Self:
        """Open an existing run directory.

        Raises
        ------
        RunError
            If the path is not a run directory.
        """
        path = expanded(path)
        if not (path / "config.toml").is_file():
            raise RunError(f"{path} is not a run directory: it has no config.toml{meant_run(path)}")
        names = names or registry()
        settings = read_settings(path / "config.toml")
        prior = settings.get("prior")
        if isinstance(prior, dict):
            settings["prior"] = {key: _in_run(path, value) for key, value in prior.items()}
        try:
            config = recorded_config(names, settings)
        except ConfigError as error:
            raise type(error)(f"configuration {path / 'config.toml'}: {error}") from error
        return cls(path, config, names)

    def carry(self, files: Mapping[str, Path]) -> None:
        """Copy the files that options of the prior name into the run, and name the copies.

        Parameters
        ----------
        files
            Option -> file.
        """
        if not files:
            return
        options = dict(self.config.prior.options)
        for option, file in files.items():
            copy = self.path / CARRIED / f"{option}{file.suffix}"
            copy.parent.mkdir(exist_ok=True)
            write_bytes(copy, file.read_bytes())
            options[option] = copy
        prior = self.config.prior.model_copy(update={"options": options})
        self.config = self.config.model_copy(update={"prior": prior})

    def write_config(self, **recorded: Any) -> None:
        """Write `config.toml`, with tables that only record."""
        write_text(self.config_path, config_text(self.registry, self.config, **recorded))

    def recorded(self, name: str) -> Any:
        """Return a table of `config.toml` that is only a record, or None."""
        return read_settings(self.config_path).get(name)

    @property
    def config_path(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.toml"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def scalars_path(self) -> Path:
        """The log: one JSON object per line."""
        return self.path / "scalars.jsonl"

    @property
    def codes_path(self) -> Path:
        """The code table."""
        return self.path / "codes.h5"

    @property
    def scores_path(self) -> Path:
        """The scores."""
        return self.path / "scores.json"

    @property
    def figures(self) -> Path:
        """The folder of figures."""
        return self.path / "figures"

    @property
    def report_path(self) -> Path:
        """The report."""
        return self.path / "report.html"

    @property
    def best_path(self) -> Path:
        """The run directory of the best checkpoint."""
        return self.path / "best"

    def make_best(self) -> RunDirectory:
        """Make `best/` an independent run directory, still without a checkpoint."""
        best = RunDirectory(self.best_path, self.config, self.registry)
        best.path.mkdir(exist_ok=True)
        options = self.config.prior.options.items()
        paths = {name: Path(v) for name, v in options if isinstance(v, str | Path)}
        best.carry({name: file for name, file in paths.items() if file.parent.name == CARRIED})
        images = self.recorded("images")
        best.write_config(**({"images": images} if images else {}))
        return best

    def scalars(self) -> list[dict[str, float]]:
        """Read the log; an incomplete last line of a killed process is left out.

        Raises
        ------
        RunError
            If a line is not an object of numbers with an ascending `step`.
        """
        if not self.scalars_path.is_file():
            return []
        lines: list[dict[str, float]] = []
        with self.scalars_path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if line.endswith("\n"):
                    lines.append(self._read_line(number, line))
        return lines

    def _read_line(self, number: int, line: str) -> dict[str, float]:
        where = f"{self.scalars_path} line {number}"
        if len(line) > LARGEST_LINE:
            raise RunError(f"{where} is too long for a log, {len(line):,} characters; delete it")
        try:
            values = LINE.validate_json(line)
        except (pydantic.ValidationError, RecursionError, ValueError):
            raise RunError(
                f"{where} is not an object of numbers: {quote(line.strip())}; delete the "
                "line or the file"
            ) from None
        step = values.get("step", math.nan)
        if not (0 <= step < math.inf and step == int(step)):
            raise RunError(f"{where} has no whole number under 'step'; delete the line or the file")
        return values | {"step": int(step)}

    def image_facts(self) -> ImageFacts | None:
        """Read the facts that the run recorded of its data; None if it recorded none."""
        recorded = self.recorded("images")
        if recorded is None:
            return None
        try:
            return FACTS.validate_python(recorded)
        except pydantic.ValidationError as error:
            raise RunError(
                f"{self.config_path} has an invalid table 'images': "
                f"{expected_by(error.errors()[0])}"
            ) from error

    def record_images(self, dataset: Dataset) -> None:
        """Record the facts of the data that are enough to use the model without them."""
        continued = self.recorded("continued")
        more = {"continued": continued} if continued else {}
        self.write_config(images=asdict(ImageFacts.of(dataset)), **more)

    def config_until(self, steps: int) -> TrainConfig:
        """Return the configuration with another last step, to continue the run with."""
        recorded = read_settings(self.config_path)
        return recorded_config(self.registry, {**recorded, "steps": steps})

    def record_continuation(self, config: TrainConfig) -> None:
        """Record that the run continues to another step than first configured."""
        steps = [*(self.recorded("continued") or []), self.config.steps]
        images = self.recorded("images")
        self.config = config
        self.write_config(continued=steps, **({"images": images} if images else {}))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the directory for one process that trains, and remove leftovers of killed ones.

        Raises
        ------
        RunError
            If another process holds it.
        """
        with holding(self.path / LOCK, f"{self.path} is being trained"):
            self._clean()
            try:
                yield
            finally:
                self._clean()

    def _clean(self) -> None:
        for folder in (self.path, self.checkpoints, self.figures):
            remove_partial(folder)


def _in_run(path: Path, value: Any) -> Any:
    """Find a file of the run by its place in the run directory."""
    parts = Path(value).parts[-2:] if isinstance(value, str) else ()
    here = path.joinpath(*parts)
    return str(here.resolve()) if parts[:1] == (CARRIED,) and here.is_file() else value


def check_empty(path: Path) -> None:
    """Raise if a directory holds anything but leftovers of a killed process.

    Raises
    ------
    RunError
        If it does, or is a file.
    """
    try:
        files = list(path.iterdir())
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise RunError(f"{path} is a file; choose another --out, a new or empty folder") from error
    except OSError as error:
        raise RunError(f"{path} cannot be made: {error.strerror}") from error
    if any(not file.name.startswith((PARTIAL, LOCK)) for file in files):
        raise RunError(f"{path} is not empty; choose another --out, or continue it with --resume")
