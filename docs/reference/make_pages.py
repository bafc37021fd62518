"""Write the pages of this folder, and the table of docs/hooks.md, from the code; --check compares.

python docs/reference/make_pages.py
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from unweave import hookspecs
from unweave.commands.app import make_app
from unweave.commands.entry import COMMANDS
from unweave.train_config import FIELDS, TrainConfig

DOCS = Path(__file__).parent.parent
MARK = "<!-- Made by docs/reference/make_pages.py from the code; change the code. -->"
MARKED = re.compile(r"(<!-- table of the hooks[^>]*-->\n).*?(<!-- end -->)", re.DOTALL)
HIDDEN = ("help", "install_completion", "show_completion")


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Write a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in escaped)


def commands_page() -> str:
    """Write a section for each command of `unweave` and of `unweave-metrics`."""
    app = make_app()
    for command in COMMANDS:
        app.command()(command)
    group: Any = typer.main.get_command(app)
    parts = [MARK, "# Commands", INTRODUCTION]
    for name, command in group.commands.items():
        parts += [f"## unweave {name}", re.sub(r"\n\s*", " ", command.help).replace(". ", ".\n")]
        parts += [table(["argument or option", "meaning", "default"], rows(command))]
    parts += list(metrics_sections())
    return "\n\n".join(parts) + "\n"


INTRODUCTION = """`unweave COMMAND --help` prints the same.
`unweave --install-completion` makes the shell complete commands, options and registered names.
A mistake of the user gives one sentence and exit code 2.
`--debug` before the command shows the traceback.
A command that is stopped by Ctrl-C ends with exit code 130 and keeps its results so far.
Plugins may add commands: see the page of [the hook](../hooks/commands.md)."""


def rows(command: Any) -> list[list[str]]:
    """List the arguments and options of a command of typer, as its help has them."""
    context = command.make_context(command.name, [], resilient_parsing=True)
    lines = []
    for parameter in command.params:
        if parameter.name not in HIDDEN:
            spelling, text = parameter.get_help_record(context)
            meaning, _, default = " ".join(text.split()).partition(" [default: ")
            default = default.partition(";")[0].rstrip("]")
            meaning = meaning.replace(" [required]", "; required")
            lines.append([f"`{spelling}`", meaning, f"`{default}`" if default else ""])
    return lines


def metrics_sections() -> Iterator[str]:
    """Write a section for each command of `unweave-metrics`."""
    from unweave_metrics.cli import parser

    (commands,) = [
        action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
    ]
    said = {action.dest: action.help or "" for action in commands._choices_actions}
    for name, command in commands.choices.items():
        yield f"## unweave-metrics {name}"
        yield said[name][0].upper() + said[name][1:] + "."
        listed = []
        for action in command._actions:
            if action.dest == "help":
                continue
            spelling = ", ".join(action.option_strings) or str(action.metavar or action.dest)
            default = f"`{action.default}`" if isinstance(action.default, str | int) else ""
            cell = default if not isinstance(action.default, bool) else ""
            listed.append([f"`{spelling}`", (action.help or "").replace("%%", "%"), cell])
        yield table(["argument or option", "meaning", "default"], listed)


def settings_page() -> str:
    """Write a row for each setting of a run, and the options of each method."""
    meanings = attributes(inspect.getdoc(TrainConfig) or "")
    settings = []
    for name in FIELDS:
        field = TrainConfig.model_fields[name]
        default = "" if field.is_required() else shown_default(field.default)
        settings.append([f"`{name}`", default, meanings[name]])
    parts = [MARK, "# Settings", SETTINGS, table(["setting", "default", "meaning"], settings)]
    return "\n\n".join(parts) + "\n"


SETTINGS = """A setting is given as `--set KEY=VALUE` on the command line, as a keyword of
`unweave.train` in Python, and as a line of `config.toml`.
A registered object is written as `NAME` or `NAME:key=value,key=value`.
Each method has its own options, which are set in the same way: see the table of
[methods](../methods.md) or `unweave methods NAME`."""


def shown_default(value: Any) -> str:
    """Write a default as it is typed; one that the method decides has no name."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    name = getattr(value, "name", getattr(value, "mode", value))
    return f"`{name}`" if name != "" else ""


def attributes(docstring: str) -> dict[str, str]:
    """Read the section `Attributes` of a docstring: name to text, on one line."""
    _, _, section = docstring.partition("Attributes\n----------\n")
    texts: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if line and not line.startswith(" "):
            name = line.partition(" :")[0]
            texts[name] = ""
        elif line.strip():
            texts[name] = f"{texts[name]} {line.strip()}".strip()
    return texts


def hooks_page() -> str:
    """Give docs/hooks.md with a row for each hook: how its object is called, and its page."""
    listed = []
    for name, hook in vars(hookspecs).items():
        if not name.startswith("unweave_"):
            continue
        parameters = ", ".join(inspect.signature(hook).parameters)
        spelling = name if not parameters else f"{name}({parameters})"
        observer = name.startswith("unweave_run_")
        page = "observers" if observer else name.removeprefix("unweave_")
        first, _, call = (inspect.getdoc(hook) or "").partition(": `")
        call = call.partition("`")[0]
        called = f"`{call}`" if call.endswith(")") else ""
        listed.append([f"[`{spelling}`](hooks/{page}.md)", first.rstrip(".:"), called])
    text = table(["hook", "what it does", "the object is called as"], listed)
    page_text = (DOCS / "hooks.md").read_text()
    return MARKED.sub(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", page_text)


PAGES = {
    "reference/commands.md": commands_page,
    "reference/settings.md": settings_page,
    "hooks.md": hooks_page,
}


def main() -> None:
    """Write the pages, or exit with the names of those that differ."""
    stale = []
    for name, make in PAGES.items():
        path, text = DOCS / name, make()
        if path.exists() and path.read_text() == text:
            continue
        if "--check" in sys.argv:
            stale.append(name)
        else:
            path.write_text(text)
    if stale:
        sys.exit(f"stale: {', '.join(stale)}; run python docs/reference/make_pages.py")


if __name__ == "__main__":
    main()
