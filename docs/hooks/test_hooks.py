"""What the pages of the hooks say is so."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

from unweave import hookspecs
from unweave.errors import PluginWarning
from unweave.new_plugin import render
from unweave.registry import registry

HERE = Path(__file__).parent
PAGES = {path.stem: path.read_text() for path in sorted(HERE.glob("*.md"))}
SPECIFIED = {
    node.name: node
    for node in ast.parse(Path(hookspecs.__file__).read_text()).body
    if isinstance(node, ast.FunctionDef)
}
PAGE_OF = {
    name: "observers" if name.startswith("unweave_run_") else name.removeprefix("unweave_")
    for name in SPECIFIED
}
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)

MISTAKES = tomllib.loads((HERE / "mistakes.toml").read_text())


def example_object(kind, module):
    """Find the object of an example by the name that its hook file gives it."""
    (name,) = re.findall(rf"new-plugin {kind} ([\w-]+)", PAGES[f"{kind}s"])
    snake = name.replace("-", "_")
    words = "".join(word.capitalize() for word in name.split("-"))
    return getattr(module, snake, None) or getattr(module, words)


def example(kind, old="", new=""):
    """Make a module of a page's example, with an edit."""
    (name,) = re.findall(rf"new-plugin {kind} ([\w-]+)", PAGES[f"{kind}s"])
    text = render(kind, name)[f"src/unweave_{name.replace('-', '_')}/__init__.py"]
    assert old in text
    module = types.ModuleType("edited_example")
    sys.modules["edited_example"] = module
    exec(text.replace(old, new) if old else text, vars(module))
    return example_object(kind, module)


def checks_of(kind):
    """List the kit's checks, with the facts that the messages of the pages rest on."""
    kit = pytest.importorskip("unweave_testing")
    if kind == "estimator":
        exact = {"exact": lambda latent: {"code_size": float((latent.z**2).sum(1).mean())}}
        return kit.estimator_checks(**exact)
    if kind == "method":
        kinds = ("cost", "estimator", "objective", "posterior", "prior")
        return kit.method_checks(known={kind: registry().names(kind) for kind in kinds})
    return getattr(kit, f"{kind}_checks")()


def test_every_hook_has_a_page_and_every_page_a_hook():
    assert set(PAGE_OF.values()) == set(PAGES)


@pytest.mark.parametrize("hook", SPECIFIED)
def test_pages_show_the_exact_signature(hook):
    node = SPECIFIED[hook]
    signature = f"def {hook}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}: ..."
    assert f"@hookimpl\n{signature}\n" in PAGES[PAGE_OF[hook]]


@pytest.mark.parametrize("hook", [name for name in SPECIFIED if not SPECIFIED[name].args.args])
def test_pages_call_the_object_as_the_specification_does(hook):
    call = re.search(r"`(\w+\(.*\))`", ast.get_docstring(SPECIFIED[hook]))[1]
    assert call in PAGES[PAGE_OF[hook]], f"{PAGE_OF[hook]}.md does not say {call}"


def test_listings_are_what_new_plugin_writes():
    script = HERE / "make_listings.py"
    process = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("page", sorted([*MISTAKES, "observers", "commands", "objectives"]))
def test_listings_are_whole_packages(page):
    kind = page.removesuffix("s")
    (name,) = re.findall(rf"new-plugin {kind} ([\w-]+)", PAGES[page])
    files = set(re.findall(r"```python\n# unweave-[\w-]+/(\S+)\n", PAGES[page]))
    assert files == {path for path in render(kind, name) if path.endswith(".py")}


MISTAKEN = [(page, mistake) for page, mistakes in MISTAKES.items() for mistake in mistakes]


@pytest.mark.parametrize(
    ("page", "mistake"), MISTAKEN, ids=[f"{page}-{m['check']}" for page, m in MISTAKEN]
)
def test_mistakes_get_the_message_of_the_table(page, mistake):
    kit = pytest.importorskip("unweave_testing")
    kind, name = page.removesuffix("s"), mistake["check"]
    selection = [check for check in checks_of(kind) if check.name == name]
    (result,) = kit.run(selection, example(kind, mistake["old"], mistake["new"])).results
    assert result.outcome == "failed"
    assert mistake["message"] in result.message
    text = f"`{name}: {mistake['message']}"
    assert text in PAGES[page], f"{page}.md does not show this message"


@pytest.mark.parametrize(("kind", "name"), [("optimizer", "nadam"), ("method", "critic_vae")])
def test_second_examples_pass_the_kit(kind, name):
    kit = pytest.importorskip("unweave_testing")
    page = {"method": "objectives"}.get(kind, f"{kind}s")
    (block,) = [block for block in PYTHON.findall(PAGES[page]) if f"def {name}(" in block]
    scope = {}
    exec(block, scope)
    # The objective of the page is installed nowhere, so that no loss of the method can be built.
    checks = [check for check in getattr(kit, f"{kind}_checks")() if check.name != "loss"]
    kit.run(checks, scope[name]).raise_if_not_ok()


def test_the_page_of_priors_shows_the_message_of_a_missing_annotation(tmp_path, monkeypatch):
    kit = pytest.importorskip("unweave_testing")
    for path, text in render("prior", "scaled-normal").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text.replace("scale: float = 1.0", "scale=1.0"))
    monkeypatch.syspath_prepend(tmp_path / "src")
    report = kit.run(kit.plugin_checks(), "_unweave_scaled_normal_plugin")
    (result,) = [result for result in report.results if result.name == "options"]
    assert f"options: {result.message}" in PAGES["priors"]


class Recorder:
    """Stands in for the library of a service, and keeps what is called."""

    def __init__(self, calls):
        self.calls = calls

    def __getattr__(self, name):
        def call(*arguments, **keywords):
            self.calls.append((name, arguments, keywords))
            return types.SimpleNamespace(info=types.SimpleNamespace(run_id="id-7"))

        return call


def services():
    """Yield the hooks of each service that the page of observers shows."""
    for block in PYTHON.findall(PAGES["observers"]):
        for service in ("wandb", "mlflow"):
            if f"import {service}" in block:
                scope = {"tomllib": tomllib, "hookimpl": lambda function: function}
                exec("from __future__ import annotations\n" + block, scope)
                yield service, scope


def test_other_services_are_called_once_for_each_event(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text("dim = 4")
    run = types.SimpleNamespace(path=tmp_path)
    by_service = {}
    for service, hooks in services():
        calls = by_service[service] = []
        monkeypatch.setitem(sys.modules, service, Recorder(calls))
        for _ in range(2):
            hooks["unweave_run_start"](run=run)
        hooks["unweave_run_log"](step=5, scalars={"loss": 0.5})
        hooks["unweave_run_end"](outcome="stopped")
    start = ("init", "log", "finish"), ("start_run", "log_artifact", "log_metrics", "end_run")
    assert [dict.fromkeys(call[0] for call in calls) for calls in by_service.values()] == [
        dict.fromkeys(names) for names in start
    ]
    assert by_service["wandb"][0][2]["config"] == {"dim": 4}
    assert by_service["wandb"][2] == ("log", ({"loss": 0.5},), {"step": 5})
    assert by_service["mlflow"][0][1] == (None,)
    assert by_service["mlflow"][2][1] == ("id-7",)  # the second start goes on with the first's run
    assert by_service["mlflow"][4] == ("log_metrics", ({"loss": 0.5},), {"step": 5})


@pytest.mark.parametrize(("losses", "answer"), [([9, *[5] * 10], None), ([4, *[5] * 10], "stop")])
def test_the_observer_that_asks_to_stop_does(losses, answer):
    (block,) = [block for block in PYTHON.findall(PAGES["observers"]) if '"stop"' in block]
    scope = {"hookimpl": lambda function: function}
    exec("from __future__ import annotations\n" + block, scope)
    run = types.SimpleNamespace(scalars=lambda: [{"loss": float(loss)} for loss in losses])
    assert scope["unweave_run_log"](run=run, scalars={}) == answer


@pytest.fixture
def diary(tmp_path, monkeypatch):
    """Install the observers of the page, with an edit, and give the registry that sees them."""

    def install(old="", new=""):
        files = render("observer", "diary")
        hooks = files["src/_unweave_diary_plugin.py"]
        assert old in hooks
        (tmp_path / "_unweave_diary_plugin.py").write_text(
            hooks.replace(old, new) if old else hooks
        )
        (tmp_path / "unweave_diary.py").write_text(files["src/unweave_diary/__init__.py"])
        info = tmp_path / "unweave_diary-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unweave-diary\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[unweave]\nunweave-diary = _unweave_diary_plugin\n")
        monkeypatch.syspath_prepend(tmp_path)
        for name in ("_unweave_diary_plugin", "unweave_diary"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setenv("UNWEAVE_PLUGINS", "unweave-diary")
        importlib.invalidate_caches()
        registry.cache_clear()
        return registry()

    yield install
    registry.cache_clear()


def test_observers_are_called_by_the_registry(diary, tmp_path):
    run = types.SimpleNamespace(path=tmp_path)
    plugins = diary()
    plugins.observe("unweave_run_start", run=run)
    plugins.observe("unweave_run_log", run=run, step=5, scalars={"loss": 0.5})
    plugins.observe("unweave_run_end", run=run, outcome="finished")
    assert (tmp_path / "diary.txt").read_text() == "started\nstep 5: loss 0.5\nfinished\n"


def test_an_observer_that_raises_is_a_warning(diary, tmp_path):
    plugins = diary("scalars['loss']", "scalars['los']")
    run = types.SimpleNamespace(path=tmp_path)
    with pytest.warns(PluginWarning, match="the run continues") as caught:
        plugins.observe("unweave_run_log", run=run, step=5, scalars={"loss": 0.5})
    assert f"`warning: {caught[0].message}`" in PAGES["observers"]


MISSPELT = [
    ("scalars: Mapping[str, float]", "scalar: Mapping[str, float]"),
    ("def unweave_run_start", "def unweave_run_begin"),
]


@pytest.mark.filterwarnings("ignore:plugin")
@pytest.mark.parametrize(("old", "new"), MISSPELT, ids=["parameter", "hook"])
def test_misspelt_hooks_are_broken_plugins(diary, old, new):
    (plugin,) = diary(old, new).plugins
    assert plugin.status != "ok"
    rows = [row for row in PAGES["observers"].splitlines() if row.startswith("| a ")]
    assert any(row.split("`")[5] in plugin.reason for row in rows), plugin.reason
