"""`sedtalker evaluate lipsync`: an animator, or motions that it wrote, against captured motion."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.reports import leave_report
from sedtalker_cli.cli.stages import stage_bar

EXAMPLES = """\b
Without --predictions: scores the animator on a split of captured recordings, next to a loudness
envelope and a ridge regression learned from the training split, and its expressions: the same
words in all emotions, the same emotion over other words, rising intensity, action units against
those of actors. voices=PATH, repeatable: clips of many speakers that nothing is trained on, their
medians over recordings and quartiles over speakers.
With --predictions: scores NAME.weights.npy (with NAME.json, as animate writes them, at any frame
rate) against the captures called NAME; no model takes part. Animate with --idle off, or breath
and blinks count.
Tables go to standard output, all numbers to OUT/report.json, all tables to OUT/report.html.

\b
Examples:
  sedtalker evaluate lipsync --capture grid=PATH --capture voices=PATH
  sedtalker evaluate lipsync --capture grid=PATH --predictions results/"""


def lipsync(
    capture: Annotated[
        list[str], typer.Option(metavar="SOURCE=PATH", help="Captured motion: grid=PATH, facegood=PATH or voices=PATH.")
    ],
    predictions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of motions to score, with its subfolders.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of report.json and report.html.")
    ] = Path("report"),
    split: Annotated[str, typer.Option(metavar="train|val|test", help="Part to score.")] = "test",
    encoder: opt.Encoder = None,
    animator: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Animator checkpoint instead of the bundled one.")
    ] = None,
    device: opt.DeviceOption = opt.Device.auto,
    overwrite: opt.OverwriteReport = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Score mouth motion against captured motion, and what emotions do to it."""
    with session(quiet, as_json, debug):
        from sedtalker_cli.evaluation.lipsync.pages import expression_tables, lipsync_page, mouth_tables
        from sedtalker_cli.evaluation.lipsync.request import LipsyncRequest
        from sedtalker_cli.evaluation.report.folder import check_report_folder

        request = LipsyncRequest(capture, split, predictions, encoder, animator, device.value)
        check_report_folder(out, overwrite)
        with stage_bar(quiet) as (_, progress):
            report, facts = request.evaluate(progress)
        content = {"facts": facts, **report.to_dict()}
        page, tables = lipsync_page(report, facts), [*mouth_tables(report), *expression_tables(report)]
        leave_report(out, content, page, tables, report.notes, as_json, quiet)
