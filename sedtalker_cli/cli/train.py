"""`sedtalker train`: how the shipped weights were made; one module a model."""

import typer

from sedtalker_cli.cli.panels import PanelCommand
from sedtalker_cli.cli.train_animator import EXAMPLES as ANIMATOR_EXAMPLES
from sedtalker_cli.cli.train_animator import animator
from sedtalker_cli.cli.train_diarizer import EXAMPLES as DIARIZER_EXAMPLES
from sedtalker_cli.cli.train_diarizer import diarizer
from sedtalker_cli.cli.train_make_dataset import EXAMPLES as DATASET_EXAMPLES
from sedtalker_cli.cli.train_make_dataset import make_dataset
from sedtalker_cli.cli.train_splits import EXAMPLES as SPLITS_EXAMPLES
from sedtalker_cli.cli.train_splits import splits

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train the models.")
app.command(cls=PanelCommand, epilog=DIARIZER_EXAMPLES)(diarizer)
app.command(cls=PanelCommand, epilog=ANIMATOR_EXAMPLES)(animator)
app.command(cls=PanelCommand, epilog=SPLITS_EXAMPLES)(splits)
app.command("make-dataset", cls=PanelCommand, epilog=DATASET_EXAMPLES)(make_dataset)
