"""Read settings from the command line and from TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unweave.errors import ConfigError, quote, shorten

LARGEST_CONFIG = 1 << 20
"""Size of the largest file that is read as a configuration, in bytes."""
DEEPEST_CONFIG = 20
"""Most levels of nested tables and lists in a configuration."""


def parse_settings(
    pairs: Sequence[str], options: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """Split `key=value` texts of the command line.

    Parameters
    ----------
    options
        Settings that have an option of their own, such as `--steps`; None if it was not given.

    Raises
    ------
    ConfigError
        If one has no key or no `=`, or a setting is given twice.
    """
    settings = {name: value for name, value in (options or {}).items() if value is not None}
    sources = {name: f"{name} {value}" for name, value in settings.items()}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = setting_name(key)
        if not (key and equals):
            raise ConfigError(f"--set takes key=value, got {quote(pair)}")
        if key in sources:
            raise ConfigError(
                f"setting {shorten(key)} is given twice, as {quote(sources[key])} and as "
                f"{quote(pair)}; keep one"
            )
        settings[key], sources[key] = value.strip(), pair
    return settings


def setting_name(text: str) -> str:
    """Return the name of a setting from its spelling on a command line, as in `batch-size`."""
    return text.strip().replace("-", "_").rstrip("_")


def in_plain_spelling(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without the underscore with which Python spells `lambda_`.

    Raises
    ------
    ConfigError
        If a setting has both spellings.
    """
    plain: dict[str, Any] = {}
    spellings: dict[str, str] = {}
    for key, value in settings.items():
        name = key.rstrip("_")
        if name in plain:
            raise ConfigError(
                f"{shorten(spellings[name])} and {shorten(key)} are the same setting; keep one"
            )
        plain[name], spellings[name] = value, key
    return plain


def read_settings(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file.

    Raises
    ------
    ConfigError
        If it is missing, too large, or not TOML.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise ConfigError(f"configuration {path} is not a file")
        if size > LARGEST_CONFIG:
            raise ConfigError(
                f"configuration {path} has {size:,} bytes, and a configuration has "
                f"at most {LARGEST_CONFIG:,}; is it another file?"
            )
        settings = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"configuration {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"configuration {path} is not TOML: {_why_not_toml(error)}") from error
    check_depth(f"configuration {path}", settings)
    return settings


def _why_not_toml(error: Exception) -> str:
    if isinstance(error, tomllib.TOMLDecodeError):
        return shorten(str(error), 200)
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return "it holds a number of too many digits"


def check_depth(what: str, value: Any) -> None:
    """Raise where tables and lists are nested too deeply; no recursion is used.

    Raises
    ------
    ConfigError
        If they do.
    """
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST_CONFIG:
            raise ConfigError(
                f"{what} must have at most {DEEPEST_CONFIG} levels of tables and lists"
            )
        inner = [v.values() if isinstance(v, Mapping) else v for v in level]
        level = [x for v in inner for x in v if isinstance(x, Mapping | list | tuple)]
