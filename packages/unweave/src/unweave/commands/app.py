"""The application, and the options that commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from typer.core import TyperGroup

from unweave.errors import unknown_name


class Commands(TyperGroup):
    """The commands, and those that plugins add."""

    def __init__(self, *args: Any, **extra: Any) -> None:
        super().__init__(*args, **extra)
        for command in self.commands.values():
            for parameter in command.params:
                _show_list(parameter)

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the arguments, as `invoke` runs what they say."""
        with _aborting():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; typer itself ends one that is interrupted without a word."""
        with _aborting():
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find a command; an unknown one names the known, the closest first."""
        name = args[0]
        # A shell that completes a word asks for commands that are not typed to their end.
        is_known = ctx.resilient_parsing or self.get_command(ctx, name) is not None
        if not is_known and not name.startswith("-"):
            raise unknown_name("command", name, self.list_commands(ctx))
        return super().resolve_command(ctx, args)


def _show_list(parameter: Any) -> None:
    """Show the type of an argument that repeats as `<path>...`; typer shows `<list[Path]>`."""
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    if parameter.param_type_name == "argument" and get_origin(annotation) is list:
        (one,) = get_args(annotation)
        parameter.display_type = lambda ctx: f"<{one.__name__.lower()}>..."


@contextmanager
def _aborting() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Abort from None


def completed(kind: str) -> Any:
    """Return what completes the registered names of a kind in a shell."""

    def names(incomplete: str) -> list[str]:
        from unweave.registry import registry

        return [name for name in registry().choices(kind) if name.startswith(incomplete)]

    return names


RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="a run directory")]
Rows = Annotated[int, typer.Option(min=1, help="number of images to encode")]
Data = Annotated[
    str,
    typer.Option(
        help="train: training images; holdout: held-out images; or a data set, such as "
        "noisy-dsprites:resolution=16"
    ),
]
Device = Annotated[str, typer.Option(help="where to compute: auto, cpu, cuda or cuda:N")]
Seed = Annotated[int, typer.Option(min=0, help="seed of every random draw")]


def make_app() -> typer.Typer:
    """Return the application, without a command as yet."""
    app = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Learn disentangled representations with (Wasserstein) autoencoders, and judge them.",
    )
    app.callback()(_options)
    return app


def _options(
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=lambda value: _say_version(value),
            help="show the version of unweave",
        ),
    ] = False,
) -> None:  # fmt: skip
    """Hold the options of every command; `main` reads --debug itself."""


def _say_version(value: bool) -> None:
    if value:
        from unweave import __version__

        print(f"unweave {__version__}")
        raise typer.Exit
