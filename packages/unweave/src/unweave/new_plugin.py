"""Write the package of a new plugin: one working object, its hook file, its tests."""

from __future__ import annotations

import ast
import builtins
import importlib.metadata
import importlib.util
import keyword
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from unweave.errors import ConfigError, unknown_name
from unweave.files import temporary_folder_beside
from unweave.registry import registry

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 24
"""Most characters of a name; longer ones would make lines of the templates too long."""


@dataclass(frozen=True)
class Kind:
    """What differs between the packages of two kinds, besides their two templates.

    Attributes
    ----------
    dependency
        Package that it needs to run.
    is_class
        Whether the object is a class; else it is a function.
    command
        Command that uses it, once it is installed.
    names
        Whether its hook returns names of objects; other kinds have their own template of the hook
        file.
    """

    dependency: str
    is_class: bool
    command: str
    names: bool = True


TORCH, NUMPY, CORE = "torch>=2.13", "numpy>=1.26", "unweave>=0.1"
KINDS = {
    "prior": Kind(TORCH, True, "unweave train vae --data digits --set prior=$name"),
    "flow": Kind(TORCH, True, "unweave fit-density RUN --flow $name"),
    "posterior": Kind(TORCH, True, "unweave train beta-vae --data digits --set posterior=$name"),
    "estimator": Kind(
        TORCH, True, "unweave train decomposed-vae --data digits --set divergence=$name"
    ),
    "cost": Kind(TORCH, True, "unweave train wae-mmd --data digits --set cost=$name"),
    "architecture": Kind(TORCH, False, "unweave train vae --data digits --set architecture=$name"),
    "method": Kind(CORE, False, "unweave train $name --data digits"),
    "objective": Kind(CORE, True, "unweave train custom --data digits --set objective=$name"),
    "optimizer": Kind(TORCH, True, "unweave train vae --data digits --set optimizer=$name"),
    "metric": Kind(NUMPY, False, "unweave evaluate RUN --metrics $name"),
    "dataset": Kind(NUMPY, True, "unweave data $name"),
    "executor": Kind(CORE, True, "unweave sweep vae --data digits --seeds 2 --executor $name"),
    "observer": Kind(CORE, False, "unweave train vae --data digits", names=False),
    "command": Kind(CORE, False, "unweave $name RUN", names=False),
}
TOOLS = ("hatchling", "pluggy", "pytest", "ruff", "zuko")
"""Libraries that plugins use, besides the dependencies of unweave."""


def new_plugin(
    kind: str, name: str, out: Path | None = None, *, commands: Collection[str] = ()
) -> Path:
    """Write a package that registers `name`, and return its folder.

    Parameters
    ----------
    kind
        One of KINDS.
    name
        What users will type, lower case, words joined by `-`; the distribution is then called
        `unweave-NAME`.
    out
        The folder, new or empty; by default `unweave-NAME` in the current folder.
    commands
        Names that a new command cannot have.

    Raises
    ------
    ConfigError
        If the kind is unknown, the name is taken or invalid, or the folder is not empty or cannot
        be written. Nothing is then left behind.
    """
    files = render(kind, name)
    _check_free(kind, name, commands)
    folder = Path(f"unweave-{name}") if out is None else out
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ConfigError(f"{folder} is not an empty folder; give another with --out")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(files, folder)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}") from error
    return folder


def render(kind: str, name: str) -> dict[str, str]:
    """Return the text of every file of the package, by its path in the package's folder.

    Raises
    ------
    ConfigError
        If the kind is unknown or the name is invalid.

    Examples
    --------
    >>> sorted(render("prior", "cauchy"))[-2:]
    ['src/unweave_cauchy/py.typed', 'tests/test_cauchy.py']
    """
    if kind not in KINDS:
        raise unknown_name("kind of plugin", kind, KINDS)
    values = _names(kind, name)
    own = {part: _template(kind, part) for part in ("module.py", "tests.py")}
    hooks = _template("common" if KINDS[kind].names else kind, "hooks.py")
    if KINDS[kind].names:
        _check_object(values["object"], own)
    values["command"] = Template(KINDS[kind].command).substitute(values)
    templates = {
        "pyproject.toml": _template("common", "pyproject.toml"),
        "README.md": _template("common", "README.md"),
        f"src/{values['hook_file']}.py": hooks,
        f"src/{values['module']}/__init__.py": own["module.py"],
        f"tests/test_{values['snake']}.py": own["tests.py"],
    }
    files = {path: Template(text).substitute(values) for path, text in templates.items()}
    return files | {f"src/{values['module']}/py.typed": ""}


def _names(kind: str, name: str) -> dict[str, str]:
    """Return all spellings of a name that the files need."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise ConfigError(
            f"a name has at most {LONGEST} lower-case letters and digits, in words joined by '-', "
            f"and begins with a letter, got {name!r}"
        )
    if name.startswith("unweave"):
        raise ConfigError(
            f"give the name that users will type, without unweave: the distribution of {name!r} "
            f"would be called unweave-{name}"
        )
    snake = name.replace("-", "_")
    _check_meaning(name, snake)
    words = "".join(word.capitalize() for word in name.split("-"))
    return {
        "kind": kind,
        "name": name,
        "snake": snake,
        "object": words if KINDS[kind].is_class else snake,
        "distribution": f"unweave-{name}",
        "module": f"unweave_{snake}",
        "hook_file": f"_unweave_{snake}_plugin",
        "hook": f"unweave_{kind}s",
        "dependency": KINDS[kind].dependency,
    }


def _check_meaning(name: str, snake: str) -> None:
    """Refuse a name that has another meaning for Python, a library or pytest."""
    if keyword.iskeyword(snake) or keyword.issoftkeyword(snake):
        meaning = "a keyword of Python"
    elif hasattr(builtins, snake):
        meaning = "a built-in name of Python"
    elif snake in sys.stdlib_module_names:
        meaning = "a module of Python's standard library"
    elif snake in _dependencies():
        meaning = "a library that plugins use"
    elif snake.startswith("test"):
        meaning = "what pytest takes for a test"
    else:
        return
    raise ConfigError(
        f"the name {name!r} is {meaning}; give a name of two words that says what it does, "
        f"such as 'my-{name}'"
    )


def _dependencies() -> set[str]:
    """List the libraries that unweave and its packages use, as import names."""
    listed = importlib.metadata.requires("unweave") or []
    names = (re.split(r"[^\w-]", requirement, maxsplit=1)[0] for requirement in listed)
    return {name.lower().replace("-", "_") for name in (*names, *TOOLS)}


def _check_object(name: str, templates: Mapping[str, str]) -> None:
    """Refuse a class or function name that has another meaning in its files."""
    used = {word for text in templates.values() for word in _identifiers(text)}
    if keyword.iskeyword(name) or name in used:
        raise ConfigError(
            f"the class or function would be called {name}, which Python or its own files use for "
            "something else; give a name of two words"
        )


def _identifiers(template: str) -> Iterator[str]:
    """Yield the names that a template's Python defines, imports or uses."""
    for node in ast.walk(ast.parse(template.replace("$", "_"))):
        for field in ("id", "arg", "name", "asname"):
            word = getattr(node, field, None)
            if isinstance(word, str):
                yield word


def _check_free(kind: str, name: str, commands: Collection[str]) -> None:
    """Refuse a name that is registered, or whose distribution or module exists."""
    if kind == "command" and name in commands:
        raise ConfigError(f"a command {name!r} already exists; give another name")
    if name in registry().names(kind):
        owners = ", ".join(e.distribution for e in registry().entries(kind) if e.name == name)
        raise ConfigError(f"a {kind} {name!r} already exists, of {owners}; give another name")
    module = f"unweave_{name.replace('-', '_')}"
    if _is_installed(f"unweave-{name}") or importlib.util.find_spec(module) is not None:
        raise ConfigError(f"a package unweave-{name} is installed already; give another name")


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _template(folder: str, part: str) -> str:
    path = resources.files("unweave") / "templates" / folder / f"{part}.template"
    return path.read_text(encoding="utf-8")


def _write_whole(files: Mapping[str, str], folder: Path) -> None:
    """Write all files under a temporary name, then rename: the folder is complete or absent."""
    with temporary_folder_beside(folder) as temporary:
        for path, text in files.items():
            (temporary / path).parent.mkdir(parents=True, exist_ok=True)
            (temporary / path).write_text(text, encoding="utf-8")
        temporary.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
