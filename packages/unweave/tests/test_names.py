"""Names: what a stranger registers breaks nobody else's method, default, resume or scores."""

import subprocess
import sys
import textwrap
import time

import pytest
from conftest import write_distribution

import unweave
from unweave.config import make_config
from unweave.configfile import used_entries
from unweave.density import fit_density
from unweave.errors import ClashError, ConfigError, UnknownNameError
from unweave.registry import KINDS, Registry, registry
from unweave.scores.calls import metric_calls
from unweave.scores.package import METRICS

pytestmark = pytest.mark.filterwarnings("always::unweave.errors.PluginWarning")
HEAD = """
import pluggy
UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")
"""
STOLEN_NAMES = {
    "estimator": ("analytic-kl", "mws"),
    "cost": ("l2sq", "bernoulli"),
    "metric": ("mig", "sap", "factor-vae", "mmd"),
    "optimizer": ("adam",),
    "objective": ("sum",),
    "prior": ("normal",),
    "posterior": ("gaussian",),
    "architecture": ("conv64",),
    "dataset": ("dsprites", "given"),
    "flow": ("maf", "realnvp"),
    "executor": ("serial",),
}
"""Names that methods and defaults of unweave speak."""


def hooks(kinds):
    text = HEAD
    for kind, names in kinds.items():
        targets = dict.fromkeys(names, "no_such_module:thing")
        text += f"@hookimpl\ndef unweave_{kind}s():\n    return {targets!r}\n"
    return text


@pytest.fixture
def thief(tmp_path_factory, monkeypatch):
    """A plugin that registers names of ours, under which it has nothing that can be loaded."""

    def install(*packages):
        for package in packages:
            pytest.importorskip(package.replace("-", "_"))
        place = tmp_path_factory.mktemp("thief")
        sys.modules.pop("_hooks_thief", None)
        write_distribution(place, "thief", hooks(STOLEN_NAMES))
        monkeypatch.syspath_prepend(place)
        monkeypatch.setenv("UNWEAVE_PLUGINS", ",".join(("unweave", "toy", "thief", *packages)))
        registry.cache_clear()
        return registry()

    return install


PACKAGES = (
    "unweave-estimators", "unweave-priors", "unweave-metrics", "unweave-data", "unweave-flows",
)  # fmt: skip


def test_every_method_and_every_default_keeps_its_meaning(thief, monkeypatch):
    for package in PACKAGES:
        pytest.importorskip(package.replace("-", "_"))

    def meaning(names):
        config = make_config(names, {"method": method})
        return config, used_entries(names, config)

    monkeypatch.setenv("UNWEAVE_PLUGINS", ",".join(("unweave", *PACKAGES)))
    registry.cache_clear()
    alone = registry()
    methods = [e.qualified for e in alone.entries("method") if e.name != "custom"]
    expected = {}
    for method in methods:
        expected[method] = meaning(alone)
    found = thief(*PACKAGES)
    for method in methods:
        assert meaning(found) == expected[method]


def test_default_metrics_are_those_of_unweave_and_typed_ones_clash(thief):
    from toy import ToyImages

    found = thief(*PACKAGES)
    calls = metric_calls(found, None, ToyImages(), 0)
    assert [(name, call.entry.distribution) for name, call in calls] == [
        (name, "unweave-metrics") for name in METRICS
    ]
    with pytest.raises(ClashError, match="write 'thief:mig' or 'unweave-metrics:mig'"):
        metric_calls(found, ("mig",), ToyImages(), 0)


def test_the_default_density_is_that_of_unweave(thief, tmp_path):
    import torch

    found = thief(*PACKAGES)
    codes = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ConfigError, match="option epoch of flow maf|option of flow maf 'epoch'"):
        fit_density(tmp_path, found, "maf:epoch=1", codes, step=0)
    with pytest.raises(ClashError, match="thief:realnvp"):
        fit_density(tmp_path, found, "realnvp", codes, step=0)


def test_a_run_is_trained_scored_and_resumed_beside_a_thief(thief, tmp_path, settings):
    thief()
    del settings["architecture"]
    settings |= {"steps": 4, "log_every": 2, "checkpoint_every": 2, "batch_size": 4}
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", cost="l2sq", **settings)
    assert run.config.architecture.name == "unweave:conv64"
    assert run.config.optimizer.name == "unweave:adam"
    assert unweave.resume(run.path, steps=6, device="cpu").step == 6
    with pytest.raises(ClashError, match="conv64.*write 'thief:conv64' or 'unweave:conv64'"):
        unweave.train("toy-vae", out=tmp_path / "b", **{**settings, "architecture": "conv64"})
    with pytest.raises(ClashError, match="optimizer 'adam'"):
        unweave.train("toy-vae", out=tmp_path / "b", **settings, optimizer="adam")


def test_a_run_that_was_made_before_a_thief_came_goes_on(thief, tmp_path, settings):
    run = unweave.train("toy-gan", out=tmp_path / "run", device="cpu", **settings)
    scored = run.evaluate(("toy-correlation",))
    thief()
    assert unweave.resume(run.path, steps=25, device="cpu").step == 25
    again = unweave.Run.open(run.path, device="cpu")
    assert set(again.evaluate(("toy-correlation",))) == set(scored)


def test_every_kind_is_tried():
    assert set(STOLEN_NAMES) == set(KINDS) - {"method"}


# Plugins that misbehave when they are discovered


def discover(place, monkeypatch, **bodies):
    monkeypatch.syspath_prepend(place)
    for name, body in bodies.items():
        write_distribution(place, name, HEAD + textwrap.dedent(body))
    monkeypatch.setenv("UNWEAVE_PLUGINS", ",".join(("unweave", "toy", *bodies)))
    registry.cache_clear()


EXITS = """
class End(BaseException):
    pass

@hookimpl
def unweave_priors():
    raise End
"""


def test_a_hook_file_that_ends_the_program_ends_nothing(tmp_path, monkeypatch, call):
    discover(tmp_path, monkeypatch, leaver="import sys\nsys.exit(4)", ender=EXITS)
    listed = call("plugins")
    assert "SystemExit: 4" in listed
    assert "unweave_priors raised End" in listed
    assert "leaver 1.0: SystemExit: 4" in call("plugins", "--check", code=1)
    assert "toy-vae" in call("methods")


class Clock:
    """A clock that goes on when it is told to."""

    now = 0.0

    def __call__(self):
        return self.now


def test_check_sees_hook_files_that_import_torch_and_slow_ones(tmp_path, monkeypatch, call):
    monkeypatch.setattr(time, "perf_counter", Clock())
    # What is imported under this name in a new interpreter counts, and this takes no seconds.
    (tmp_path / "torch").mkdir()
    for name in ("__init__", "nn"):
        (tmp_path / "torch" / f"{name}.py").touch()
    discover(
        tmp_path, monkeypatch, heavy="import torch", heavier="import torch.nn",
        slow="import time\ntime.perf_counter.now += 0.7",
    )  # fmt: skip
    checked = call("plugins", "--check", code=1)
    assert "heavy 1.0: its hook file imports torch; name targets as text instead" in checked
    assert "heavier 1.0: its hook file imports torch" in checked
    assert "slow 1.0: its hook file takes" in checked
    assert "toy 1.0: its hook file" not in checked


PRIORS = """
@hookimpl
def unweave_priors():
    return {"positional": "positional_priors:Prior", "unresolved": "positional_priors:Unresolved",
            "leaving": "leaving_module:Prior", "half": "positional_priors:Half.nowhere"}

@hookimpl
def unweave_methods():
    return {"positional-method": "positional_priors:method"}
"""
TARGETS = """
class Prior:
    def __init__(self, dim=3, scale: float = 1.0):
        pass

class Unresolved:
    def __init__(self, dim, *, scale: "Nowhere" = 1.0):
        pass

class Half:
    pass

def method(beta: float = 1.0):
    pass
"""


def test_options_that_nobody_can_set_are_seen_and_refused(tmp_path, monkeypatch, call, settings):
    (tmp_path / "positional_priors.py").write_text(TARGETS)
    (tmp_path / "leaving_module.py").write_text("raise SystemExit(7)")
    discover(tmp_path, monkeypatch, odd=PRIORS)
    sys.modules.pop("positional_priors", None)
    checked = call("plugins", "--check", code=1)
    words = "option 'scale' is not keyword-only; put it behind the *"
    assert f"prior positional of odd 1.0: {words}" in checked
    assert "option 'dim'" not in checked  # the core gives it
    assert "prior unresolved of odd 1.0 raised NameError" in checked
    assert "prior leaving of odd 1.0 cannot be loaded from 'leaving_module:Prior': SystemExit" in (
        checked
    )
    assert "prior half of odd 1.0 cannot be loaded" in checked
    behind = "is not keyword-only; its author must put it behind the \\*"
    wrong = {**settings, "prior": "positional:scale=2"}
    with pytest.raises(
        ConfigError, match=f"option 'scale' of prior positional of odd 1.0 {behind}"
    ):
        unweave.train("toy-vae", out=tmp_path / "run", **wrong)
    with pytest.raises(ConfigError, match=f"option 'beta' of method positional-method.*{behind}"):
        unweave.train("positional-method", out=tmp_path / "run", beta=2, **settings)
    for name, words in {"unresolved": "NameError", "leaving": "SystemExit: 7"}.items():
        with pytest.raises(ConfigError, match=f"prior {name} of odd 1.0 .*{words}"):
            unweave.train("toy-vae", out=tmp_path / "run", **{**settings, "prior": name})


def test_a_plugin_that_is_not_installed_is_named(tmp_path, settings, monkeypatch):
    with pytest.raises(UnknownNameError, match="install unweave-logistic, or name it in UNWEAVE_P"):
        unweave.train("toy-vae", **{**settings, "prior": "unweave-logistic:logistic"})
    with pytest.raises(UnknownNameError, match="install unweave-logistic$"):
        Registry().lookup("prior", "unweave-logistic:logistic")
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    text = run.config_path.read_text()
    run.config_path.write_text(text.replace('"toy:toy-normal"', '"unweave-logistic:logistic"'))
    with pytest.raises(UnknownNameError, match="comes from a plugin that is not installed"):
        unweave.Run.open(run.path)


def test_listings_are_not_cut(tmp_path, monkeypatch, call):
    names = [f"a-prior-with-a-rather-long-name-{n}" for n in range(30)]
    discover(tmp_path, monkeypatch, long=hooks({"prior": names}).removeprefix(HEAD))
    monkeypatch.setenv("COLUMNS", "80")
    listed = call("plugins")
    assert all(name in listed for name in names)
    assert "…" not in listed
    assert "did you mean" not in listed


def test_a_command_that_is_no_function_breaks_no_command(tmp_path, monkeypatch, call):
    body = "@hookimpl\ndef unweave_commands(app):\n    app.command()(3)\n"
    discover(tmp_path, monkeypatch, number=body)
    said = call("methods")
    assert "toy-vae" in said
    assert "a command of number 1.0 is left out" in said


def test_help_of_a_new_process_does_not_wait_for_torch():
    code = "import sys, unweave.commands; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
