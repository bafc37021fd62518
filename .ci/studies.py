"""Sessions that no single change needs: old versions, slow tests, pages, measurements, release."""

from __future__ import annotations

from pathlib import Path

import nox
from house import (
    APART,
    FAST,
    PACKAGES,
    PLUGINS,
    ROOT,
    TEST_TOOLS,
    TOGETHER,
    WHEELS,
    folder,
    install,
    lowest,
    module,
    run_pytest,
    run_tests,
    torch_bounds,
    wheel,
)  # fmt: skip
from outcomes import publish

TORCH_OF, TORCH_EXTRA = torch_bounds()
# What measures nothing without a GPU, or trains for hours: the session `bench_gpu`.
FOR_A_GPU = ("gpu.py", "table1.py")


@nox.session(requires=["build"])
def oldest_core(session: nox.Session) -> None:
    """Run the core's own tests on the lowest versions of what it depends on."""
    install(session, wheel("unweave"), *lowest("unweave"), *TEST_TOOLS)
    run_tests(session, "unweave", *FAST)


@nox.session
@nox.parametrize("torch", sorted(TORCH_OF))
def oldest_torch(session: nox.Session, torch: str) -> None:
    """Run what takes torch on the lowest that it takes; `-- URL` names an index of CPU wheels."""
    index = ("--index-url", session.posargs[0]) if session.posargs else ()
    session.install(f"torch=={torch}", *index)
    for package in TORCH_OF[torch]:
        extra = "[torch]" if package in TORCH_EXTRA else ""
        # Named again, or an installer may replace it by a newer one.
        what = (f"{folder(package)}{extra}", str(folder("unweave-testing")), *TEST_TOOLS)
        session.install(f"torch=={torch}", *what)
        run_tests(session, package, *FAST, *(("-k", "torch") if extra else ()))


@nox.session(requires=["build"])
def ray(session: nox.Session) -> None:
    """Run the tests of the executor `ray`: a local cluster whose workers are killed."""
    install(session, *(wheel(p) for p in (*PACKAGES, *APART)), *TEST_TOOLS)
    run_tests(session, "unweave-ray", "-p", "no:xdist")


@nox.session(requires=["build"])
def slow(session: nox.Session) -> None:
    """Run all tests, those that are marked slow among them."""
    onnx = f"{wheel('unweave')}[onnx]"
    others = (wheel(name) for name in TOGETHER if name != "unweave")
    install(session, onnx, *others, *TEST_TOOLS)
    for name in TOGETHER:
        run_tests(session, name, "-m", "slow or not slow", "--no-header")
    run_pytest(session, "-m", "slow", "integration_tests")


@nox.session(requires=["build"])
def coverage(session: nox.Session) -> None:
    """Show which lines the tests of each package leave out; `-- NAME ...` for some packages."""
    names = session.posargs or TOGETHER
    install(session, *(wheel(p) for p in (*PACKAGES, *PLUGINS)), *TEST_TOOLS, "pytest-cov>=6.2")
    for name in names:
        run_tests(session, name, *FAST, f"--cov={module(name)}", "--cov-report=term")


@nox.session(requires=["build"])
def release(session: nox.Session) -> None:
    """Check that dist/ is ready for an index: versions, descriptions, changelog, tag."""
    session.install("twine==7.0.0")
    session.run("python", "docs/check_versions.py")
    session.run("twine", "check", "--strict", *map(str, sorted(WHEELS.iterdir())))
    session.run("python", "docs/check_release.py", str(WHEELS))


@nox.session
def pages(session: nox.Session) -> None:
    """Write the generated pages again: metrics, combinations, hooks, reference, lists."""
    metrics = f"{folder('unweave-metrics')}[plot,images]"
    others = [str(folder(p)) for p in PACKAGES if p != "unweave-metrics"]
    install(session, metrics, *others)
    session.run("python", "docs/metrics/make_pages.py")
    session.run("python", "docs/hooks/make_listings.py")
    session.run("python", "docs/reference/make_pages.py")
    session.run("python", "docs/site/navigation.py")
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
    """Repeat the experiments of docs/results; name some, and add --replace to take their pages."""
    core = f"{folder('unweave')}[features]"
    install(session, core, *(str(folder(p)) for p in PACKAGES if p != "unweave"))
    recipes = ROOT / "packages/unweave/src/unweave/reproduce/recipes"
    names = [name for name in session.posargs if name != "--replace"]
    for name in names or sorted(path.stem for path in recipes.glob("*.toml")):
        out = ROOT / "runs/results" / name
        session.run("unweave", "reproduce", name, "--out", str(out))
        try:
            publish(out, ROOT / "docs/results" / name, "--replace" in session.posargs)
        except ValueError as error:
            session.warn(str(error))


@nox.session
def torture(session: nox.Session) -> None:
    """Kill, mutate and mistype; `-- --kills N --files N --lines N --seed N`, and it goes on."""
    core = f"{folder('unweave')}[features]"
    packages = (str(folder(p)) for p in PACKAGES if p != "unweave")
    install(session, core, *packages, *TEST_TOOLS)
    session.run("python", "-m", "torture", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure side by side: the trainer against a bare loop, packages against plain formulas."""
    install(session, *(str(folder(p)) for p in PACKAGES))
    scripts = [*ROOT.glob("benchmarks/*.py"), *ROOT.glob("packages/*/benchmarks/*.py")]
    for script in sorted(path for path in scripts if path.name not in FOR_A_GPU):
        session.run("python", str(script))


@nox.session
def bench_gpu(session: nox.Session) -> None:
    """Measure steps and numerics on a GPU; `-- table1.py` trains runs of a table, for 9 minutes."""
    session.install(*(str(folder(p)) for p in PACKAGES))  # without the pin of the CPU wheel
    script, *options = session.posargs or ("gpu.py",)
    if script not in FOR_A_GPU:
        session.error(f"expected one of {', '.join(FOR_A_GPU)}, got {script}")
    session.run("python", str(ROOT / "benchmarks" / script), *options)


@nox.session
def bench_step(session: nox.Session) -> None:
    """Measure a step against a plain loop and pythae's; `-- --write` adds it to the docs."""
    install(session, *(str(folder(p)) for p in PACKAGES if p != "unweave-testing"))
    # Without what it asks for: a user's torch is never replaced, and the rest is there.
    peer = str(Path(session.create_tmp()) / "pythae")
    session.install("--no-deps", "--target", peer, "pythae==0.1.2", "cloudpickle", "imageio")
    session.run("python", "benchmarks/step.py", "--peer", peer, *session.posargs)
