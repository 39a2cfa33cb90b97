"""`sedtalker train animator`: options of a training run."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import say, session

EXAMPLES = """\b
Example:
  sedtalker train animator --out runs/animator"""


def animator(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the run.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")] = 0,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Train the animator on captured and generated motion."""
    with session(quiet, False, debug):
        from sedtalker_cli.training.animator import AnimatorTraining, train_animator

        train_animator(AnimatorTraining(out=out, seed=seed), log=(lambda line: None) if quiet else say)
