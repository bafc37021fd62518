# /// script
# dependencies = ["nox[uv]"]
# ///
"""Sessions: `nox` runs what continuous integration runs; `nox -l` lists all."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parent
SHARED = Path(os.environ.get("UNWEAVE_SHARED", ROOT.parent / "shared"))
CONSTRAINTS = str(ROOT / "constraints.txt")
PACKAGES = sorted(p.parent.name for p in ROOT.glob("packages/*/pyproject.toml"))
PLUGINS = sorted(p.parent.name for p in ROOT.glob("plugins/*/pyproject.toml"))
SOURCES = sorted(ROOT.glob("p*/*/src"))
TORCHLESS = ("unweave-metrics", "unweave-data")
LATER_PYTHONS = ("3.12", "3.13")
WHEELS = Path(os.environ.get("UNWEAVE_DIST", ROOT / "dist"))
TEST_TOOLS = ("pytest>=8.2", "hypothesis>=6.100", "pytest-xdist>=3.6")
SITE_TOOLS = ("mkdocs-material==9.8.2", "mkdocstrings[python]==1.0.8", "ruff==0.17.5")
# The suites of minutes have two processes each, or the last one would leave a core idle.
WORKERS = ("-n", "2", "--dist", "worksteal")
LONG = ("unweave", "unweave-metrics")
# As many sessions as cores run at once, so torch gets one thread. What an environment imports
# is compiled once: its tests start hundreds of processes.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}
# Its dependency weighs more than everything else here: it has a session of its own.
APART = ("unweave-ray",)
# torch says so where numpy is not installed, and priors and estimators do without it.
NO_NUMPY = "ignore:Failed to initialize NumPy"
STRICT = ("-W", "error", "-W", NO_NUMPY, "-p", "no:cacheprovider")

nox.needs_version = ">=2026.4"
nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = False
# Side by side, the longest first; but a session that is named shows what it does as it does it.
nox.options.parallel = 1 if "-s" in sys.argv else "auto"
nox.options.allow_parallel = True
nox.options.sessions = ["lint", "build", "integration", "alone", "later", "types", "plugin", "docs"]
# uv looks for wheels where pip is told to look, such as the CPU wheel of torch.
os.environ.setdefault("UV_FIND_LINKS", ",".join(os.environ.get("PIP_FIND_LINKS", "").split()))


def folder(package: str) -> Path:
    """Return the folder of a package or plugin."""
    kind = "plugins" if package in PLUGINS else "packages"
    return ROOT / kind / package


def interpreter(version: str) -> str:
    """Find a Python among pyenv's, whose shims fail for versions not chosen, else on the path."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(root.glob(f"versions/{version}.*/bin/python{version}"))
    return str(found[-1]) if found else version


def module(package: str) -> str:
    """Return the import name of a package."""
    return package.replace("-", "_")


def wheel(package: str) -> str:
    """Return the path of a wheel that the session `build` made."""
    found = sorted(WHEELS.glob(f"{module(package)}-*.whl"))
    if not found:
        raise SystemExit(f"no wheel of {package} in {WHEELS}: run `nox -s build` first")
    return str(found[-1])


def lowest(package: str) -> list[str]:
    """Pin every direct dependency but torch, which the constraints fix, to its lowest version."""
    project = tomllib.loads((folder(package) / "pyproject.toml").read_text())["project"]
    listed = [text for text in project["dependencies"] if not text.startswith("torch>=")]
    return [re.sub(r"\s*>=\s*", "==", text).partition(",")[0] for text in listed]


# Lowest versions where they differ; the core, whose suite takes minutes, has a session of its own.
ALONE = [(package, "newest") for package in PACKAGES]
ALONE += [(package, "lowest") for package in PACKAGES if package != "unweave" and lowest(package)]


def install(session: nox.Session, *what: str) -> None:
    """Install with pip under the constraints of the repository."""
    session.install("-c", CONSTRAINTS, *what)


def run_tests(session: nox.Session, package: str, *arguments: str) -> None:
    """Run a package's own tests from a copy outside the repository, warnings as errors."""
    copy = Path(session.create_tmp()) / package
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder(package) / "tests", copy / "tests")
    shutil.copy(folder(package) / "README.md", copy)
    shutil.copy(ROOT / "pyproject.toml", copy)
    environment = {"UNWEAVE_SHARED": str(SHARED)} if SHARED.is_dir() else {}
    workers = WORKERS if package in LONG else ()
    how = (*STRICT, *workers, "--durations", "10", *arguments)
    with session.chdir(copy):
        session.run("python", "-m", "pytest", "-q", *how, "tests", env=environment | ONE_THREAD)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, spelling, who imports whom, and that all versions are equal."""
    session.install("ruff==0.17.5", "codespell==2.4.3", "import-linter==2.16")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell", "packages", "plugins", "integration_tests", "docs", "README.md")
    session.run("lint-imports", env={"PYTHONPATH": os.pathsep.join(map(str, SOURCES))})
    session.run("python", "docs/check_versions.py")


@nox.session
def types(session: nox.Session) -> None:
    """Check types of every package, strictly."""
    install(session, "mypy==2.4.1", "numpy", "torch", "pydantic", "typer", "pluggy", "pytest",
            "scipy-stubs", "matplotlib", "safetensors", "rich", "tomli-w", "jinja2")  # fmt: skip
    session.run("mypy", *(str(path) for path in SOURCES))


@nox.session
def build(session: nox.Session) -> None:
    """Build an sdist and a wheel of every package and plugin into dist/."""
    session.install("build", "hatchling")
    shutil.rmtree(WHEELS, ignore_errors=True)
    for package in (*PACKAGES, *PLUGINS):
        session.run("python", "-m", "build", "--no-isolation", "-o", str(WHEELS),
                    str(folder(package)), silent=True)  # fmt: skip


@nox.session(requires=["build"])
@nox.parametrize("package, deps", ALONE)
def alone(session: nox.Session, package: str, deps: str) -> None:
    """Install one wheel into an empty environment and run the package's own tests there."""
    pins = lowest(package) if deps == "lowest" else []
    install(session, wheel(package), *pins, *TEST_TOOLS)
    check_alone(session, package)
    run_tests(session, package, "-m", "not slow")


@nox.session(python=[interpreter(version) for version in LATER_PYTHONS], requires=["build"])
@nox.parametrize("package", TORCHLESS)
def later(session: nox.Session, package: str) -> None:
    """Run the packages without torch on later Pythons, where they are installed."""
    install(session, wheel(package), *TEST_TOOLS)
    check_alone(session, package)
    run_tests(session, package, "-m", "not slow")


@nox.session(requires=["build"])
def oldest_core(session: nox.Session) -> None:
    """Run the core's own tests on the lowest versions of what it depends on."""
    install(session, wheel("unweave"), *lowest("unweave"), *TEST_TOOLS)
    run_tests(session, "unweave", "-m", "not slow")


def check_alone(session: nox.Session, package: str) -> None:
    """Fail if another package of ours, or torch where it has no place, is installed."""
    session.run("python", str(ROOT / "docs" / "check_alone.py"), package)


@nox.session(requires=["build"])
def integration(session: nox.Session) -> None:
    """Install all wheels and run what crosses packages; broken plugins and skips are failures."""
    features = f"{wheel('unweave')}[features]"
    others = (wheel(p) for p in PACKAGES if p != "unweave")
    install(session, features, *others, "geomloss", *TEST_TOOLS)
    strict = {"UNWEAVE_STRICT_PLUGINS": "1", "UNWEAVE_REQUIRE_ALL": "1"}
    strict |= {"UNWEAVE_SHARED": str(SHARED), "UNWEAVE_REPOSITORY": str(ROOT)}
    how = (*STRICT, *WORKERS, "--durations", "10", "-m", "not slow")
    session.run("python", "-m", "pytest", "-q", *how, "integration_tests", env=strict | ONE_THREAD)


@nox.session(requires=["build"])
def plugin(session: nox.Session) -> None:
    """Run the plugins' own tests with everything installed."""
    names = [name for name in PLUGINS if name not in APART]
    install(session, *(wheel(p) for p in (*PACKAGES, *names)), *TEST_TOOLS)
    for name in names:
        run_tests(session, name)
    run_tests(session, "unweave", "-m", "not slow", "-k", "test_names")
    session.run("unweave", "plugins", "--check", env={"UNWEAVE_STRICT_PLUGINS": "1"})


@nox.session(requires=["build"])
def ray(session: nox.Session) -> None:
    """Run the tests of the executor `ray`: a local cluster whose workers are killed."""
    install(session, *(wheel(p) for p in (*PACKAGES, *APART)), *TEST_TOOLS)
    run_tests(session, "unweave-ray", "-p", "no:xdist")


@nox.session(requires=["build"])
def slow(session: nox.Session) -> None:
    """Run the tests that are marked slow."""
    names = [name for name in (*PACKAGES, *PLUGINS) if name not in APART]
    install(session, *(wheel(name) for name in names), *TEST_TOOLS)
    for name in names:
        run_tests(session, name, "-m", "slow or not slow", "--no-header")


@nox.session
def oldest_torch(session: nox.Session) -> None:
    """Run estimators, priors and flows on torch 2.6; `-- URL` names an index of CPU wheels."""
    index = ("--index-url", session.posargs[0]) if session.posargs else ()
    session.install("torch==2.6.0", *index)
    for package in ("unweave-estimators", "unweave-priors", "unweave-flows"):
        session.install(str(folder(package)), *TEST_TOOLS)
        run_tests(session, package, "-m", "not slow")


@nox.session(requires=["build"])
def docs(session: nox.Session) -> None:
    """Check that the docs say what the code does: snippets, hooks, links."""
    names = [name for name in (*PACKAGES, *PLUGINS) if name not in APART]
    install(session, *(wheel(name) for name in names), *TEST_TOOLS)
    session.run("python", "-m", "pytest", "-q", *STRICT, *WORKERS, "docs", env=ONE_THREAD)


@nox.session
def pages(session: nox.Session) -> None:
    """Write the generated pages again: metrics, combinations, listings of the hooks."""
    metrics = f"{folder('unweave-metrics')}[plot,images]"
    others = [str(folder(p)) for p in PACKAGES if p != "unweave-metrics"]
    install(session, metrics, *others)
    session.run("python", "docs/metrics/make_pages.py")
    session.run("python", "docs/hooks/make_listings.py")
    session.run("python", "docs/make_combinations.py")


@nox.session
def study(session: nox.Session) -> None:
    """Measure bias, spread and direction of the estimators again, in an hour; draw the figures."""
    install(session, str(folder("unweave-estimators")), "matplotlib")
    session.run("python", "docs/estimators/study.py", *session.posargs)
    session.run("python", "docs/estimators/figures.py")


@nox.session
def intervals(session: nox.Session) -> None:
    """Measure what intervals of scores cover; write the table of docs/metrics/intervals.md."""
    install(session, str(folder("unweave-metrics")))
    session.run("python", "docs/metrics/interval_study.py", *session.posargs)


@nox.session
def results(session: nox.Session) -> None:
    """Repeat the experiments of docs/results; name some to repeat these alone."""
    core = f"{folder('unweave')}[features]"
    install(session, core, *(str(folder(p)) for p in PACKAGES if p != "unweave"))
    recipes = ROOT / "packages/unweave/src/unweave/reproduce/recipes"
    for name in session.posargs or sorted(path.stem for path in recipes.glob("*.toml")):
        session.run("unweave", "reproduce", name, "--out", str(ROOT / "docs/results" / name))


@nox.session
def site(session: nox.Session) -> None:
    """Build the docs into site/, warnings as errors; check its links and its search."""
    session.install(*SITE_TOOLS)
    session.run("mkdocs", "build", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})
    session.run("python", "docs/site/check.py")
    session.run("python", "docs/site/check_search.py")


@nox.session
def release(session: nox.Session) -> None:
    """Check that dist/ is ready for an index: versions, descriptions, changelog, tag."""
    build(session)
    session.install("twine==7.0.0")
    session.run("python", "docs/check_versions.py")
    session.run("twine", "check", "--strict", *map(str, sorted(WHEELS.iterdir())))
    session.run("python", "docs/check_release.py", str(WHEELS))


@nox.session
def coverage(session: nox.Session) -> None:
    """Show which lines the tests of each package leave out; `-- NAME ...` for some packages."""
    names = session.posargs or [name for name in (*PACKAGES, *PLUGINS) if name not in APART]
    install(session, *(wheel(p) for p in (*PACKAGES, *PLUGINS)), *TEST_TOOLS, "pytest-cov>=6.2")
    for name in names:
        run_tests(session, name, "-m", "not slow", f"--cov={module(name)}", "--cov-report=term")


@nox.session
def demo(session: nox.Session) -> None:
    """Install everything and train, score and report on rendered dSprites, in minutes."""
    packages = [str(folder(p)) for p in PACKAGES if p != "unweave-testing"]
    install(session, *packages)
    session.run("unweave", "demo", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure side by side: the trainer against a bare loop, packages against plain formulas."""
    install(session, *(str(folder(p)) for p in PACKAGES))
    scripts = [*ROOT.glob("benchmarks/*.py"), *ROOT.glob("packages/*/benchmarks/*.py")]
    for script in sorted(scripts):
        session.run("python", str(script))


@nox.session(venv_backend="none")
def dev(session: nox.Session) -> None:
    """Make .venv with every package installed editable, and the tools."""
    python = str(ROOT / ".venv" / "bin" / "python")
    if not Path(python).exists():
        session.run("python3", "-m", "venv", str(ROOT / ".venv"), external=True)
    editable = [text for p in (*PACKAGES, *PLUGINS) for text in ("-e", str(folder(p)))]
    tools = ("ruff", "mypy", "codespell", "import-linter", "nox", *TEST_TOOLS)
    session.run(python, "-m", "pip", "install", "-c", CONSTRAINTS, *editable, *tools, external=True)
