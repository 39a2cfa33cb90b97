"""`sedtalker evaluate diarization`: a checkpoint on a split of corpora, or RTTM files against RTTM files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.reports import leave_report
from sedtalker_cli.cli.stages import stage_bar
from sedtalker_cli.errors import UsageError

if TYPE_CHECKING:
    from sedtalker_cli.evaluation.report.html import Page
    from sedtalker_cli.evaluation.report.tables import Table

EXAMPLES = """\b
With --corpus: scores whole recordings as they lie, silence included, the way diarize hears them
(frames, clips, speakers, calibration, intensity), and clips joined with pauses and known
boundaries (EDER, boundaries), next to a guess of one emotion for each whole file; each also with
speakers known by all their clips (diarize --adapt). Where a corpus marks spans, they are the
clips; read speech without labels (librispeech, speechocean762) only tells how much of it is
called an emotion.
Give --splits, --fold and --leave-out as in training; without them both draw the same split.
With --reference and --hypothesis: scores RTTM files, no model takes part. Recordings are matched
by the uri in the files and evaluated to the end of their reference, or in the regions of --uem.
Tables go to standard output, all numbers to OUT/report.json, tables and pictures to
OUT/report.html.

\b
Examples:
  sedtalker evaluate diarization --corpus ravdess=PATH --corpus emodb=PATH --splits splits.csv
  sedtalker evaluate diarization --reference truth/ --hypothesis results/ --uem regions.uem"""

OF_CORPORA = (
    *("corpus", "splits", "fold", "leave_out", "split", "most", "joined", "conditions"),
    *("seed", "encoder", "model", "device"),
)
OF_FILES = ("reference", "hypothesis", "uem", "strict")


def diarization(
    context: typer.Context,
    corpus: opt.MoreCorpora = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="PATH", help="True segments: RTTM file, or folder of RTTM files.")
    ] = None,
    hypothesis: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Detected segments: RTTM file, or folder of RTTM files.")
    ] = None,
    uem: Annotated[
        Path | None, typer.Option("--uem", metavar="FILE", help="Regions to evaluate: lines of uri channel start end.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Refuse RTTM or UEM with a line that cannot be used; else it is left out with a warning.",
        ),
    ] = False,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of report.json and report.html.")
    ] = Path("report"),
    splits: opt.Splits = None,
    fold: opt.Fold = None,
    leave_out: opt.LeaveOut = None,
    split: Annotated[str, typer.Option(metavar="train|val|test", help="Part to score.")] = "test",
    most: Annotated[
        int | None, typer.Option(min=1, help="Clips of a speaker, of read speech two; all without this option.")
    ] = None,
    joined: Annotated[int, typer.Option(min=1, help="Number of joined recordings.")] = 300,
    conditions: Annotated[
        bool, typer.Option("--conditions", help="Score clips in noise, rooms, channels and silence too.")
    ] = False,
    seed: opt.Seed = 0,
    encoder: opt.Encoder = None,
    model: opt.Model = None,
    device: opt.DeviceOption = opt.Device.auto,
    overwrite: opt.OverwriteReport = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Score a diarizer on recordings with known emotions, or RTTM files against RTTM files."""
    with session(quiet, as_json, debug):
        from sedtalker_cli.evaluation.report.folder import check_report_folder

        from_files = check_mode(context)
        check_report_folder(out, overwrite)
        if from_files:
            content, page, tables, notes = score_rttm(reference, hypothesis, uem, strict)
        else:
            options = (
                corpus,
                splits,
                fold,
                leave_out,
                split,
                most,
                joined,
                conditions,
                seed,
                encoder,
                model,
                device.value,
            )
            (content, page, tables), notes = score_corpora(*options, quiet), []
        leave_report(out, content, page, tables, notes, as_json, quiet)


def check_mode(context: typer.Context) -> bool:
    """Whether files are scored, not a model.

    Raises:
        UsageError: options that contradict each other, or nothing to score.
    """
    # By name: typer brings its own copy of click, whose enum is not the one of another click.
    given = [name for name in (*OF_CORPORA, *OF_FILES) if context.get_parameter_source(name).name == "COMMANDLINE"]
    files, corpora = (
        [f"--{name.replace('_', '-')}" for name in given if name in group] for group in (OF_FILES, OF_CORPORA)
    )
    if files and corpora:
        raise UsageError(f"{files[0]} scores files, {corpora[0]} belongs to a model on corpora; give one of them")
    if files and not {"--reference", "--hypothesis"} <= set(files):
        missing = "--hypothesis" if "--reference" in files else "--reference"
        raise UsageError(f"{files[0]} needs {missing}: an RTTM file or a folder of them")
    if not files and "--corpus" not in corpora:
        raise UsageError("nothing to score: give --corpus NAME=PATH, or --reference PATH and --hypothesis PATH")
    return bool(files)


def score_rttm(
    reference: Path, hypothesis: Path, uem: Path | None, strict: bool
) -> "tuple[dict[str, Any], Page, Sequence[Table], list[str]]":
    """Files against files: content of the JSON, page, tables, notes."""
    from sedtalker_cli.evaluation.diarization.files import evaluate_rttm
    from sedtalker_cli.evaluation.diarization.pages import rttm_page
    from sedtalker_cli.evaluation.diarization.tables import rttm_tables

    report = evaluate_rttm(reference, hypothesis, uem, strict)
    return report.to_dict(), rttm_page(report), rttm_tables(report.score), report.notes


def score_corpora(
    corpus: list[str],
    splits: Path | None,
    fold: int | None,
    leave_out: str | None,
    split: str,
    most: int | None,
    joined: int,
    conditions: bool,
    seed: int,
    encoder: str | None,
    model: Path | None,
    device: str,
    quiet: bool,
) -> "tuple[dict[str, Any], Page, Sequence[Table]]":
    """A checkpoint on corpora: content of the JSON, page, tables."""
    from sedtalker_cli.data.corpora import parse_corpus
    from sedtalker_cli.evaluation.diarization.checkpoint import evaluate_checkpoint
    from sedtalker_cli.evaluation.diarization.pages import checkpoint_page
    from sedtalker_cli.evaluation.diarization.tables import checkpoint_tables
    from sedtalker_cli.pipeline import Pipeline

    corpora = [parse_corpus(text) for text in corpus]
    pipeline = Pipeline.load(device=device, encoder=encoder, diarizer=model)
    with stage_bar(quiet) as (log, progress):
        report = evaluate_checkpoint(
            pipeline.encoder,
            pipeline.diarizer,
            corpora,
            splits,
            split,
            joined,
            seed,
            fold=fold,
            leave_out=leave_out,
            most=most,
            conditions=conditions,
            log=log,
            progress=progress,
        )
    models = pipeline.models(animate=False)
    return report.to_dict() | {"models": models}, checkpoint_page(report, models), checkpoint_tables(report)
