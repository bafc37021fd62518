"""The packages that `unweave new-plugin` writes are right as they are."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import unweave
from unweave import hookspecs
from unweave.commands import main
from unweave.errors import ConfigError
from unweave.new_plugin import KINDS, LONGEST, new_plugin, render
from unweave.registry import KINDS as REGISTERED_KINDS
from unweave.registry import registry

KIT = pytest.mark.skipif(
    not importlib.util.find_spec("unweave_testing"), reason="unweave-testing is not installed"
)


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def install(package: Path) -> None:
    """Do what pip would do beside copying: write what the distribution says of itself."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    name, version = project["name"], project["version"]
    info = package / "src" / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = project["entry-points"]["unweave"].items()
    lines = "\n".join(f"{key} = {value}" for key, value in points)
    (info / "entry_points.txt").write_text(f"[unweave]\n{lines}\n")


def run_tests(packages: list[Path], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the packages' own tests in one process that sees all of them, warnings as errors."""
    environment = {key: text for key, text in os.environ.items() if key != "UNWEAVE_PLUGINS"}
    environment["PYTHONPATH"] = os.pathsep.join(str(package / "src") for package in packages)
    options = ("-q", "-W", "error", "-p", "no:cacheprovider", "--import-mode=importlib")
    tests = [str(package / "tests") for package in packages]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments, *tests],
        capture_output=True, text=True, env=environment, cwd=packages[0],
    )  # fmt: skip


def test_there_is_a_template_for_every_kind_of_hook():
    assert set(KINDS) == {*REGISTERED_KINDS, "observer", "command"}
    assert {kind for kind, about in KINDS.items() if about.names} == set(REGISTERED_KINDS)


@KIT
def test_what_is_written_passes_its_own_tests(tmp_path):
    packages = []
    for kind in KINDS:
        if kind == "method" and not importlib.util.find_spec("unweave_estimators"):
            continue
        package = new_plugin(kind, f"my-{kind}", tmp_path / kind)
        install(package)
        packages.append(package)
    done = run_tests(packages)
    assert done.returncode == 0, done.stdout[-4000:]
    summary = re.search(r"(\d+) passed", done.stdout)
    assert summary is not None
    passed = int(summary[1])
    assert passed > 9 * len(packages)  # the kit, the hook file, and what is true of it alone


@KIT
def test_its_tests_find_a_fault(tmp_path):
    package = new_plugin("prior", "broken", tmp_path / "broken")
    install(package)
    module = package / "src" / "unweave_broken" / "__init__.py"
    text = module.read_text()
    assert "generator=generator" in text
    module.write_text(text.replace("normal_(generator=generator)", "normal_()"))
    done = run_tests([package], "-k", "test_conformance[generator]")
    assert done.returncode == 1
    assert "draws from torch's global generator" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["q", "x2-y", "a" * LONGEST, "w-" * (LONGEST // 2 - 1) + "ww"])
def test_style_is_right_for_short_and_long_names(tmp_path, kind, name):
    ruff = shutil.which(
        "ruff", path=os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    )
    if ruff is None:
        pytest.skip("ruff is not installed")
    package = new_plugin(kind, name, tmp_path / "package")
    for arguments in (("check", "-q"), ("format", "--check", "-q")):
        done = subprocess.run(
            [ruff, *arguments, "--no-cache", "."], capture_output=True, text=True, cwd=package
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)


@KIT
def test_an_observer_is_told_of_training(tmp_path, settings, monkeypatch):
    package = new_plugin("observer", "my-diary", tmp_path / "package")
    install(package)
    monkeypatch.setenv("UNWEAVE_PLUGINS", "unweave,toy,unweave-my-diary")
    monkeypatch.syspath_prepend(package / "src")
    registry.cache_clear()
    unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    lines = (tmp_path / "run" / "my-diary.txt").read_text().splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "started", "step 5", "step 10", "step 15", "step 20", "finished",
    ]  # fmt: skip


@KIT
def test_a_command_is_on_the_command_line(tmp_path, monkeypatch, call):
    package = new_plugin("command", "my-last", tmp_path / "package")
    install(package)
    (tmp_path / "scalars.jsonl").write_text('{"step": 1}\n')
    monkeypatch.setenv("UNWEAVE_PLUGINS", "unweave,unweave-my-last")
    monkeypatch.syspath_prepend(package / "src")
    registry.cache_clear()
    assert call("my-last", tmp_path) == '{"step": 1}\n'
    assert "has no scalars.jsonl; give a run directory" in call("my-last", package, code=2)


def test_a_command_that_is_there_is_refused(tmp_path, call):
    said = call("new-plugin", "command", "train", "--out", tmp_path / "out", code=2)
    assert said == "unweave: a command 'train' already exists; give another name\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [kind for kind, about in KINDS.items() if about.names])
def test_the_hook_file_names_the_object_under_a_hook_that_exists(kind):
    files = render(kind, "two-words")
    scope: dict[str, Any] = {}
    exec(files["src/_unweave_two_words_plugin.py"], scope)
    hook = f"unweave_{kind}s"
    assert hasattr(hookspecs, hook)
    named = scope[hook]()
    target = "TwoWords" if KINDS[kind].is_class else "two_words"
    assert named == {"two-words": f"unweave_two_words:{target}"}
    assert f" {target}(" in files["src/unweave_two_words/__init__.py"] or (
        f"class {target}:" in files["src/unweave_two_words/__init__.py"]
    )


def test_without_out_the_folder_is_called_like_the_distribution(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["new-plugin", "metric", "my-score"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == "unweave-my-score"
    assert files_of(tmp_path / "unweave-my-score") == render("metric", "my-score")


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "mine").mkdir()
    new_plugin("cost", "my-cost", tmp_path / "mine")
    assert files_of(tmp_path / "mine") == render("cost", "my-cost")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("priors", "mine", "unknown kind of plugin 'priors'; did you mean 'prior'"),
        ("prior", "Mine", "lower-case letters"),
        ("prior", "my_prior", "joined by '-', and begins with a letter, got 'my_prior'"),
        ("prior", "3d", "begins with a letter"),
        ("prior", "", "got ''"),
        ("prior", "../away", "got '../away'"),
        ("prior", "a" * (LONGEST + 1), f"at most {LONGEST}"),
        ("prior", "unweave-mine", "without unweave"),
        ("prior", "tensor", "would be called Tensor"),
        ("prior", "none", "would be called None"),
        ("method", "lambda", "'lambda' is a keyword of Python"),
        ("prior", "class", "'class' is a keyword of Python; give a name of two words"),
        ("prior", "match", "'match' is a keyword of Python"),
        ("metric", "float", "'float' is a built-in name of Python"),
        ("dataset", "random", "'random' is a module of Python's standard library"),
        ("observer", "logging", "'logging' is a module of Python's standard library"),
        ("prior", "torch", "'torch' is a library that plugins use"),
        ("flow", "zuko", "'zuko' is a library that plugins use"),
        ("cost", "tomli-w", "'tomli-w' is a library that plugins use"),
        ("prior", "test", "'test' is what pytest takes for a test"),
        ("metric", "test-of-mine", "'test-of-mine' is what pytest takes for a test"),
        ("prior", "testing", "'testing' is what pytest takes for a test"),
        ("metric", "squared", "would be called squared"),
        ("metric", "pytest", "'pytest' is a library that plugins use"),
        ("cost", "l2sq", "a cost 'l2sq' already exists, of unweave"),
        ("prior", "toy-normal", "a prior 'toy-normal' already exists, of toy"),
    ],
)
def test_names_that_cannot_be_are_refused(tmp_path, kind, name, words):
    with pytest.raises(ConfigError) as caught:
        new_plugin(kind, name, tmp_path / "out")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_module_that_is_there_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "unweave_taken.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="a package unweave-taken is installed already"):
        new_plugin("prior", "taken", tmp_path / "out")


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="is not an empty folder; give another with --out"):
        new_plugin("prior", "mine", tmp_path / "mine")
    assert files_of(tmp_path) == {"mine/thesis.tex": "years of work"}


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    def fail(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(ConfigError, match="mine cannot be written: No space left on device"):
        new_plugin("prior", "mine", tmp_path / "mine")
    assert not list(tmp_path.iterdir())


def test_on_the_command_line_a_bad_name_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["new-plugin", "prior", "Bad Name"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("unweave: a name has at most")
    assert error.count("\n") == 1


@pytest.mark.slow
@KIT
@pytest.mark.parametrize("kind", KINDS)
def test_it_builds_and_installs(tmp_path, kind):
    pytest.importorskip("hatchling")
    package = new_plugin(kind, f"my-{kind}", tmp_path / kind)
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps"]
    subprocess.run([*command, "--target", str(site), str(package)], check=True)
    environment = {key: text for key, text in os.environ.items() if key != "UNWEAVE_PLUGINS"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], capture_output=True, text=True, cwd=package,
        env={**environment, "PYTHONPATH": str(site)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]


def test_what_a_killed_process_was_writing_is_removed(tmp_path):
    code = (
        "import os, pathlib, sys\n"
        "from unweave.new_plugin import new_plugin\n"
        "pathlib.Path.chmod = lambda *_: os.kill(os.getpid(), 9)\n"
        "new_plugin('prior', 'cauchy', pathlib.Path('package'))\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert killed.returncode == -9
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".partial-")
    mine = tmp_path / ".partial-mine"
    mine.mkdir()
    package = new_plugin("prior", "cauchy", tmp_path / "package")
    assert {path.name for path in tmp_path.iterdir()} == {package.name, mine.name}
