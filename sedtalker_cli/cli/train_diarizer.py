"""`sedtalker train diarizer`: options of a training run."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.stages import stage_bar
from sedtalker_cli.errors import UsageError

EXAMPLES = """\b
--preset paper fetches microsoft/wavlm-base-plus from the Hugging Face hub, or takes the WavLM
that --encoder names (id or folder); the defaults of --epochs, --batch, --learning-rate and
--composites are then 15, 16, 0.0001 and 4096. docs/paper.md says what is as published.

\b
The same command resumes an interrupted run. Sound is encoded once, into the cache.
Results: OUT/checkpoint (the best epoch by validation; with --cross-validate all epochs, on all
speakers), OUT/log.csv (one row an epoch), and of each fold OUT/fold-K/checkpoint and
OUT/cross-validation.json.

\b
Examples:
  sedtalker train diarizer --corpus ravdess=PATH --corpus emodb=PATH --out runs/diarizer
  sedtalker train diarizer --corpus ravdess=PATH --cross-validate --out runs/all"""


class Preset(str, Enum):
    """What is trained."""

    base = "base"
    paper = "paper"


BASE_ONLY = (
    *("cache", "clips", "copies", "steps", "smoothing", "temperature", "augmentation", "read_weight"),
    "cross_validate",
)
PAPER_ONLY = ("device",)


def diarizer(
    context: typer.Context,
    corpus: opt.Corpora,
    out: opt.RunFolder,
    preset: Annotated[
        Preset,
        typer.Option(
            help="base: the diarizer that is shipped; paper: the SEDTalker authors', which trains WavLM along."
        ),
    ] = Preset.base,
    splits: opt.Splits = None,
    fold: opt.Fold = None,
    leave_out: opt.LeaveOut = None,
    encoder: opt.Encoder = None,
    cross_validate: Annotated[
        bool,
        typer.Option(
            "--cross-validate",
            help="Train without each fold of speakers in turn, calibrate on what was not heard, then train on all.",
        ),
    ] = False,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Encoded sound, which runs may share.  [default: OUT/cache]")
    ] = None,
    composites: Annotated[int, typer.Option(min=8, help="Joined recordings, for the stack.")] = 4800,
    clips: Annotated[int, typer.Option(min=1, help="Most clips of a speaker, for the statistics.")] = 250,
    copies: Annotated[int, typer.Option(min=0, help="Copies of each clip with rooms, noise, telephones, silence.")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each statistics network.")] = 1500,
    epochs: Annotated[int, typer.Option(min=1, help="Passes of the stack over the joined recordings.")] = 5,
    batch: Annotated[int, typer.Option(min=1, help="Recordings per step.")] = 24,
    learning_rate: Annotated[float, typer.Option(min=0, help="Highest learning rate of the stack.")] = 1e-3,
    smoothing: Annotated[float, typer.Option(min=0, max=1, help="Label smoothing of the stack.")] = 0.05,
    temperature: Annotated[float, typer.Option(min=0, max=1, help="Corpora are drawn by size to this power.")] = 0.5,
    augmentation: Annotated[float, typer.Option(min=0, max=1, help="Strength of the sound's augmentation.")] = 1.0,
    read_weight: Annotated[float, typer.Option(min=0, max=1, help="Weight of read speech without labels.")] = 0.05,
    seed: opt.Seed = 0,
    device: opt.DeviceOption = opt.Device.auto,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Train the diarizer on emotional speech corpora."""
    with session(quiet, False, debug):
        given = {
            name: value
            for name, value in context.params.items()
            if context.get_parameter_source(name).name == "COMMANDLINE"
        }
        foreign = next((name for name in (BASE_ONLY if preset is Preset.paper else PAPER_ONLY) if name in given), None)
        if foreign:
            raise UsageError(f"--{foreign.replace('_', '-')} is not for --preset {preset.value}; leave it out")
        if preset is Preset.paper:
            train_paper_preset(given, device.value, quiet)
            return
        from sedtalker_cli.batch.disk import name_full_disk
        from sedtalker_cli.data.corpora import parse_corpus
        from sedtalker_cli.model.weights import weights_dir
        from sedtalker_cli.training.diarizer.run import train_diarizer
        from sedtalker_cli.training.diarizer.settings import DiarizerTraining

        settings = DiarizerTraining(
            corpora=tuple(parse_corpus(text) for text in corpus),
            splits=splits,
            fold=fold,
            leave_out=leave_out,
            out=out,
            encoder=encoder or str(weights_dir("encoder")),
            cross_validate=cross_validate,
            cache=cache,
            composites=composites,
            clips=clips,
            copies=copies,
            steps=steps,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            smoothing=smoothing,
            temperature=temperature,
            augmentation=augmentation,
            read_weight=read_weight,
            seed=seed,
        )
        with name_full_disk(out), stage_bar(quiet) as (log, progress):
            train_diarizer(settings, log, progress)
            log(f"wrote {out / 'checkpoint'}")


def train_paper_preset(given: dict[str, Any], device: str, quiet: bool) -> None:
    """Train the authors' diarizer.

    Args:
        given: parameters that stand on the command line.
        device: `auto`, `cpu` or `cuda`.
        quiet: whether nothing is said.
    """
    from sedtalker_cli.batch.disk import name_full_disk
    from sedtalker_cli.data.corpora import parse_corpus
    from sedtalker_cli.model.device import choose_device
    from sedtalker_cli.training.diarizer.paper import PaperTraining, train_paper

    shared = ("out", "encoder", "composites", "epochs", "batch", "learning_rate", "seed", "splits", "fold", "leave_out")
    chosen = {"splits": None, **{name: given[name] for name in shared if name in given}}
    settings = PaperTraining(corpora=tuple(parse_corpus(text) for text in given["corpus"]), **chosen)
    with name_full_disk(settings.out), stage_bar(quiet) as (log, progress):
        train_paper(settings, choose_device(device), log, progress)
        log(f"wrote {settings.out / 'checkpoint'}")
