"""`sedtalker evaluate diarization`: a checkpoint on a split of corpora."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.stages import stage_bar

if TYPE_CHECKING:
    from sedtalker_cli.evaluation.diarization import DiarizationReport

EXAMPLES = """\b
Example:
  sedtalker evaluate diarization --corpus ravdess=PATH --corpus emodb=PATH --splits splits.csv

\b
Scores whole clips (frames, clips, calibration, intensity) and clips joined with known boundaries (EDER,
boundaries), beside the guess of one emotion for each whole file. Tables go to standard output, all numbers
to OUT/report.json."""


def diarization(
    corpus: opt.Corpora,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of report.json.")] = Path("report"),
    splits: opt.Splits = None,
    split: Annotated[str, typer.Option(metavar="train|val|test", help="Part to score.")] = "test",
    joined: Annotated[int, typer.Option(min=1, help="Number of joined recordings.")] = 100,
    seed: opt.Seed = 0,
    encoder: opt.Encoder = None,
    model: opt.Model = None,
    device: opt.DeviceOption = opt.Device.auto,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Score a diarizer on recordings with known emotions."""
    with session(quiet, as_json, debug):
        import json

        from sedtalker_cli.data.corpora import parse_corpus
        from sedtalker_cli.evaluation.diarization import evaluate_checkpoint
        from sedtalker_cli.formats.atomic import atomic_file
        from sedtalker_cli.pipeline import Pipeline

        corpora = [parse_corpus(text) for text in corpus]
        pipeline = Pipeline.load(device.value, encoder=encoder, diarizer=model)
        with stage_bar(quiet) as (log, progress):
            report = evaluate_checkpoint(
                pipeline.encoder, pipeline.diarizer, corpora, splits, split, joined, seed, log, progress
            )
        content = report.to_dict() | {"models": pipeline.models(animate=False)}
        out.mkdir(parents=True, exist_ok=True)
        with atomic_file(out / "report.json") as path:
            path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        if as_json:
            typer.echo(json.dumps(content))
        elif not quiet:
            print_report(report)


def print_report(report: "DiarizationReport") -> None:
    """The report as tables on standard output."""
    from rich.console import Console
    from rich.table import Table

    from sedtalker_cli.evaluation.diarization import sum_all

    console = Console(highlight=False)
    clips, joined = report.clips, report.joined
    table = Table(title=f"Whole clips, {report.split} split: frames of 20 ms, clips by mean posterior")
    for column in ("corpus", "clips", "frame accuracy", "frame macro F1", "clip UAR", "clip UAR, its classes only"):
        table.add_column(column, justify="left" if column == "corpus" else "right")
    rows = [(name, clips.frames[name], clips.clips[name], clips.known[name]) for name in clips.frames]
    rows.append(("all", *(sum_all(part) for part in (clips.frames, clips.clips, clips.known))))
    for name, frames, whole, known in rows:
        table.add_row(
            name, f"{whole.support.sum():.0f}", *(
                f"{x:.3f}" for x in (frames.accuracy, frames.macro_f1, whole.uar, known.uar)
            )
        )  # fmt: skip
    console.print(table)
    total = sum_all(clips.frames)
    table = Table(title="Frames by class, all corpora: precision, recall, F1, and what it was called (share)")
    for column in ("class", "P", "R", "F1", *total.classes):
        table.add_column(column, justify="left" if column == "class" else "right")
    for i, name in enumerate(total.classes):
        share = total.matrix[i] / max(total.support[i], 1)
        values = (total.precision[i], total.recall[i], total.f1[i], *share)
        table.add_row(name, *(f"{x:.2f}" for x in values))
    console.print(table)
    table = Table(title=f"Joined clips ({len(joined.diarizer.errors)} recordings)")
    for column in ("", "EDER micro", "EDER macro", "boundary F1 at 0.5 s"):
        table.add_column(column, justify="right" if column else "left")
    for name, score in (("diarizer", joined.diarizer), ("one guess a file", joined.single_guess)):
        table.add_row(name, *(f"{x:.3f}" for x in (score.eder_micro, score.eder_macro, score.boundary.f1)))
    console.print(table)
    console.print(f"{clips.reliability.name}: {clips.reliability.ece:.3f}")
    for name, value in (
        ("intensity, strong against normal, AUC", clips.strong_auc),
        ("intensity against annotated arousal, Spearman", clips.arousal_spearman),
        ("mean intensity of neutral clips", clips.neutral_intensity),
    ):
        if value is not None:
            console.print(f"{name}: {value:.3f}")
