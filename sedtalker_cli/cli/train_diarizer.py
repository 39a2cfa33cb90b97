"""`sedtalker train diarizer`: options of a training run."""

from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.stages import stage_bar

EXAMPLES = """\b
Examples:
  sedtalker train diarizer --corpus ravdess=PATH --corpus emodb=PATH --out runs/diarizer
  sedtalker train diarizer --corpus esd=PATH --splits splits.csv --out runs/esd --epochs 30

\b
The same command goes on where an interrupted run stopped. Results: OUT/checkpoint (the best epoch by
validation), OUT/log.csv (one row an epoch)."""


def diarizer(
    corpus: opt.Corpora,
    out: opt.RunFolder,
    splits: opt.Splits = None,
    encoder: opt.Encoder = None,
    cache: opt.Cache = None,
    draws: Annotated[int, typer.Option(min=1, help="Different sets of joined clips; epochs take them in turn.")] = 4,
    composites: Annotated[int, typer.Option(min=8, help="Joined clips per set.")] = 3000,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over one set.")] = 16,
    batch: Annotated[int, typer.Option(min=1, help="Recordings per step.")] = 24,
    learning_rate: Annotated[float, typer.Option(min=0, help="Highest learning rate.")] = 1e-3,
    seed: opt.Seed = 0,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Train the diarizer on emotional speech corpora."""
    with session(quiet, False, debug):
        from sedtalker_cli.data.corpora import parse_corpus
        from sedtalker_cli.training.diarizer import DiarizerTraining, train_diarizer
        from sedtalker_cli.weights import weights_dir

        settings = DiarizerTraining(
            corpora=tuple(parse_corpus(text) for text in corpus),
            splits=splits,
            out=out,
            encoder=encoder or str(weights_dir("encoder")),
            cache=cache,
            draws=draws,
            composites=composites,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            seed=seed,
        )
        with stage_bar(quiet) as (log, progress):
            train_diarizer(settings, log, progress)
            log(f"wrote {out / 'checkpoint'}")
