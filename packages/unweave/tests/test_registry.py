"""Discovery, look-up, clashes, and everything that can be wrong with a plugin."""

import subprocess
import sys
import warnings

import pytest
from conftest import write_distribution

from unweave import hookspecs
from unweave.errors import (
    ClashError,
    ConfigError,
    PluginError,
    PluginWarning,
    UnknownNameError,
    unknown_name,
)
from unweave.registry import Registry, registry

HEAD = 'import pluggy\nUNWEAVE_API = 1\nhookimpl = pluggy.HookimplMarker("unweave")\n'


def prior_hook(body: str) -> str:
    return f"{HEAD}@hookimpl\ndef unweave_priors():\n    {body}\n"


BROKEN = {
    "import-error": ("import not_there_at_all\n", "ModuleNotFoundError"),
    "misspelt-hook": (
        f"{HEAD}@hookimpl\ndef unweave_priorz():\n    return {{}}\n",
        "did you mean 'unweave_priors'",
    ),
    "newer-api": (prior_hook("return {}").replace("API = 1", "API = 2"), "upgrade unweave"),
    "older-api": (prior_hook("return {}").replace("API = 1", "API = -1"), "upgrade the plugin"),
    "no-api": (prior_hook("return {}").replace("UNWEAVE_API = 1", ""), "UNWEAVE_API"),
    "wrong-return": (prior_hook("return ['normal']"), "mapping"),
    "wrong-name": (prior_hook("return {'My Prior': 'a:b'}"), "lower case"),
    "wrong-target": (prior_hook("return {'mine': 'a.b'}"), "module:object"),
    "raising-hook": (prior_hook("raise RuntimeError('no luck')"), "no luck"),
    "undecorated": (f"{HEAD}def unweave_priors():\n    return {{}}\n", "@hookimpl"),
    "wrong-arguments": (
        f"{HEAD}@hookimpl\ndef unweave_run_log(run, volume):\n    pass\n",
        "volume",
    ),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def put(name: str, hooks: str, version: str = "1.0") -> None:
        write_distribution(tmp_path, name, hooks, version)

    return put


def quietly(*only: str) -> Registry:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        return Registry(only)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_recorded_and_costs_nobody_else_anything(place, fault):
    hooks, reason = BROKEN[fault]
    place(f"bad-{fault}", hooks)
    with pytest.warns(PluginWarning, match=f"bad-{fault}") as caught:
        found = Registry(("toy", f"bad-{fault}"))
    assert len(caught) == 1
    plugin = next(p for p in found.plugins if p.distribution == f"bad-{fault}")
    assert plugin.status == "broken"
    assert reason in plugin.reason
    assert found.names("prior") == ["toy-attached", "toy-normal", "toy-uniform"]
    with pytest.raises(UnknownNameError, match=f"bad-{fault}"):
        found.lookup("prior", "nothing")


@pytest.mark.parametrize("fault", BROKEN)
def test_strict_plugins_raise(place, monkeypatch, fault):
    place(f"bad-{fault}", BROKEN[fault][0])
    monkeypatch.setenv("UNWEAVE_PLUGINS", f"bad-{fault}")
    monkeypatch.setenv("UNWEAVE_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match=f"bad-{fault}"):
        registry()


def test_one_name_of_two_distributions_is_an_error_at_lookup_only(place):
    place("one", prior_hook("return {'mine': 'toy:ToyNormal', 'alone': 'toy:ToyNormal'}"), "1.2")
    place("two", prior_hook("return {'mine': 'toy:ToyKL'}"), "3.4")
    found = Registry(("one", "two"))
    assert found.names("prior") == ["alone", "one:mine", "two:mine"]
    with pytest.raises(ClashError, match=r"one 1\.2 and two 3\.4; write 'one:mine' or 'two:mine'"):
        found.lookup("prior", "mine")
    assert found.lookup("prior", "one:mine").load().__name__ == "ToyNormal"
    assert found.lookup("prior", "two:mine").load().__name__ == "ToyKL"
    assert found.lookup("prior", "alone").qualified == "one:alone"


def test_two_distributions_with_one_entry_point_name_both_load(place, tmp_path):
    place("first", prior_hook("return {'a': 'toy:ToyNormal'}"))
    place("second", prior_hook("return {'b': 'toy:ToyNormal'}"))
    for name in ("first", "second"):
        points = tmp_path / f"{name}-1.0.dist-info" / "entry_points.txt"
        points.write_text(f"[unweave]\nsame = _hooks_{name}\n")
    assert Registry(("first", "second")).names("prior") == ["a", "b"]


def test_a_second_copy_of_one_distribution_is_shadowed(place, tmp_path, monkeypatch):
    behind = tmp_path / "behind"
    behind.mkdir()
    write_distribution(behind, "twice", prior_hook("return {'old': 'toy:ToyNormal'}"), "0.9")
    place("twice", prior_hook("return {'new': 'toy:ToyNormal'}"))
    monkeypatch.setattr(sys, "path", [*sys.path, str(behind)])
    found = Registry(("twice",))
    assert [(p.distribution, p.version) for p in found.plugins] == [("twice", "1.0")]
    assert found.names("prior") == ["new"]


def test_unknown_names_list_the_closest_first():
    with pytest.raises(UnknownNameError, match="did you mean 'toy-normal'"):
        registry().lookup("prior", "toy-norml")
    with pytest.raises(UnknownNameError, match="Known: toy-vae, "):
        registry().lookup("method", "toy-vea")


@pytest.mark.parametrize("kind", ["dataset", "architecture"])
def test_what_stands_for_an_object_of_python_is_no_choice(kind):
    ours = Registry(("unweave",))
    assert "given" in ours.names(kind)  # a run's configuration says it
    with pytest.raises(UnknownNameError) as caught:
        ours.lookup(kind, "givn")
    assert "given" not in str(caught.value)
    assert ours.choices(kind) == [name for name in ours.names(kind) if name != "given"]


@pytest.mark.parametrize(
    ("listed", "names"), [("", []), ("toy", ["toy"]), ("toy, unweave", ["toy", "unweave"])]
)
def test_only_listed_plugins_are_loaded(monkeypatch, listed, names):
    monkeypatch.setenv("UNWEAVE_PLUGINS", listed)
    assert [plugin.distribution for plugin in registry().plugins] == names


def test_a_listed_plugin_that_is_not_installed_is_reported(monkeypatch):
    monkeypatch.setenv("UNWEAVE_PLUGINS", "toy,ghost")
    with pytest.warns(PluginWarning, match="no such plugin is installed"):
        found = registry()
    assert [p.status for p in found.plugins] == ["ok", "broken"]


def test_a_target_is_imported_only_when_asked_for(place):
    place("lazy", prior_hook("return {'late': 'module_that_is_not_there:Prior'}"))
    found = Registry(("lazy",))
    assert found.plugins[0].status == "ok"
    entry = found.lookup("prior", "late")
    with pytest.raises(ConfigError, match=r"lazy 1\.0 cannot be loaded .* ModuleNotFoundError"):
        entry.load()


def test_a_failing_observer_does_not_stop_anybody(place):
    heard = f"{HEAD}calls = []\n@hookimpl\ndef unweave_run_log(step):\n    calls.append(step)\n"
    place("listener", heard)
    place("screamer", f"{HEAD}@hookimpl\ndef unweave_run_log(run):\n    raise OSError('deaf')\n")
    found = Registry(("listener", "screamer"))
    with pytest.warns(PluginWarning, match="of screamer failed: OSError: deaf; the run continues"):
        found.observe("unweave_run_log", run=None, step=7, scalars={})
    assert sys.modules["_hooks_listener"].calls == [7]


def test_a_package_that_an_observer_lacks_is_said_once(place):
    hooks = "".join(
        f"@hookimpl\ndef {hook}(run):\n    import no_such_package.part\n"
        for hook in ("unweave_run_start", "unweave_run_end")
    )
    place("painter", HEAD + hooks)
    found = Registry(("painter",))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found.observe("unweave_run_start", run=None)
        found.observe("unweave_run_end", run=None, outcome="finished")
    assert [str(warning.message) for warning in caught] == [
        "painter does not observe this run: the package 'no_such_package', which it needs, is not "
        "installed; install it, or uninstall painter"
    ]


def test_a_plugin_that_fails_to_add_commands_is_left_out(place):
    place("commander", f"{HEAD}@hookimpl\ndef unweave_commands(app):\n    app.no_such()\n")
    found = Registry(("commander",))
    with pytest.warns(PluginWarning, match="unweave_commands raised AttributeError"):
        found.add_commands(object)
    assert found.plugins[0].status == "broken"


def test_every_naming_hook_has_a_kind():
    from unweave.registry import KINDS

    naming = {f"unweave_{kind}s" for kind in KINDS}
    others = {"unweave_run_start", "unweave_run_log", "unweave_run_end", "unweave_commands"}
    specified = {name for name in vars(hookspecs) if name.startswith("unweave_")}
    assert specified == naming | others


@pytest.mark.parametrize("command", [["--help"], ["plugins"], ["train", "--help"]])
def test_listing_commands_import_no_torch(command):
    code = (
        "import sys\nfrom unweave.commands import main\n"
        f"try:\n    main({command!r})\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_import_of_the_package_discovers_nothing():
    code = (
        "import sys, unweave\n"
        "assert 'torch' not in sys.modules and 'pluggy' not in sys.modules\n"
        "assert 'unweave.registry' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_known_names_of_any_length_and_number_are_a_sentence():
    said = str(unknown_name("measure", "eror", ["error", "x" * 3000, *map(str, range(5000))]))
    assert said.startswith("unknown measure 'eror'; did you mean 'error'? Known: error, ")
    assert len(said) < 1200
    assert said.endswith(" more")
