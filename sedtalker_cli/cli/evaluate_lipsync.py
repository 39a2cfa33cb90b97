"""`sedtalker evaluate lipsync`: options of the scoring."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session

EXAMPLES = """\b
Example:
  sedtalker evaluate lipsync --out report/"""


def lipsync(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the report.")],
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Score mouth motion against captured motion."""
    with session(quiet, False, debug):
        from sedtalker_cli.metrics.evaluate_lipsync import evaluate_lipsync

        evaluate_lipsync(out=out)
