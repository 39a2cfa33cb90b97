"""`sedtalker diarize`: which emotion is heard when, and how strongly."""

from enum import Enum
from pathlib import Path
from typing import Annotated

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.batches import choose_engine, find_sound, run
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.panels import output_option

EXAMPLES = """\b
Every input leads to STEM.rttm (segments) and STEM.emotion.csv (one row every 20 ms). --format
adds STEM.emotion.json (json), STEM.labels.txt (audacity) or STEM.TextGrid (textgrid), --plot a
picture of waveform, posteriors, intensity and segments, STEM.emotion.png or .svg.

\b
With --speakers the segments in STEM.rttm are cut where the speaker changes (it says the emotion
still), and STEM.emotion.csv gets a last column `speaker`. Recordings are found in the file by
their names; a file about one recording is taken for any. Where several speak at once, the last
one to begin is heard.

\b
--summary: path, duration, share of speech and of each emotion, intensity (mean, highest), number
of changes, mean confidence, and a note where nothing like speech is heard or the sound is clipped
or faint.

\b
With --adapt all inputs of one folder (or of one `speaker` in a CSV --list) are taken as one
person and judged by their own measure; give recordings of several moods, because a folder of one
mood only would be taken for their neutral voice.

\b
Examples:
  sedtalker diarize speech.wav
  sedtalker diarize recordings/ --recursive --out results/ --resume"""


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
    recursive: opt.Recursive = False,
    list_file: opt.ListFile = None,
    speakers: opt.Speakers = None,
    strict: opt.Strict = False,
    adapt: opt.Adapt = False,
    out: opt.Out = Path("."),
    formats: Annotated[
        list[Format] | None,
        output_option("--format", help="Write this file too; repeatable. RTTM and CSV are always written."),
    ] = None,
    plot: Annotated[Plot | None, output_option("--plot", help="Draw the timeline too.")] = None,
    overwrite: opt.Overwrite = False,
    summary: opt.Summary = None,
    resume: opt.Resume = False,
    processes: opt.Jobs = 1,
    shard: opt.Shard = None,
    engine: opt.EngineOption = opt.Engine.local,
    address: opt.Address = None,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
    device: opt.DeviceOption = opt.Device.auto,
    model: opt.Model = None,
    encoder: opt.Encoder = None,
    scan_backend: opt.ScanBackend = opt.Scan.auto,
    precision: opt.PrecisionOption = opt.Precision.auto,
) -> None:
    """Write the emotion timeline of recordings: segments as RTTM, frames as CSV."""
    with session(quiet, as_json, debug) as console:
        from sedtalker_cli.batch.inputs import choose_part
        from sedtalker_cli.batch.processing import Plan
        from sedtalker_cli.batch.run import check_plan
        from sedtalker_cli.tasks.diarize import DiarizeTask, ModelOptions
        from sedtalker_cli.tasks.summary import check_summary
        from sedtalker_cli.tasks.who_speaks import WhoSpeaks

        named, faults = find_sound(console, inputs, list_file, recursive)
        jobs, bad = choose_part(named, faults, shard)
        wanted, picture = tuple(item.value for item in formats or ()), plot.value if plot else None
        models = ModelOptions(
            device=device.value,
            encoder=encoder,
            diarizer=model,
            scan_backend=scan_backend.value,
            precision=precision.value,
        )
        who = WhoSpeaks(speakers, strict=strict)
        who.check(adapt)
        everyone = tuple(named) if adapt else ()
        task = DiarizeTask(models, everyone, wanted, picture, who=who, summary=summary is not None)
        protected = (speakers,) if speakers else ()
        plan = Plan("diarize", out, task.suffixes, overwrite, resume, protected, shard, summary)
        check_plan(named, plan, jobs)
        check_summary(plan, named)
        run(console, jobs, bad, plan, task, choose_engine(processes, engine, address))
