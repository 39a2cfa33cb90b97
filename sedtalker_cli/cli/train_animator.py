"""`sedtalker train animator`: options of a training run."""

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.stages import stage_bar

if TYPE_CHECKING:
    from sedtalker_cli.training.vertex_animator.settings import VertexTraining

EXAMPLES = """\b
With --dataset: vertices of VOCASET, EmoVOCA or BIWI in their published layouts, one head a
topology. A preset (base, laptop, paper), then the TOML file, then the command line set how it is
trained; --set reaches every setting, --help-settings lists them (the defaults above are those of
--capture). On several GPUs:
  torchrun --nproc-per-node 4 -m sedtalker_cli train animator --dataset emovoca=PATH --out runs/e
With --capture: ARKit coefficients; captures train the mouth, corpora add voices for expression
and stillness. video=PATH is a folder of your own videos of a face that speaks (extra [video]).

\b
The same command resumes an interrupted run. Results: OUT/checkpoint (the best epoch by
validation), OUT/log.csv.

\b
Examples:
  sedtalker train animator --dataset emovoca=PATH --out runs/emovoca
  sedtalker train animator --capture grid=PATH --capture facegood=PATH --corpus ravdess=PATH
    --out runs/animator"""
SHARED = ("encoder", "epochs", "batch", "learning_rate", "seed", "precision", "tensorboard", "samples")


class Conditioning(str, Enum):
    """Feature-wise scale and shift, or attention to tokens made of the emotion."""

    film = "film"
    cross = "cross"


def show_settings(wanted: bool) -> None:
    """Print all settings of a training on data sets, as a TOML file has them."""
    if wanted:
        from sedtalker_cli.training.vertex_animator.settings import settings_text

        typer.echo(settings_text())
        raise typer.Exit


def animator(
    context: typer.Context,
    out: opt.RunFolder,
    dataset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PATH", help="vocaset=PATH, emovoca=PATH or biwi=PATH; repeatable."),
    ] = None,
    capture: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE=PATH", help="grid=PATH, facegood=PATH, video=PATH; voices=PATH only choose."),
    ] = None,
    landmarker: Annotated[
        Path | None, typer.Option(metavar="FILE", help="MediaPipe's face_landmarker.task, which tracks video=PATH.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Settings for data sets: base, laptop or paper [base].")
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings for data sets, TOML.")] = None,
    assign: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting for data sets; repeatable.")
    ] = None,
    help_settings: Annotated[
        bool, typer.Option("--help-settings", callback=show_settings, is_eager=True, help="List them and exit.")
    ] = False,
    emotions: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Emotions of the data sets to learn, instead of all.")
    ] = None,
    precision: Annotated[
        str,
        typer.Option(metavar="auto|fp32|bf16|fp16", help="On data sets; auto is half precision on CUDA."),
    ] = "auto",
    scan_backend: opt.ScanBackend = opt.Scan.auto,
    device: opt.DeviceOption = opt.Device.auto,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Log to OUT/tensorboard, too.")] = False,
    samples: Annotated[
        int, typer.Option(min=0, help="Films of validation recordings after every epoch; needs --head.")
    ] = 0,
    head: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Template with triangles (.ply, .obj) for --samples.")
    ] = None,
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
    conditioning: Annotated[Conditioning, typer.Option(help="How emotion conditions a frame.")] = Conditioning.film,
    hard: Annotated[
        bool, typer.Option("--hard", help="Condition on the likeliest class alone, in steps of 0.5.")
    ] = False,
    dropout: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the network left out at each step.")] = 0.1,
    learn_captures: Annotated[
        bool,
        typer.Option("--learn-captures/--judge-captures", help="Train the mouth on captures, or only validate."),
    ] = True,
    learning_rate: Annotated[float, typer.Option(min=0, help="Highest learning rate.")] = 1e-3,
    seed: opt.Seed = 0,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Train an animator: vertices of talking-head data sets, or coefficients of captured motion."""
    with session(quiet, False, debug):
        from sedtalker_cli.batch.disk import name_full_disk
        from sedtalker_cli.training.options import check_teachers

        given = {
            name: value
            for name, value in context.params.items()
            if context.get_parameter_source(name).name == "COMMANDLINE"
        }
        check_teachers(dataset, capture, given)
        leads = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun starts, one speaks
        with name_full_disk(out), stage_bar(quiet or not leads) as (log, progress):
            if dataset:
                from sedtalker_cli.training.vertex_animator.run import train_vertices

                best = train_vertices(dataset_settings(given), log, progress)
                log(f"wrote {out / 'checkpoint'}, of epoch {best['epoch']}")
                return
            from sedtalker_cli.data.capture_sources import parse_capture
            from sedtalker_cli.data.corpora import parse_corpus
            from sedtalker_cli.model.layers.kernels import choose_scan
            from sedtalker_cli.model.weights import weights_dir
            from sedtalker_cli.training.animator.run import train_animator
            from sedtalker_cli.training.animator.settings import AnimatorTraining

            choose_scan(scan_backend.value, "cpu")
            settings = AnimatorTraining(
                captures=tuple(parse_capture(text) for text in capture),
                corpora=tuple(parse_corpus(text) for text in corpus or ()),
                phones=tuple(phones or ()),
                landmarker=landmarker,
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
                network={
                    "layout": layout,
                    "conditioning": conditioning.value,
                    "soft": not hard,
                    "dropout": dropout,
                },
            )
            train_animator(settings, log, progress)
            log(f"wrote {out / 'checkpoint'}")


def dataset_settings(given: dict) -> "VertexTraining":
    """Settings of a training on data sets: base, preset, file, options, `--set`; the later the stronger."""
    from sedtalker_cli.training.vertex_animator.settings import (
        merge_settings,
        parse_assignments,
        read_preset,
        read_toml,
    )

    options = {name: given[name] for name in SHARED if name in given}
    options |= {name: str(given[name]) for name in ("out", "cache", "head") if name in given}
    options |= {name: given[name].value for name in ("device", "scan_backend") if name in given}
    options["datasets"] = given["dataset"]
    if "emotions" in given:
        options["emotions"] = [name.strip() for name in given["emotions"].split(",")]
    network = {name: given.get(name) for name in ("layout", "dropout")} | {"soft": False if given.get("hard") else None}
    network["conditioning"] = given["conditioning"].value if "conditioning" in given else None
    layers = [
        ("preset", read_preset(given.get("preset", "base"))),
        *([(str(given["config"]), read_toml(given["config"]))] if "config" in given else []),
        ("command line", {**options, "network": {name: v for name, v in network.items() if v is not None}}),
        ("--set", parse_assignments(given.get("assign", ()))),
    ]
    return merge_settings(layers)
