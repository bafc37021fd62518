"""Sessions: `nox` runs what continuous integration runs; `nox -l` lists all."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent / ".ci"))
import studies  # noqa: F401
from house import (
    CONSTRAINTS,
    ENVIRONMENT,
    FAST,
    PACKAGES,
    PLUGINS,
    ROOT,
    STRICT,
    TEST_TOOLS,
    TOGETHER,
    TWO_OF_FILES,
    TWO_OF_TESTS,
    WHEELS,
    folder,
    install,
    interpreter,
    lowest,
    run_pytest,
    run_tests,
    run_together,
    wheel,
)  # fmt: skip

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.allow_parallel = True
# Side by side; but a session that is named shows what it does as it does it.
nox.options.parallel = 1 if "-s" in sys.argv else "auto"
# uv looks for wheels where pip is told to look, such as the CPU wheel of torch.
os.environ.setdefault("UV_FIND_LINKS", ",".join(os.environ.get("PIP_FIND_LINKS", "").split()))

SOURCES = [str(path) for path in sorted(ROOT.glob("p*/*/src"))]
RUFF = "ruff==0.17.5"
SITE_TOOLS = ("mkdocs-material==9.8.2", "mkdocstrings[python]==1.0.8", RUFF)
# Tests of the core that other packages, or ruff, must be there for.
NEEDS_OTHERS = (
    "test_new_plugin.py or every_default or default_metrics or default_density or infogan "
    "or embedding"
)
METRICS_NEED_OTHERS = (
    "test_torch.py or test_names.py or display or plot or frames or tensor or dlpack"
)
TYPED_TESTS = (
    "unweave", "unweave-data", "unweave-estimators", "unweave-flows", "unweave-metrics",
    "unweave-priors", "unweave-testing", "unweave-laplace", "unweave-ray", "unweave-tensorboard",
)  # fmt: skip
# Tests have no annotations of their own, and give wrong arguments on purpose.
AS_TESTS = """
[[tool.mypy.overrides]]
module = {}
allow_untyped_defs = true
allow_untyped_calls = true
warn_unused_ignores = false
disable_error_code = ["arg-type"]
"""
TORCHLESS = ("unweave-metrics", "unweave-data")
# What the lowest versions show as well as the newest: statistics of our own arithmetic, malformed
# calls, and how much time and memory a set takes. Every metric against its references, every format
# and every message runs on both.
SEEN_ONCE = "not (intervals.py or fuzz.py or properties.py or bombs or time_and_memory)"
# Packages without torch run at both ends of what they take: the lowest versions on this Python, the
# newest on this one.
NEWEST = interpreter("3.13")

# Where it is missing they run on this Python. The newest versions of what another package pins
# lowest here are in the session `plugin`, and so are the core's tests that need other packages;
# the core's lowest are a session of its own, `oldest_core`.
ALONE = [
    (package, "lowest" if lowest(package) and package != "unweave" else "newest")
    for package in PACKAGES
]
if not Path(NEWEST).is_absolute():
    ALONE += [(package, "newest") for package in TORCHLESS]
CORE, *OTHERS = (f"alone(package='{package}', deps='{deps}')" for package, deps in ALONE)
# The longest first, so that no core is idle at the end.
LONG = [name for name in OTHERS if "'unweave-metrics'" in name]
nox.options.sessions = [
    "lint", "build", CORE, "integration", *LONG, "later", "plugin", "types",
    *(name for name in OTHERS if name not in LONG), "docs",
]  # fmt: skip


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, spelling, who imports whom, and that all versions are equal."""
    session.install(RUFF, "codespell==2.4.3", "import-linter==2.16")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell", "packages", "plugins", "integration_tests", "docs", "README.md")
    session.run("lint-imports", env={"PYTHONPATH": os.pathsep.join(SOURCES)})
    session.run("python", "docs/check_versions.py")


@nox.session
def types(session: nox.Session) -> None:
    """Check types of every package, strictly, and what the tests use of them."""
    install(session, "mypy==2.4.1", "numpy", "torch", "pydantic", "typer", "pluggy", "pytest",
            "scipy-stubs", "matplotlib", "safetensors", "rich", "tomli-w", "jinja2",
            "hypothesis")  # fmt: skip
    session.run("mypy", *SOURCES)
    for scripts in ("benchmarks", "torture"):
        session.run("mypy", scripts, env={"MYPYPATH": os.pathsep.join(SOURCES)})
    suites = [*(folder(package) / "tests" for package in TYPED_TESTS), ROOT / "integration_tests"]
    for tests in suites:  # apart, because modules of one name are in several packages
        names = sorted(path.stem for path in tests.glob("*.py"))
        # Options of these modules alone: with others for all, torch and the rest are checked anew.
        settings = Path(session.create_tmp()) / "mypy.toml"
        settings.write_text(f"{(ROOT / 'pyproject.toml').read_text()}\n{AS_TESTS.format(names)}")
        session.run("mypy", "--config-file", str(settings), str(tests),
                    env={"MYPYPATH": os.pathsep.join(SOURCES)})  # fmt: skip


@nox.session
def build(session: nox.Session) -> None:
    """Build an sdist and a wheel of every package and plugin into dist/."""
    session.install("hatchling")
    shutil.rmtree(WHEELS, ignore_errors=True)
    WHEELS.mkdir(parents=True)
    folders = (str(folder(package)) for package in (*PACKAGES, *PLUGINS))
    session.run("python", str(ROOT / ".ci" / "wheels.py"), str(WHEELS), *folders)


@nox.session(requires=["build"])
@nox.parametrize("package, deps", ALONE)
def alone(session: nox.Session, package: str, deps: str) -> None:
    """Install one wheel into an empty environment and run the package's own tests there."""
    install(session, wheel(package), *TEST_TOOLS, *(lowest(package) if deps == "lowest" else ()))
    check_alone(session, package)
    run_tests(session, package, *FAST, *(TWO_OF_FILES if package == "unweave" else ()))


@nox.session(python=NEWEST, requires=["build"])
@nox.parametrize("package", TORCHLESS)
def later(session: nox.Session, package: str) -> None:
    """Run the packages without torch on the newest Python, where it is installed."""
    install(session, wheel(package), *TEST_TOOLS)
    check_alone(session, package)
    run_tests(session, package, *FAST, "-k", SEEN_ONCE)


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
    strict["UNWEAVE_REPOSITORY"] = str(ROOT)
    run_pytest(session, *FAST, *TWO_OF_TESTS, "integration_tests", **strict)


@nox.session(requires=["build"])
def plugin(session: nox.Session) -> None:
    """Run the plugins' own tests with everything installed, and what needs more than a package."""
    packages = (wheel(name) for name in TOGETHER)
    install(session, *packages, "pandas>=2.1", RUFF, *TEST_TOOLS)
    plugins = (f"{name}/tests" for name in TOGETHER if name in PLUGINS)
    run_together(session, *plugins, "unweave-testing/tests", "unweave-flows/tests/test_flows.py")
    run_tests(session, "unweave", *FAST, "-k", NEEDS_OTHERS)
    run_tests(session, "unweave-metrics", *FAST, "-k", METRICS_NEED_OTHERS)
    session.run("unweave", "plugins", "--check", env={"UNWEAVE_STRICT_PLUGINS": "1"})


@nox.session(requires=["build"])
def docs(session: nox.Session) -> None:
    """Check that the docs say what the code does: snippets, hooks, links."""
    install(session, *(wheel(name) for name in TOGETHER), *TEST_TOOLS)
    run_pytest(session, "docs")


@nox.session(venv_backend="none")
def quick_docs(session: nox.Session) -> None:
    """Check a change of docs alone, with the packages of .venv from `nox -s dev`: no build."""
    tools = ROOT / ".venv" / "bin"
    if not (tools / "unweave").exists():
        session.error("there is no .venv with the packages: run `nox -s dev` once")
    text = ("docs", *(str(path) for path in sorted(ROOT.glob("*.md"))))
    readmes = (str(folder(package) / "README.md") for package in (*PACKAGES, *PLUGINS))
    session.run(str(tools / "codespell"), *text, *readmes, external=True)
    session.run(str(tools / "ruff"), "check", "docs", external=True)
    session.run(str(tools / "ruff"), "format", "--check", "docs", external=True)
    pages = ("docs/test_docs.py", "docs/test_packages.py", "docs/hooks")
    python = str(tools / "python")
    session.run(python, "-m", "pytest", "-q", *STRICT, *pages, env=ENVIRONMENT, external=True)


@nox.session
def site(session: nox.Session) -> None:
    """Build the docs into site/, warnings as errors; check its links and its search."""
    session.install(*SITE_TOOLS)
    session.run("mkdocs", "build", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})
    session.run("python", "docs/site/check.py")
    session.run("python", "docs/site/check_search.py")


@nox.session
def demo(session: nox.Session) -> None:
    """Install everything and train, score and report on rendered dSprites, in minutes."""
    packages = [str(folder(p)) for p in PACKAGES if p != "unweave-testing"]
    install(session, *packages)
    session.run("unweave", "demo", *session.posargs)


@nox.session(venv_backend="none")
def dev(session: nox.Session) -> None:
    """Make .venv with every package installed editable, and the tools; a torch in it stays."""
    python = str(ROOT / ".venv" / "bin" / "python")
    if not Path(python).exists():
        session.run("python3", "-m", "venv", str(ROOT / ".venv"), external=True)
    editable = [text for p in (*PACKAGES, *PLUGINS) for text in ("-e", str(folder(p)))]
    tools = ("ruff", "mypy", "codespell", "import-linter", "nox", *TEST_TOOLS)
    has_torch = any(ROOT.glob(".venv/lib/python*/site-packages/torch"))
    pins = () if has_torch else ("-c", CONSTRAINTS)
    session.run(python, "-m", "pip", "install", *pins, *editable, *tools, external=True)
