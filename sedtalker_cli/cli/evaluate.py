"""`sedtalker evaluate`: measures with named definitions; one module a task."""

import typer

from sedtalker_cli.cli.evaluate_animation import EXAMPLES as ANIMATION_EXAMPLES
from sedtalker_cli.cli.evaluate_animation import animation
from sedtalker_cli.cli.evaluate_diarization import EXAMPLES as DIARIZATION_EXAMPLES
from sedtalker_cli.cli.evaluate_diarization import diarization
from sedtalker_cli.cli.evaluate_expression import EXAMPLES as EXPRESSION_EXAMPLES
from sedtalker_cli.cli.evaluate_expression import expression
from sedtalker_cli.cli.evaluate_lipsync import EXAMPLES as LIPSYNC_EXAMPLES
from sedtalker_cli.cli.evaluate_lipsync import lipsync
from sedtalker_cli.cli.panels import PanelCommand

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Score models and their outputs.")
app.command(cls=PanelCommand, epilog=DIARIZATION_EXAMPLES)(diarization)
app.command(cls=PanelCommand, epilog=LIPSYNC_EXAMPLES)(lipsync)
app.command(cls=PanelCommand, epilog=ANIMATION_EXAMPLES)(animation)
app.command(cls=PanelCommand, epilog=EXPRESSION_EXAMPLES)(expression)
