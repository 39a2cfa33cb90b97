"""`sedtalker evaluate lipsync`: an animator, or motions that it wrote, against captured motion."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import say, session
from sedtalker_cli.cli.stages import stage_bar
from sedtalker_cli.cli.tables import print_tables

if TYPE_CHECKING:
    from sedtalker_cli.data.captures import Capture
    from sedtalker_cli.evaluation.lipsync.animator import LipsyncReport

EXAMPLES = """\b
Examples:
  sedtalker evaluate lipsync --capture grid=PATH --capture facegood=PATH
  sedtalker evaluate lipsync --capture grid=PATH --predictions results/

\b
Without --predictions: scores the animator on a split of captured recordings, beside a loudness envelope and
a linear ridge learned from the training split, and its expressions: the same words in all emotions, the same
emotion over other words, rising intensity, action units against those of actors.
With --predictions: scores NAME.weights.npy (with NAME.json, as animate writes them, at any frame rate)
against the captures called NAME; no model takes part. Animate with --idle off, or breath and blinks count.
Tables go to standard output, all numbers to OUT/report.json, all tables to OUT/report.html."""


def lipsync(
    capture: Annotated[
        list[str], typer.Option(metavar="SOURCE=PATH", help="Captured motion: grid=PATH or facegood=PATH; repeatable.")
    ],
    predictions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of motions, searched to the bottom, to score.")
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
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Score mouth motion against captured motion, and what emotions do to it."""
    with session(quiet, as_json, debug):
        import json

        from sedtalker_cli.data.captures import READERS, parse_capture
        from sedtalker_cli.errors import UsageError
        from sedtalker_cli.evaluation.lipsync.files import evaluate_folder
        from sedtalker_cli.evaluation.lipsync.pages import expression_tables, lipsync_page, mouth_tables
        from sedtalker_cli.evaluation.report.folder import check_report_folder, write_report

        if predictions is not None and (animator or encoder):
            given = "--animator" if animator else "--encoder"
            raise UsageError(f"--predictions scores files, {given} belongs to a model; give one of them")
        check_report_folder(out)
        sources = list(map(parse_capture, capture))
        facts = {f"capture: {name}": str(path) for name, path in sources}
        captures = [c for name, path in sources for c in READERS[name](path)]
        if predictions is not None:
            report, facts["predictions"] = evaluate_folder(captures, split, predictions), str(predictions)
        else:
            report, models = score_model(captures, split, encoder, animator, device.value, quiet)
            facts |= {f"model: {name}": str(checksum) for name, checksum in models.items()}
        for note in () if quiet else report.notes:
            say(f"note: {note}")
        content = {"facts": facts, **report.to_dict()}
        write_report(out, content, lipsync_page(report, facts))
        if as_json:
            typer.echo(json.dumps(content, allow_nan=False))
        elif not quiet:
            print_tables([*mouth_tables(report), *expression_tables(report)])


def score_model(
    captures: "list[Capture]", split: str, encoder: str | None, animator: Path | None, device: str, quiet: bool
) -> "tuple[LipsyncReport, dict[str, str | None]]":
    """An animator on captures; the report, and checksums of the models."""
    from sedtalker_cli.evaluation.lipsync.animator import evaluate_lipsync
    from sedtalker_cli.pipeline import Pipeline
    from sedtalker_cli.tasks.named_files import built_in_head

    pipeline = Pipeline.load(device=device, encoder=encoder, animator=animator)
    with stage_bar(quiet) as (_, progress):
        report = evaluate_lipsync(pipeline.encoder, pipeline.animator, captures, split, built_in_head(), progress)
    models = pipeline.models(animate=True)
    return report, {name: models[name] for name in ("encoder", "animator")}
