"""`sedtalker train diarizer`: options of a training run."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import say, session

EXAMPLES = """\b
Example:
  sedtalker train diarizer --corpus ravdess=PATH --corpus emodb=PATH --out runs/diarizer

\b
The same command goes on where an interrupted run stopped; the result is OUT/checkpoint."""


def diarizer(
    corpus: Annotated[list[str], typer.Option(metavar="NAME=PATH", help="A corpus in its published layout.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the run.")],
    splits: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Table of splits; without it they are drawn by speaker."),
    ] = None,
    encoder: opt.Encoder = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over a draw of composites.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")] = 0,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Train the diarizer on emotional speech corpora."""
    with session(quiet, False, debug):
        from sedtalker_cli.errors import UsageError
        from sedtalker_cli.training.diarizer import DiarizerTraining, train_diarizer
        from sedtalker_cli.weights import weights_dir

        pairs = [text.partition("=") for text in corpus]
        wrong = [
            text for text, (name, equals, path) in zip(corpus, pairs, strict=True) if not (name and equals and path)
        ]
        if wrong:
            raise UsageError(f"--corpus {wrong[0]!r}: write NAME=PATH, e.g. ravdess=/data/RAVDESS")
        settings = DiarizerTraining(
            corpora=tuple((name, Path(path)) for name, _, path in pairs),
            splits=splits,
            out=out,
            encoder=encoder or str(weights_dir("encoder")),
            epochs=epochs,
            seed=seed,
        )
        train_diarizer(settings, log=(lambda line: None) if quiet else say)
