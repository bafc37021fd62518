"""The commented study that `unweave new-experiment` writes."""

from __future__ import annotations

import importlib.resources
import shlex
from pathlib import Path

from unweave.errors import ConfigError
from unweave.experiment.definition import plain_name
from unweave.files import write_text


def write_template(path: Path) -> Path:
    """Write the template into a new file; return its path.

    Raises
    ------
    ConfigError
        If the file is there already, or does not end in `.toml`.
    """
    if path.suffix != ".toml":
        raise ConfigError(f"the file must end in .toml, got {path.name[:80]!r}")
    if path.exists():
        raise ConfigError(f"{path} already exists; choose another name")
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent} is not a folder; create it first")
    try:
        name = plain_name(path.stem)
    except ValueError as error:
        raise ConfigError(f"the file's name {error}") from error
    text = importlib.resources.files(__package__) / "template.toml"
    write_text(path, text.read_text(encoding="utf-8").format(file=shlex.quote(f"{name}.toml")))
    return path
