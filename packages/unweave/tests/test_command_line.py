"""The command line as a whole: how it is started, completed, and extended by plugins."""

import os
import subprocess
import sys

import pytest
from conftest import write_distribution

import unweave
from unweave.registry import registry

pytestmark = pytest.mark.filterwarnings("always::unweave.errors.PluginWarning")
HEAD = 'import pluggy\nUNWEAVE_API = 1\nhookimpl = pluggy.HookimplMarker("unweave")\n'


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """Lay plugins with commands: name of the distribution -> body of the hook."""

    def lay(**bodies):
        monkeypatch.syspath_prepend(tmp_path)
        for name, body in bodies.items():
            hook = f"@hookimpl\ndef unweave_commands(app):\n{body}"
            write_distribution(tmp_path, name, HEAD + "import typer\n" + hook)
        monkeypatch.setenv("UNWEAVE_PLUGINS", ",".join(bodies))
        registry.cache_clear()

    return lay


def command(name, text):
    return f"    @app.command({name!r})\n    def anything():\n        print({text!r})\n"


def test_it_starts_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "unweave", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"unweave {unweave.__version__}\n"


STARTED = """
import os, sys
from unweave.commands import main
assert "torch" not in sys.modules
try:
    main(["plugins"])
except SystemExit:
    assert not {"torch", "sklearn", "matplotlib", "scipy", "numba"} & set(sys.modules)
    print(os.environ.get("GOMP_SPINCOUNT"))
"""


@pytest.mark.parametrize(
    ("said", "count"),
    [({}, "2000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_threads_sleep_soon_unless_the_user_says_otherwise(said, count):
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", STARTED], env=environment | {"UNWEAVE_PLUGINS": "unweave"} | said,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == count


def test_commands_that_draw_nothing_import_no_matplotlib():
    code = "import sys, unweave.commands.codes; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("arguments", [["-h"], ["--help"]])
def test_help_has_a_short_spelling(call, arguments):
    assert "Usage: unweave [OPTIONS] COMMAND" in call(*arguments)
    assert "Usage: unweave traverse [OPTIONS]" in call("traverse", *arguments)


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [
        ("unweave tra", {"train", "traverse"}),
        ("unweave train toy-v", {"toy-vae"}),
        ("unweave train toy-vae --data toy-i", {"toy-images"}),
        ("unweave methods toy-g", {"toy-gan"}),
        ("unweave --ver", {"--version"}),
    ],
)
def test_a_shell_completes_words(typed, proposed):
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "unweave"],
        env={**os.environ, **words, "_UNWEAVE_COMPLETE": "complete_bash"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) == proposed
    assert done.stderr == ""


def test_completion_is_not_disturbed_by_a_broken_plugin(plugins):
    plugins(broken="    raise OSError('no')\n")
    done = subprocess.run(
        [sys.executable, "-m", "unweave"],
        env={
            **os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COMP_WORDS": "unweave repo",
            "COMP_CWORD": "1", "_UNWEAVE_COMPLETE": "complete_bash",
        },
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["report"]
    assert done.stderr == ""


def test_a_plugin_cannot_replace_a_command(plugins, call):
    plugins(impostor=command("methods", "replaced") + command("extra", "added"))
    sentence = "warning: command 'methods' of impostor 1.0 is left out: unweave has it too\n"
    text = call("methods")
    assert "replaced" not in text
    assert text.endswith(sentence)
    assert call("extra") == "added\n" + sentence


def test_a_plugin_cannot_replace_a_command_by_a_group_or_the_options(plugins, call):
    group = "    group = typer.Typer()\n" + command("a", "sub").replace("@app", "@group")
    named = group + "    app.add_typer(group, name='fit-density')\n"
    callback = "    @app.callback()\n    def nothing():\n        print('called back')\n"
    plugins(grouped=named, options=callback)
    text = call("--debug", "methods", "vae", code=2)
    assert "command 'fit-density' of grouped 1.0 is left out: unweave has it too" in text
    assert "called back" not in text
    assert "Traceback" in text


def test_a_group_of_commands_is_added(plugins, call):
    group = "    group = typer.Typer()\n    @group.callback()\n    def both():\n        pass\n"
    group += command("a", "sub").replace("@app", "@group")
    plugins(menu=group + "    app.add_typer(group, name='more')\n")
    assert call("more", "a") == "sub\n"


def test_of_two_plugins_with_one_command_the_second_is_left_out(plugins, call):
    plugins(first=command("greet", "1"), second=command("greet", "2"))
    text = call("greet")
    assert text[:2] in ("1\n", "2\n")
    kept, other = ("first", "second") if text[0] == "1" else ("second", "first")
    assert f"command 'greet' of {other} 1.0 is left out: {kept} 1.0 has it too" in text


def test_a_command_that_cannot_be_built_costs_nobody_else_anything(plugins, call):
    plugins(bad="    @app.command()\n    def odd(x: int | str):\n        pass\n")
    text = call("--help")
    assert "Usage: unweave" in text
    assert "warning: a command of bad 1.0 is left out: AssertionError: Typer currently" in text


def test_progress_goes_to_a_file_as_well(tmp_path, monkeypatch, call):
    monkeypatch.setenv("UNWEAVE_PLUGINS", "unweave,toy")
    registry.cache_clear()
    log = tmp_path / "log.txt"
    settings = ["prior=toy-normal", "dim=4", "architecture=mlp:widths=8", "log_every=5"]
    for number in range(2):  # a second run adds to the file
        call(
            "train", "toy-vae", "--data", "toy-images", "--steps", "10", "--device", "cpu",
            "--out", tmp_path / str(number), "--log", log, "-q",
            *(text for setting in settings for text in ("--set", setting)),
        )  # fmt: skip
    lines = log.read_text().splitlines()
    assert sum("training from step 0 to 10" in line for line in lines) == 2
    assert sum("step 10 of 10: loss " in line for line in lines) == 2
    wrong = call("train", "toy-vae", "--data", "toy-images", "--log", tmp_path / "no/log", code=2)
    assert "cannot be written: No such file or directory" in wrong


@pytest.mark.parametrize(
    ("command", "usage", "row"),
    [("report", "{RUN}...", "RUN <path>..."),
     ("compare", "{EXPERIMENT|RUN}...", "EXPERIMENT|RUN <path>...")],
)  # fmt: skip
def test_an_argument_that_repeats_is_not_shown_as_a_type_of_python(call, command, usage, row):
    said = call(command, "--help")
    assert f"[OPTIONS] {usage}\n" in said
    assert f"  {row}  " in said
    assert "list[" not in said
