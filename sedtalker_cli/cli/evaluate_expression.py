"""`sedtalker evaluate expression`: how the expressions of animated recordings move."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.reports import leave_report
from sedtalker_cli.cli.stages import stage_bar

EXAMPLES = """\b
Animates every recording in all emotions and measures brows, lids, cheeks and nose: mean,
deviation, half-life of the autocorrelation, movement between .5 and 8 Hz, coupling to the energy
of the voice; beside real takes. Further: lip opening and width against neutral, closures, and
sizes of action units beside those of actors.
Tables go to standard output, all numbers to OUT/report.json and OUT/expression.csv, tables to
OUT/report.md and OUT/report.html.

\b
Examples:
  sedtalker evaluate expression examples/
  sedtalker evaluate expression ravdess=PATH emodb=PATH --recursive --limit 7"""


def expression(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]INPUT",
            help="Sound files, folders, patterns or .txt lists; those of one NAME are a set, measured by itself.",
        ),
    ],
    recursive: opt.Recursive = False,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Take N of each set, evenly spaced; 0 takes all.")] = 0,
    intensity: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the emotions.")] = 1.0,
    expression: opt.ExpressionOption = opt.Expression.alive,
    seed: Annotated[int, typer.Option(min=0, help="Of the first recording; each takes the next.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the report.")] = Path("report"),
    encoder: opt.Encoder = None,
    model: opt.Model = None,
    animator: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Animator checkpoint instead of the bundled one.")
    ] = None,
    device: opt.DeviceOption = opt.Device.auto,
    overwrite: opt.OverwriteReport = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Measure how expressions move while somebody speaks, beside real faces."""
    with session(quiet, as_json, debug):
        from sedtalker_cli.evaluation.expression.pages import expression_page, report_tables, write_tables
        from sedtalker_cli.evaluation.expression.request import ExpressionRequest
        from sedtalker_cli.evaluation.report.folder import check_report_folder

        request = ExpressionRequest(
            inputs,
            recursive,
            limit,
            intensity,
            seed,
            expression.value,
            device=device.value,
            encoder=encoder,
            diarizer=model,
            animator=animator,
        )
        check_report_folder(out, overwrite, "expression.csv", "report.md")
        with stage_bar(quiet) as (_, progress):
            report, facts = request.evaluate(progress)
        notes = [f"leading coefficients out of range: {len(report.missed())}"]
        content, page = {"facts": facts, **report.to_dict()}, expression_page(report, facts)
        leave_report(out, content, page, report_tables(report), notes, as_json, quiet)
        write_tables(out, report)
