"""`unweave plugins`, and the commands that plugins add."""

from __future__ import annotations

import importlib.metadata
import warnings
from typing import Annotated, Any

import typer
from typer.main import get_command_name, get_group
from typer.models import CommandInfo, TyperInfo

from unweave.errors import PluginWarning
from unweave.registry import registry

Info = CommandInfo | TyperInfo


def plugins(
    check: Annotated[
        bool, typer.Option("--check", help="import every target and look at its options")
    ] = False,
) -> None:
    """List installed plugins: status, reason, milliseconds, names."""
    from unweave.commands.listing import check_plugins, list_plugins

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
    # Plugins get an application of their own, so that none can change what is there.
    theirs = typer.Typer()
    registry().add_commands(theirs)
    owners = dict.fromkeys(map(_name_of_own, app.registered_commands), "unweave")
    added: list[Info] = [*theirs.registered_commands, *theirs.registered_groups]
    for info in added:
        owner = _owner_of(info)
        try:
            names = _names_of(info)
        except Exception as error:
            _warn(f"a command of {owner} is left out: {error}")
            continue
        taken = sorted(names & owners.keys())
        if taken:
            _warn(f"command {taken[0]!r} of {owner} is left out: {owners[taken[0]]} has it too")
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


def _owner_of(info: Info) -> str:
    """Name the distribution that a command is from by its hook file or package, else its module."""
    callback: Any = info.callback
    if isinstance(info, TyperInfo) and info.typer_instance is not None:
        callback = next((c.callback for c in info.typer_instance.registered_commands), None)
    module = getattr(callback, "__module__", "a plugin")
    for plugin in registry().plugins:
        name = f"{plugin.distribution} {plugin.version}"
        if module.partition(".")[0] == plugin.distribution.replace("-", "_"):
            return name
        if plugin.status == "ok" and module in _hook_files(plugin.distribution):
            return name
    return str(module)


def _hook_files(distribution: str) -> set[str]:
    points = importlib.metadata.distribution(distribution).entry_points
    return {point.module for point in points.select(group="unweave")}
