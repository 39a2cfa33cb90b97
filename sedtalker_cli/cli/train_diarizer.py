"""`sedtalker train diarizer`: options of a training run."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.stages import stage_bar

EXAMPLES = """\b
Examples:
  sedtalker train diarizer --corpus ravdess=PATH --corpus emodb=PATH --out runs/diarizer
  sedtalker train diarizer --corpus esd=PATH --splits splits.csv --out runs/esd --epochs 30
  sedtalker train diarizer --corpus ravdess=PATH --corpus emodb=PATH --splits splits.csv --fold 0 --out runs/fold0
  sedtalker train diarizer --corpus ravdess=PATH --corpus emodb=PATH --leave-out emodb --out runs/not-emodb

\b
The same command resumes an interrupted run. Results: OUT/checkpoint (the best epoch by
validation), OUT/log.csv (one row an epoch)."""


class Precision(str, Enum):
    """Numbers that the encoder's layers are computed with."""

    float32 = "float32"
    bfloat16 = "bfloat16"


def diarizer(
    corpus: opt.Corpora,
    out: opt.RunFolder,
    splits: opt.Splits = None,
    fold: opt.Fold = None,
    leave_out: opt.LeaveOut = None,
    encoder: opt.Encoder = None,
    start: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Diarizer checkpoint to start from instead of random weights.")
    ] = None,
    composites: Annotated[int, typer.Option(min=8, help="Joined clips in a draw.")] = 1536,
    draws: Annotated[
        int, typer.Option(min=0, help="Draws kept in memory, which epochs take in turn; 0 draws afresh every time.")
    ] = 4,
    epochs: Annotated[int, typer.Option(min=0, help="Passes over a draw.")] = 20,
    batch: Annotated[int, typer.Option(min=1, help="Recordings per step.")] = 24,
    learning_rate: Annotated[float, typer.Option(min=0, help="Highest learning rate.")] = 1e-3,
    tuned_layers: Annotated[
        int, typer.Option(min=0, help="Encoder layers above its lowest kept one that are trained along.")
    ] = 0,
    tuned_rate: Annotated[float, typer.Option(min=0, help="Their learning rate, as a share of the rest's.")] = 0.1,
    smoothing: Annotated[float, typer.Option(min=0, max=1, help="Label smoothing.")] = 0.05,
    temperature: Annotated[float, typer.Option(min=0, max=1, help="Corpora are drawn by size to this power.")] = 0.3,
    augmentation: Annotated[float, typer.Option(min=0, max=1, help="Strength of the sound's augmentation.")] = 1.0,
    masking: Annotated[float, typer.Option(min=0, max=0.9, help="Share of features that is hidden.")] = 0.0,
    precision: Annotated[
        Precision, typer.Option(help="Of the encoder's layers; bfloat16 is fast on processors that support it.")
    ] = Precision.float32,
    seed: opt.Seed = 0,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Train the diarizer on emotional speech corpora."""
    with session(quiet, False, debug):
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
            start=start,
            composites=composites,
            draws=draws,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            tuned_rate=tuned_rate,
            smoothing=smoothing,
            temperature=temperature,
            augmentation=augmentation,
            masking=masking,
            precision=precision.value,
            network={"tuned_layers": tuned_layers},
            seed=seed,
        )
        with stage_bar(quiet) as (log, progress):
            train_diarizer(settings, log, progress)
            log(f"wrote {out / 'checkpoint'}")
