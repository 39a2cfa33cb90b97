"""The Typer application: global options and the list of commands."""

from typing import Annotated

import typer

from sedtalker_cli.cli import evaluate, train
from sedtalker_cli.cli.animate import EXAMPLES as ANIMATE_EXAMPLES
from sedtalker_cli.cli.animate import animate
from sedtalker_cli.cli.diarize import EXAMPLES as DIARIZE_EXAMPLES
from sedtalker_cli.cli.diarize import diarize
from sedtalker_cli.cli.doctor import EXAMPLES as DOCTOR_EXAMPLES
from sedtalker_cli.cli.doctor import doctor
from sedtalker_cli.cli.merge import EXAMPLES as MERGE_EXAMPLES
from sedtalker_cli.cli.merge import merge
from sedtalker_cli.cli.options import CONTEXT
from sedtalker_cli.cli.panels import PanelCommand
from sedtalker_cli.cli.render import EXAMPLES as RENDER_EXAMPLES
from sedtalker_cli.cli.render import render
from sedtalker_cli.version import __version__

EXIT_STATUS = """\b
Exit status: 0 all inputs done; 1 at least one input failed, the others are complete;
2 wrong usage; 130 interrupted."""

# Plain help with panels of our own: loading rich for it would double the time that --help takes.
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
    epilog=EXIT_STATUS,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sedtalker {__version__}")
        raise typer.Exit


@app.callback()
def sedtalker(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Speech in; an emotion timeline and a speaking 3D face out."""


app.command(cls=PanelCommand, epilog=DIARIZE_EXAMPLES)(diarize)
app.command(cls=PanelCommand, epilog=ANIMATE_EXAMPLES)(animate)
app.command(cls=PanelCommand, epilog=RENDER_EXAMPLES)(render)
app.command(cls=PanelCommand, epilog=MERGE_EXAMPLES)(merge)
app.command(cls=PanelCommand, epilog=DOCTOR_EXAMPLES)(doctor)
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="evaluate")
