"""Options that several commands share, and the reading of values that Typer does not know."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli.panels import (
    batch_option,
    emotion_option,
    input_option,
    machine_option,
    motion_option,
    output_option,
    picture_option,
)

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
SIZE_LIMITS = (64, 4096)


class Device(str, Enum):
    """Where the models run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Scan(str, Enum):
    """What runs Mamba layers."""

    auto = "auto"
    native = "native"
    mamba_ssm = "mamba-ssm"


class Engine(str, Enum):
    """What runs the work."""

    local = "local"
    ray = "ray"


class Precision(str, Enum):
    """Of the encoder's products."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class Expression(str, Enum):
    """How an emotion shows over time."""

    alive = "alive"
    still = "still"


class Switch(str, Enum):
    """An option that is spelled out."""

    on = "on"
    off = "off"


class Camera(str, Enum):
    """Where a film's camera stands."""

    front = "front"
    three_quarter = "three-quarter"
    close = "close"


def parse_size(text: str | tuple[int, int]) -> tuple[int, int]:
    """`WIDTHxHEIGHT` in pixels; video needs even numbers."""
    if isinstance(text, tuple):
        return text
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise typer.BadParameter(f"{text!r} is not WIDTHxHEIGHT, e.g. 512x512")
    size = (int(width), int(height))
    low, high = SIZE_LIMITS
    if any(not low <= side <= high or side % 2 for side in size):
        raise typer.BadParameter(f"{text!r}: both sides must be even and from {low} to {high}")
    return size


def parse_shard(text: str | tuple[int, int]) -> tuple[int, int]:
    """`I/N`, 1-based."""
    if isinstance(text, tuple):
        return text
    number, _, count = text.partition("/")
    if not all(part.isascii() and part.isdigit() for part in (number, count)) or not 1 <= int(number) <= int(count):
        raise typer.BadParameter(f"{text!r} is not I/N with I from 1 to N, e.g. 1/8")
    return int(number), int(count)


def complete_formats(begun: str) -> list[str]:
    """What a shell offers for `--export`, the last of several names with commas between."""
    from sedtalker_cli.tasks.render import export_formats

    before, comma, last = begun.rpartition(",")
    return [f"{before}{comma}{name}" for name in export_formats() if name.startswith(last)]


ExpressionOption = Annotated[
    Expression,
    emotion_option(help="alive: acted with the voice; still: held as the animator shows it, to act on top of."),
]
Inputs = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="INPUT",
        readable=False,
        allow_dash=True,
        help="Sound files, folders, quoted patterns ('takes/**/*.wav'), or - to read paths from standard input.",
    ),
]
ListFile = Annotated[
    Path | None,
    input_option(
        "--list",
        metavar="FILE",
        help="Text file with one more INPUT a line (# starts a comment), or .csv table with the column path "
        "and, if wanted, speaker, emotion_override, identity; relative to the current folder.",
    ),
]
Recursive = Annotated[
    bool, input_option("--recursive", "-r", help="Search folders with their subfolders; outputs mirror their tree.")
]
Out = Annotated[Path, output_option("--out", "-o", metavar="DIR", help="Folder for the outputs.")]
Overwrite = Annotated[bool, output_option("--overwrite", help="Make outputs again that exist already.")]
OverwriteReport = Annotated[bool, output_option("--overwrite", help="Replace a report that is there.")]
Resume = Annotated[
    bool,
    batch_option("--resume", help="Skip inputs whose outputs are complete and were made with the same settings."),
]
Jobs = Annotated[
    int,
    batch_option("--jobs", "-j", min=1, metavar="N", help="Work on N inputs at once, in as many processes."),
]
Shard = Annotated[
    tuple | None,
    batch_option(
        "--shard",
        metavar="I/N",
        parser=parse_shard,
        help="Work on the Ith of N equal parts of the inputs (from 1), for cluster jobs that share them.",
    ),
]
EngineOption = Annotated[
    Engine, batch_option("--engine", help="This machine, or a Ray cluster whose nodes see the same files.")
]
Address = Annotated[
    str | None, batch_option("--address", metavar="ADDRESS", help="Of the Ray cluster, e.g. auto or host:6379.")
]
Quiet = Annotated[bool, machine_option("--quiet", "-q", help="Print errors only.")]
Json = Annotated[bool, machine_option("--json", help="Print one JSON object a finished input to standard output.")]
DeviceOption = Annotated[Device, machine_option("--device", help="Where the models run.")]
ScanBackend = Annotated[
    Scan,
    machine_option("--scan-backend", help="What runs Mamba layers; auto is mamba-ssm's kernels on CUDA if installed."),
]
PrecisionOption = Annotated[
    Precision,
    machine_option(
        "--precision",
        help="Of the speech encoder: auto and fp32 are exact (by ONNX Runtime and by PyTorch); bf16 is faster "
        "on processors with AVX-512 BF16 or AMX, and a little different.",
    ),
]
Debug = Annotated[bool, machine_option("--debug", help="Show the traceback of every failure.")]
Encoder = Annotated[
    str | None,
    machine_option(
        metavar="NAME",
        help="Speech encoder: Hugging Face id or folder. Needs models that were trained with it.",
    ),
]
Model = Annotated[
    Path | None,
    machine_option("--model", metavar="DIR", help="Diarizer checkpoint instead of the bundled one."),
]
Adapt = Annotated[
    bool,
    emotion_option(
        "--adapt",
        help="Judge every speaker by their own measure: all inputs of one folder (or one speaker of a CSV --list) are "
        "taken as one person.",
    ),
]
Speakers = Annotated[
    Path | None,
    input_option(
        "--speakers",
        metavar="RTTM",
        help="Who speaks when (pyannote's, NeMo's ...); each speaker is judged by their own measure.",
    ),
]
Strict = Annotated[
    bool,
    input_option(
        "--strict", help="Refuse a file of labels with a line that cannot be used; else it is left out with a warning."
    ),
]
Summary = Annotated[
    Path | None,
    output_option("--summary", metavar="CSV", help="Write a table of all inputs, one row a recording."),
]
Size = Annotated[tuple, picture_option("--size", metavar="WxH", parser=parse_size, help="Size of the film in pixels.")]
HeadFile = Annotated[
    Path | None,
    motion_option(
        "--head",
        metavar="FILE",
        help="Another head: .glb with ARKit shapes, a folder of OBJs (neutral.obj and one a shape), or a FLAME "
        "template (.ply).",
    ),
]
Export = Annotated[
    list[str] | None,
    output_option(
        metavar="FORMAT",
        autocompletion=complete_formats,
        help="Also write arkit-csv, arkit-npy, glb, mdd, npy, obj, pc2, usd, usdz, vrma or vrma-arkit; "
        "repeatable, or several separated by commas.",
    ),
]
Hair = Annotated[Switch, picture_option("--hair", help="Short hair on the built-in head in pictures and films.")]
CaptionFile = Annotated[
    Path | None,
    picture_option("--captions", metavar="FILE", help="Write captions over the film: SubRip (.srt) or WebVTT (.vtt)."),
]
Html = Annotated[
    bool,
    output_option("--html", help="Also write a page to watch, and to edit emotions in: STEM.html."),
]
Corpora = Annotated[
    list[str], typer.Option("--corpus", metavar="NAME=PATH", help="A corpus in its published layout; repeatable.")
]
MoreCorpora = Annotated[
    list[str] | None,
    typer.Option("--corpus", metavar="NAME=PATH", help="A corpus in its published layout; repeatable."),
]
Splits = Annotated[
    Path | None,
    typer.Option(
        metavar="CSV",
        help="Table of `train splits`, or one with the columns path, split; without it train, val and test are drawn "
        "by speaker.",
    ),
]
Fold = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="K", help="Test fold K of the speakers, validate by the next one, train on the rest; from 0."
    ),
]
LeaveOut = Annotated[
    str | None, typer.Option("--leave-out", metavar="NAME", help="A corpus that is kept for testing as a whole.")
]
RunFolder = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the run.")]
Cache = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for encoded sound, to share it between runs.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")]
