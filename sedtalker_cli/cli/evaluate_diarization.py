"""`sedtalker evaluate diarization`: options of the scoring."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session

EXAMPLES = """\b
Example:
  sedtalker evaluate diarization --out report/"""


def diarization(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the report.")],
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Score emotion diarization."""
    with session(quiet, False, debug):
        from sedtalker_cli.metrics.evaluate_diarization import evaluate_diarization

        evaluate_diarization(out=out)
