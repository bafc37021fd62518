"""What all sessions share: where things lie, how they are installed, how a suite is run."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("UNWEAVE_SHARED", ROOT.parent / "shared"))
WHEELS = Path(os.environ.get("UNWEAVE_DIST", ROOT / "dist"))
CONSTRAINTS = str(ROOT / "constraints.txt")
PACKAGES = sorted(p.parent.name for p in ROOT.glob("packages/*/pyproject.toml"))
PLUGINS = sorted(p.parent.name for p in ROOT.glob("plugins/*/pyproject.toml"))
# Its dependency weighs more than everything else here: it has a session of its own.
APART = ("unweave-ray",)
TOGETHER = [name for name in (*PACKAGES, *PLUGINS) if name not in APART]
TEST_TOOLS = ("pytest>=8.2", "hypothesis>=6.100", "pytest-xdist>=3.6")
# torch says so where numpy is not installed, and priors and estimators do without it.
NO_NUMPY = "ignore:Failed to initialize NumPy"
STRICT = ("-W", "error", "-W", NO_NUMPY, "-p", "no:cacheprovider", "--durations", "10")
FAST = ("-m", "not slow")
# Where there are more cores than two, which sessions keep busy side by side, the suites of minutes
# have two processes each. In the core a file stays in one process, and so do the runs that its
# tests share.
SPARE = len(os.sched_getaffinity(0)) > 2 if hasattr(os, "sched_getaffinity") else True
TWO_OF_FILES = ("-n", "2", "--dist", "loadfile") if SPARE else ()
TWO_OF_TESTS = ("-n", "2", "--dist", "worksteal") if SPARE else ()
BYTECODE = ROOT / ".nox" / "bytecode"
KERNELS = ROOT / ".nox" / "kernels"
# As many sessions as cores run side by side, so torch gets one thread. What is imported is compiled
# once: its tests start hundreds of processes.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(BYTECODE),
    "NUMBA_CACHE_DIR": str(KERNELS),
}  # fmt: skip


def folder(package: str) -> Path:
    """Return the folder of a package or plugin."""
    kind = "plugins" if package in PLUGINS else "packages"
    return ROOT / kind / package


def module(package: str) -> str:
    """Return the import name of a package."""
    return package.replace("-", "_")


def wheel(package: str) -> str:
    """Return the path of a wheel that the session `build` made."""
    found = sorted(WHEELS.glob(f"{module(package)}-*.whl"))
    if not found:
        raise SystemExit(f"no wheel of {package} in {WHEELS}: run `nox -s build` first")
    return str(found[-1])


def interpreter(version: str) -> str:
    """Find a Python among pyenv's, whose shims fail for versions not chosen, else on the path."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(root.glob(f"versions/{version}.*/bin/python{version}"))
    return str(found[-1]) if found else version


def lowest(package: str) -> list[str]:
    """Pin every direct dependency but torch, which the constraints fix, to its lowest version."""
    project = tomllib.loads((folder(package) / "pyproject.toml").read_text())["project"]
    listed = [text for text in project["dependencies"] if not text.startswith("torch>=")]
    return [re.sub(r"\s*>=\s*", "==", text).partition(",")[0] for text in listed]


def torch_bounds() -> tuple[dict[str, list[str]], set[str]]:
    """Say which packages take which version of torch as the lowest, and which as an extra."""
    found: dict[str, list[str]] = {}
    extras = set()
    for package in (*PACKAGES, *PLUGINS):
        project = tomllib.loads((folder(package) / "pyproject.toml").read_text())["project"]
        extra = project.get("optional-dependencies", {}).get("torch", [])
        for text in (*project["dependencies"], *extra):
            if text.startswith("torch>="):
                found.setdefault(f"{text.removeprefix('torch>=')}.0", []).append(package)
                extras.update({package} if text in extra else ())
    return found, extras


def install(session: nox.Session, *what: str) -> None:
    """Install under the constraints of the repository."""
    session.install("-c", CONSTRAINTS, *what)
    share_bytecode(Path(session.virtualenv.location))
    share_kernels(Path(session.virtualenv.location))


def share_bytecode(environment: Path) -> None:
    """Let an environment find what another compiled of the same version of a third party.

    To compile torch and what it imports takes as long as some suites. uv links one file into all
    environments, so its time and size, by which Python knows its bytecode, are the same.
    """
    for site in environment.glob("lib/python*/site-packages"):
        for info in site.glob("*.dist-info"):
            if info.name.startswith("unweave"):  # another build has the same version
                continue
            lines = (info / "RECORD").read_text().splitlines()
            for name in {top for top, inner, _ in (line.partition("/") for line in lines) if inner}:
                link = Path(f"{BYTECODE}{site}") / name
                if name in ("..", info.name) or link.is_symlink():
                    continue
                shared = BYTECODE / site.parent.name / info.stem / name
                shared.mkdir(parents=True, exist_ok=True)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(shared)


def share_kernels(environment: Path) -> None:
    """Let environments of one Python and one numba find the kernels that another has compiled.

    To compile them takes 20 s. numba names a folder for the path of the sources, and compares their
    content or time itself.
    """
    for numba in environment.glob("lib/python*/site-packages/numba-*.dist-info"):
        site = numba.parent
        for folder in {path.parent for path in site.glob("unweave_*/**/*.py")}:
            link = KERNELS / f"{folder.name}_{hashlib.sha1(str(folder).encode()).hexdigest()}"
            if not link.exists():
                shared = KERNELS / site.parent.name / numba.stem / folder.relative_to(site)
                shared.mkdir(parents=True, exist_ok=True)
                link.symlink_to(shared)


def run_pytest(session: nox.Session, *arguments: str, **environment: str) -> None:
    """Run tests, warnings as errors, with the shared facts where they are there."""
    shared = {"UNWEAVE_SHARED": str(SHARED)} if SHARED.is_dir() else {}
    every = ENVIRONMENT | shared | environment
    session.run("python", "-m", "pytest", "-q", *STRICT, *arguments, env=every)


def run_tests(session: nox.Session, package: str, *arguments: str) -> None:
    """Run a package's own tests from a copy outside the repository."""
    with session.chdir(copy_tests(session, package)):
        run_pytest(session, *arguments, "tests")


def run_together(session: nox.Session, *tests: str) -> None:
    """Run tests `PACKAGE/tests[/FILE]` of several packages in one process, from such copies."""
    for package in {path.partition("/")[0] for path in tests}:
        copy = copy_tests(session, package)
    with session.chdir(copy.parent):
        run_pytest(session, *FAST, "-c", f"{copy.name}/pyproject.toml", "--rootdir", ".", *tests)


def copy_tests(session: nox.Session, package: str) -> Path:
    """Copy a package's tests and what they need beside them out of the repository."""
    copy = Path(session.create_tmp()) / package
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder(package) / "tests", copy / "tests")
    shutil.copy(folder(package) / "README.md", copy)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy
