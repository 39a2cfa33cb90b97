"""`sedtalker diarize`: which emotion is heard when, and how strongly."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session

EXAMPLES = """\b
Examples:
  sedtalker diarize speech.wav
  sedtalker diarize recordings/ --recursive --out results/ --resume
  sedtalker diarize speech.wav --format textgrid --format json --plot png
  sedtalker diarize anna/ --adapt --out results/
  sedtalker diarize --list speakers.csv --adapt --out results/
  sedtalker diarize --list files.txt --out results/ --json --quiet > results.jsonl

\b
Every input leads to STEM.rttm (segments) and STEM.emotion.csv (one row every 20 ms). --format adds
STEM.emotion.json (json), STEM.labels.txt (audacity) or STEM.TextGrid (textgrid), --plot a picture
of waveform, posteriors, intensity and segments, STEM.emotion.png or .svg.

\b
With --adapt all inputs of one folder (or of one `speaker` in a CSV --list) are taken as one person
and judged by his own measure; give recordings of several moods, because a folder of one mood only
would be taken for his neutral voice."""


class Format(str, Enum):
    """A file that a timeline is written to."""

    rttm = "rttm"
    csv = "csv"
    json = "json"
    audacity = "audacity"
    textgrid = "textgrid"


class Plot(str, Enum):
    """Kind of picture."""

    png = "png"
    svg = "svg"


def diarize(
    inputs: opt.Inputs = None,
    list_file: opt.ListFile = None,
    recursive: opt.Recursive = False,
    out: opt.Out = Path("."),
    formats: Annotated[
        list[Format] | None,
        typer.Option("--format", help="Write this file too; repeatable. RTTM and CSV are always written."),
    ] = None,
    plot: Annotated[Plot | None, typer.Option("--plot", help="Draw the timeline too.")] = None,
    encoder: opt.Encoder = None,
    model: opt.Model = None,
    adapt: opt.Adapt = False,
    scan_backend: opt.ScanBackend = opt.Scan.auto,
    device: opt.DeviceOption = opt.Device.auto,
    overwrite: opt.Overwrite = False,
    resume: opt.Resume = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Write the emotion timeline of recordings: segments as RTTM, frames as CSV."""
    with session(quiet, as_json, debug) as console:
        from sedtalker_cli import audio, batch, outputs
        from sedtalker_cli import inputs as found

        jobs, bad = found.collect_jobs(
            inputs or [], accepts=audio.is_sound_name, list_file=list_file, recursive=recursive
        )
        wanted, picture = [item.value for item in formats or ()], plot.value if plot else None
        plan = batch.Plan("diarize", out, outputs.timeline_suffixes(wanted, picture), overwrite, resume)
        batch.check_plan(jobs, plan)
        common, pipeline, adaptation = {}, None, None
        if jobs:
            from sedtalker_cli.adaptation import Adaptation
            from sedtalker_cli.model.kernels import choose_scan
            from sedtalker_cli.pipeline import Pipeline

            pipeline = Pipeline.load(device.value, encoder=encoder, diarizer=model)
            choose_scan(scan_backend.value, pipeline.device)
            common = {"version": pipeline.version, "models": pipeline.models(animate=False)}
            adaptation = Adaptation(jobs, pipeline.listen) if adapt else None

        def settings(job: found.Job) -> dict:
            return {**common, **(adaptation.settings(job) if adaptation else {})}

        def work(job: found.Job, stem: Path, progress) -> dict:
            voice = adaptation.voice(job, progress) if adaptation else None
            timeline = pipeline.diarize(job.source, progress, voice).timeline
            if picture:
                progress("drawing", 0.0)
            outputs.write_timeline(stem, timeline, wanted, picture, job.source)
            return outputs.describe_timeline(timeline)

        with console.progress_bars(len(jobs)):
            results = batch.run_batch(jobs, plan, work, settings, console, bad=bad)
        console.summary(results)
        raise typer.Exit(batch.exit_status(results))
