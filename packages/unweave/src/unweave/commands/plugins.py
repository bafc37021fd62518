"""`unweave plugins`, and the commands that plugins add."""

from __future__ import annotations

import warnings
from typing import Annotated

import typer
from typer.main import get_command_name, get_group
from typer.models import CommandInfo, TyperInfo

from unweave.errors import PluginWarning, describe
from unweave.registry import registry

Info = CommandInfo | TyperInfo


def plugins(
    check: Annotated[
        bool, typer.Option("--check", help="import every registered object and check its options")
    ] = False,
) -> None:
    """List installed plugins: their status and the names they register."""
    from unweave.commands.lists import check_plugins, list_plugins

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)  # the table says it
        print(list_plugins())
        problems = check_plugins() if check else []
    for problem in problems:
        print(problem)
    if problems:
        raise typer.Exit(1)


def add_plugin_commands(app: typer.Typer) -> None:
    """Add the commands of plugins; one whose name is taken is left out with a warning."""
    owners = dict.fromkeys(map(_name_of_own, app.registered_commands), "unweave")
    for owner, theirs in registry().add_commands(typer.Typer):
        added: list[Info] = [*theirs.registered_commands, *theirs.registered_groups]
        for info in added:
            try:
                names = _names_of(info)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                _warn(f"a command of {owner} is left out: {describe(error)}")
                continue
            both = sorted(names & owners.keys())
            if both:
                _warn(f"command {both[0]!r} of {owner} is left out: {owners[both[0]]} has it too")
                continue
            owners |= dict.fromkeys(names, owner)
            _keep(app, info)


def _name_of_own(info: CommandInfo) -> str:
    return get_command_name(getattr(info.callback, "__name__", ""))


def _warn(message: str) -> None:
    warnings.warn(message, PluginWarning, stacklevel=3)


def _keep(app: typer.Typer, info: Info) -> None:
    if isinstance(info, CommandInfo):
        app.registered_commands.append(info)
    else:
        app.registered_groups.append(info)


def _names_of(info: Info) -> set[str]:
    """Return what users would type; raises what typer raises of a command it cannot build."""
    alone = typer.Typer()
    _keep(alone, info)
    return set(get_group(alone).commands)
