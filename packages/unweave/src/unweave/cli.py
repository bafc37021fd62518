"""The command line. What imports torch is imported inside the commands that need it."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from unweave.errors import ConfigError, PluginWarning, UnweaveError, unknown_name

if TYPE_CHECKING:
    from unweave.run import Run

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


class Commands(TyperGroup):
    """The commands, and those that plugins add."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find a command; an unknown one names the known, the closest first."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            raise unknown_name("command", name, self.list_commands(ctx))
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Learn disentangled representations with (Wasserstein) autoencoders, and judge them.",
)

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="a run directory")]
Rows = Annotated[int, typer.Option(min=1, help="images that are encoded")]
Seed = Annotated[int, typer.Option(min=0, help="seed of everything that is drawn")]


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error")] = False,
) -> None:
    """Hold the options of every command; `main` reads --debug itself."""


@app.command()
def train(
    method: Annotated[str | None, typer.Argument(help="see `unweave methods`")] = None,
    data: Annotated[
        str | None, typer.Option(help="NAME or NAME:key=value,...; see `unweave data`")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="any other setting")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="settings as TOML")] = None,
    out: Annotated[Path | None, typer.Option(help="the run directory, new or empty")] = None,
    seed: Annotated[str | None, typer.Option(metavar="N")] = None,
    steps: Annotated[str | None, typer.Option(metavar="N")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")] = "auto",
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="continue a run that was stopped")
    ] = None,
) -> None:
    """Train a method on a data set into a run directory."""
    from unweave.config import parse_settings, read_settings

    given = {"data": data, "seed": seed, "steps": steps, "method": method}
    settings: dict[str, Any] = read_settings(config) if config else {}
    settings |= parse_settings(setting or [])
    settings |= {key: value for key, value in given.items() if value is not None}
    if resume is not None:
        if settings or out:
            raise ConfigError("--resume continues a run as it was; give it no other setting")
        _finish(_resume(resume, device))
        return
    if "method" not in settings:
        raise ConfigError("name a method, like `unweave train tcwae-mws`; `unweave methods` lists")
    from unweave.api import train as run_training
    from unweave.progress import TrainingProgress

    _finish(run_training(**settings, out=out, device=device, progress=TrainingProgress()))


def _resume(path: Path, device: str) -> Run:
    from unweave.api import resume_training
    from unweave.progress import TrainingProgress

    return resume_training(path, device=device, progress=TrainingProgress())


def _finish(run: Run) -> None:
    if run.outcome == "stopped":
        print(f"stopped; continue with: unweave train --resume {run.path}", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED)
    print(run.path)


@app.command()
def evaluate(
    run: RunPath,
    metrics: Annotated[
        str | None, typer.Option(help="registered names, separated by spaces")
    ] = None,
    rows: Rows = 50_000,
    seed: Seed = 0,
) -> None:
    """Encode a sample of the data into codes.h5 and score it into scores.json."""
    from unweave.evaluate import evaluate as run_evaluation
    from unweave.progress import counting
    from unweave.run import Run

    opened = Run.open(run)
    with counting("encoding", "images") as progress:
        chosen = None if metrics is None else tuple(metrics.split())
        scores = run_evaluation(opened, chosen, rows=rows, seed=seed, progress=progress)
    _print_table(("score", "value"), [(name, f"{float(v):.4g}") for name, v in scores.items()])
    print(opened.codes_path)


@app.command()
def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="run directories; several are compared")
    ],
    seed: Seed = 0,
    embed: Annotated[
        str | None, typer.Option(help="codes in a plane as well: tsne or umap")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="the page of several runs; comparison.html beside them")
    ] = None,
) -> None:
    """Draw figures and write report.html, one self-contained page; or compare several runs."""
    from unweave.report import write_comparison, write_report
    from unweave.run import Run

    opened = [Run.open(run) for run in runs]
    if len(opened) > 1:
        print(write_comparison(opened, seed, out=out))
    else:
        print(write_report(opened[0], seed, embed=embed))


@app.command()
def figures(
    run: RunPath,
    seed: Seed = 0,
    format: Annotated[str, typer.Option(help="png, pdf or svg")] = "png",
) -> None:
    """Draw the static figures of a run into its folder `figures`."""
    from unweave.report import write_figures
    from unweave.run import Run

    for path in write_figures(Run.open(run), seed, format=format):
        print(path)


@app.command()
def encode(
    run: RunPath,
    out: Annotated[Path, typer.Option(help="an .npz or .h5 file")],
    data: Annotated[str | None, typer.Option(help="another data set than the run's")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="all unless given")] = None,
    seed: Seed = 0,
) -> None:
    """Encode images into a table of posterior means, with factors where known."""
    from unweave.exports import encode_to_file

    print(encode_to_file(run, out, data, rows, seed))


@app.command("fit-density")
def fit_density(
    run: RunPath,
    flow: Annotated[str, typer.Option(help="NAME or NAME:key=value,...; as maf:epochs=20")] = "maf",
    rows: Annotated[int | None, typer.Option(min=1, help="all unless given")] = None,
    seed: Seed = 0,
) -> None:
    """Fit a flow or another density to the codes; samples and the report then use it."""
    from unweave.exports import fit_density_of

    path, distances = fit_density_of(run, flow, rows, seed)
    if distances:
        _print_table(("samples of the", "MMD² from the codes"), distances)
    print(path)


@app.command()
def sample(
    run: RunPath,
    n: Annotated[int, typer.Option(min=1, help="how many")] = 64,
    out: Annotated[Path | None, typer.Option(help="a .png, or .npz for the arrays")] = None,
    seed: Seed = 0,
    source: Annotated[
        str | None, typer.Option("--from", help="prior or density; the density if fitted")
    ] = None,
) -> None:
    """Draw codes from the fitted density, or the prior, and picture them."""
    from unweave.exports import sample_to_file

    print(sample_to_file(run, out, n, seed, source))


@app.command()
def traverse(
    run: RunPath,
    image: Annotated[int, typer.Option(min=0, help="index of an image of the data set")] = 0,
    steps: Annotated[int, typer.Option(min=2, help="pictures in a row")] = 10,
    out: Annotated[Path | None, typer.Option(help="a .png, or .npz for the arrays")] = None,
) -> None:
    """Vary one code dimension at a time and picture it."""
    from unweave.exports import traverse_to_file

    print(traverse_to_file(run, out, image, steps))


@app.command()
def fid(
    run: RunPath,
    data: Annotated[
        str | None, typer.Option(help="images to compare with, as the test set; the run's data")
    ] = None,
    images: Annotated[int, typer.Option(min=2, help="on each side")] = 2000,
    network: Annotated[str, typer.Option(help="efficientnet-lite0 or inception")] = (
        "efficientnet-lite0"
    ),
    seed: Seed = 0,
) -> None:
    """Compare samples with images by the Fréchet distance of a carried network's features."""
    from unweave.exports import frechet_distances_of

    _print_table(("samples", "distance"), frechet_distances_of(run, data, images, network, seed))


@app.command()
def reproduce(
    name: Annotated[
        str | None, typer.Argument(help="a recipe, or a .toml file of one; all are listed without")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="the folder; one that was begun is continued")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="changes every run")
    ] = None,
    executor: Annotated[
        str, typer.Option(help="NAME or NAME:key=value,...; as processes:workers=2")
    ] = "processes",
) -> None:
    """Repeat an experiment of a paper: train, measure, compare with what was published, draw."""
    from unweave.reproduce.command import list_recipes, reproduce_in

    print(list_recipes() if name is None else reproduce_in(name, out, setting or [], executor))


@app.command()
def plugins(
    check: Annotated[
        bool, typer.Option("--check", help="import every target and look at its options")
    ] = False,
) -> None:
    """List installed plugins: status, reason, milliseconds, names."""
    from unweave.listing import check_plugins, list_plugins

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)  # the table says it
        print(list_plugins())
        problems = check_plugins() if check else []
    for problem in problems:
        print(problem)
    if problems:
        raise typer.Exit(1)


@app.command()
def methods(name: Annotated[str | None, typer.Argument()] = None) -> None:
    """List methods, or the options of one."""
    from unweave.listing import list_methods

    print(list_methods(name))


@app.command()
def data(name: Annotated[str | None, typer.Argument()] = None) -> None:
    """List data sets, or open one and describe it."""
    from unweave.listing import list_data

    print(list_data(name))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="the run directory, new or empty")] = Path("runs/demo"),
    steps: Annotated[int | None, typer.Option(min=1, help="for a shorter or longer one")] = None,
) -> None:
    """Train TCWAE-MWS on rendered dSprites, score it, and write its report."""
    from unweave.demo import run_demo

    run_demo(out, steps)


@app.command()
def new_plugin(
    kind: Annotated[str, typer.Argument(help="prior, flow, posterior, estimator, metric ...")],
    name: Annotated[str, typer.Argument(help="what users will type, such as my-prior")],
    out: Annotated[Path | None, typer.Option(help="the folder, new or empty")] = None,
) -> None:
    """Write the package of a new plugin, whose tests pass as it is; docs/hooks says the rest."""
    from unweave.new_plugin import new_plugin as write_package

    print(write_package(kind, name, out))


def _print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from unweave.listing import table

    print(table(header, rows))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line: a user's error is one sentence and exit code 2."""
    given = sys.argv[1:] if arguments is None else arguments
    warnings.showwarning = _show_warning
    try:
        _add_plugin_commands()
        sys.exit(app(given, prog_name="unweave", standalone_mode=False) or 0)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted before anything was kept", given, EXIT_INTERRUPTED)
    except (UnweaveError, ValueError, OSError) as error:
        _fail(str(error), given)
    except Exception as error:
        # Typer carries click inside in newer versions, so its errors are known by their method.
        if not hasattr(error, "format_message"):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            sys.exit(0)
        _fail(_usage_sentence(error), given)


def _add_plugin_commands() -> None:
    from unweave.registry import registry

    registry().add_commands(app)


def _usage_sentence(error: Any) -> str:
    """Say a usage error in one sentence; an unknown option names the known ones."""
    name, context = getattr(error, "option_name", None), getattr(error, "ctx", None)
    if type(error).__name__ == "NoSuchOption" and context is not None:
        options = [text for p in context.command.params for text in p.opts]
        known = [text for text in options if text.startswith("-")]
        return str(unknown_name("option", str(name), known))
    sentence: str = error.format_message()
    return sentence


def _fail(message: str, arguments: list[str], code: int = EXIT_USER_ERROR) -> None:
    if "--debug" in arguments:
        traceback.print_exc()
    print(f"unweave: {message}", file=sys.stderr)
    sys.exit(code)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
