"""`sedtalker diarize`: which emotion is heard when, and how strongly."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.batches import choose_engine, run
from sedtalker_cli.cli.console import session

EXAMPLES = """\b
Examples:
  sedtalker diarize speech.wav
  sedtalker diarize recordings/ --recursive --out results/ --resume
  sedtalker diarize speech.wav --format textgrid --format json --plot png
  sedtalker diarize anna/ --adapt --out results/
  sedtalker diarize --list speakers.csv --adapt --out results/
  sedtalker diarize talk.wav --speakers who.rttm
  sedtalker diarize recordings/ --recursive --out results/ --summary results/summary.csv
  sedtalker diarize --list files.txt --out results/ --json --quiet > results.jsonl
  sedtalker diarize 'takes/**/*.wav' --jobs 4 --out results/
  find takes -name '*.flac' | sedtalker diarize - --shard 2/8 --out results/

\b
Every input leads to STEM.rttm (segments) and STEM.emotion.csv (one row every 20 ms). --format adds
STEM.emotion.json (json), STEM.labels.txt (audacity) or STEM.TextGrid (textgrid), --plot a picture
of waveform, posteriors, intensity and segments, STEM.emotion.png or .svg.

\b
With --speakers the segments in STEM.rttm are cut where the speaker changes (it says the emotion still),
and STEM.emotion.csv gets a last column `speaker`. Recordings are found in the file by their names; a
file about one recording is taken for any. Where several speak at once, the last one to begin is heard.

\b
--summary: path, duration, share of speech and of each emotion, intensity (mean, highest), number of
changes, mean confidence, and a note where nothing like speech is heard or the sound is clipped or faint.

\b
With --adapt all inputs of one folder (or of one `speaker` in a CSV --list) are taken as one person
and judged by their own measure; give recordings of several moods, because a folder of one mood only
would be taken for their neutral voice."""


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
    speakers: opt.Speakers = None,
    summary: opt.Summary = None,
    scan_backend: opt.ScanBackend = opt.Scan.auto,
    precision: opt.PrecisionOption = opt.Precision.fp32,
    processes: opt.Jobs = 1,
    shard: opt.Shard = None,
    engine: opt.EngineOption = opt.Engine.local,
    address: opt.Address = None,
    device: opt.DeviceOption = opt.Device.auto,
    overwrite: opt.Overwrite = False,
    resume: opt.Resume = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Write the emotion timeline of recordings: segments as RTTM, frames as CSV."""
    with session(quiet, as_json, debug) as console:
        from sedtalker_cli.audio.files import is_sound_name
        from sedtalker_cli.batch.inputs import choose_part, collect_jobs
        from sedtalker_cli.batch.processing import Plan
        from sedtalker_cli.batch.run import check_plan
        from sedtalker_cli.tasks.diarize import DiarizeTask, ModelOptions
        from sedtalker_cli.tasks.summary import check_summary
        from sedtalker_cli.tasks.who_speaks import WhoSpeaks

        named, faults = collect_jobs(inputs or [], accepts=is_sound_name, list_file=list_file, recursive=recursive)
        jobs, bad = choose_part(named, faults, shard)
        wanted, picture = tuple(item.value for item in formats or ()), plot.value if plot else None
        models = ModelOptions(
            device=device.value,
            encoder=encoder,
            diarizer=model,
            scan_backend=scan_backend.value,
            precision=precision.value,
        )
        who = WhoSpeaks(speakers)
        who.check(adapt)
        everyone = tuple(named) if adapt else ()
        task = DiarizeTask(models, everyone, wanted, picture, who=who, summary=summary is not None)
        protected = (speakers,) if speakers else ()
        plan = Plan("diarize", out, task.suffixes, overwrite, resume, protected, shard)
        check_plan(named, plan, jobs)
        check_summary(summary, plan, [job.source for job in named])
        run(console, jobs, bad, plan, task, choose_engine(processes, engine, address), summary)
