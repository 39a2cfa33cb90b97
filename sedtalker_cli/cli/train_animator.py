"""`sedtalker train animator`: options of a training run."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.stages import stage_bar

EXAMPLES = """\b
Example:
  sedtalker train animator --capture grid=PATH --capture facegood=PATH --corpus ravdess=PATH
    --out runs/animator

\b
Captures teach the mouth; corpora are further voices for expression and stillness. The same command goes
on where an interrupted run stopped. Results: OUT/checkpoint (the best epoch by validation), OUT/log.csv."""


class Conditioning(str, Enum):
    """Feature-wise scale and shift, or attention to tokens made of the emotion."""

    film = "film"
    cross = "cross"


def animator(
    capture: Annotated[
        list[str], typer.Option(metavar="SOURCE=PATH", help="Captured motion: grid=PATH or facegood=PATH.")
    ],
    out: opt.RunFolder,
    phones: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="Speech with phone times (NAME.wav beside NAME.csv); its motion is generated."
        ),
    ] = None,
    corpus: opt.MoreCorpora = None,
    splits: opt.Splits = None,
    encoder: opt.Encoder = None,
    cache: opt.Cache = None,
    draws: Annotated[int, typer.Option(min=1, help="Sets of examples: one as recorded, the others varied.")] = 6,
    speech: Annotated[int, typer.Option(min=0, help="Recordings of the corpora per set.")] = 200,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over one set.")] = 36,
    batch: Annotated[int, typer.Option(min=1, help="Recordings per step.")] = 16,
    layout: Annotated[
        str, typer.Option(metavar="STACK", help="Blocks of the network, m Mamba and a attention, in their order.")
    ] = "mama",
    conditioning: Annotated[Conditioning, typer.Option(help="How a frame is told its emotion.")] = Conditioning.film,
    hard: Annotated[bool, typer.Option("--hard", help="Tell it the likeliest class alone, in steps of 0.5.")] = False,
    learn_captures: Annotated[
        bool, typer.Option("--learn-captures/--judge-captures", help="Let captures teach the mouth, or validate only.")
    ] = True,
    learning_rate: Annotated[float, typer.Option(min=0, help="Highest learning rate.")] = 1e-3,
    seed: opt.Seed = 0,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Train the animator on captured motion and generated expression."""
    with session(quiet, False, debug):
        from sedtalker_cli.data.captures import parse_capture
        from sedtalker_cli.data.corpora import parse_corpus
        from sedtalker_cli.training.animator import train_animator
        from sedtalker_cli.training.animator_settings import AnimatorTraining
        from sedtalker_cli.weights import weights_dir

        settings = AnimatorTraining(
            captures=tuple(parse_capture(text) for text in capture),
            corpora=tuple(parse_corpus(text) for text in corpus or ()),
            phones=tuple(phones or ()),
            splits=splits,
            out=out,
            encoder=encoder or str(weights_dir("encoder")),
            cache=cache,
            draws=draws,
            speech=speech,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            seed=seed,
            learn_captures=learn_captures,
            network={"layout": layout, "conditioning": conditioning.value, "soft": not hard},
        )
        with stage_bar(quiet) as (log, progress):
            train_animator(settings, log, progress)
            log(f"wrote {out / 'checkpoint'}")
