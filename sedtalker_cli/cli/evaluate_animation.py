"""`sedtalker evaluate animation`: predicted face motion against a talking-head data set, or files against files."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import say, session
from sedtalker_cli.cli.stages import stage_bar
from sedtalker_cli.cli.tables import print_tables

if TYPE_CHECKING:
    from sedtalker_cli.evaluation.animation.predictor import SequencePredictor
    from sedtalker_cli.evaluation.animation.scores import Pair
    from sedtalker_cli.evaluation.metrics.animation import Masks
    from sedtalker_cli.progress import Progress

EXAMPLES = """\b
Examples:
  sedtalker evaluate animation --dataset vocaset=PATH --predictions results/
  sedtalker evaluate animation --dataset emovoca=PATH --predictions results/ --definitions sedtalker
  sedtalker evaluate animation --dataset emovoca=PATH --model runs/emovoca/checkpoint
  sedtalker evaluate animation --dataset biwi=PATH --predictions results/ --films 3 --head BIWI.ply
  sedtalker evaluate animation --reference truth/ --predictions results/

\b
With --dataset: a data set in its published layout, against NAME.npy or NAME_condition_SUBJECT.npy,
vertices (T, V, 3) or (T, 3V) at the data set's rate (30 a second; BIWI 25). Files that are stored at
another rate than the published one: --dataset vocaset@30=PATH.
With --reference: folders of NPY files with the same names. Motions that animate wrote bring their
head and frame rate along; for others give --fps, --regions and --templates.
Measures: LVE, MVE, EVE, FDD, VE, AE, jitter, timing of the lips' extrema, lips against loudness; beside
them what a face at rest would score. Every table names its definitions (standard: FaceFormer's and
CodeTalker's; sedtalker: those of the SEDTalker authors' script).
Tables go to standard output, all numbers to OUT/report.json, tables and pictures to OUT/report.html,
films to OUT/films/."""


class Definitions(str, Enum):
    """Whose way of computing the measures."""

    standard = "standard"
    sedtalker = "sedtalker"


def animation(
    predictions: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of predicted motions; with --model, a new one to write them to."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Checkpoint of `train animator --dataset` that predicts.")
    ] = None,
    encoder: opt.Encoder = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME=PATH", help="vocaset=PATH, emovoca=PATH or biwi=PATH: the references.")
    ] = None,
    reference: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of reference motions.")] = None,
    split: Annotated[str, typer.Option(metavar="train|val|test", help="Part of the data set to score.")] = "test",
    definitions: Annotated[Definitions, typer.Option(help="Whose definitions of the measures.")] = Definitions.standard,
    regions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder with lve.txt and fdd.txt, or FLAME_masks.pkl.")
    ] = None,
    templates: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Faces at rest (.pkl) for --reference; else the sidecars' heads."),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(min=1, max=1000, help="Frames a second of --reference files without a sidecar.")
    ] = None,
    films: Annotated[
        int, typer.Option(min=0, help="Films of reference and prediction side by side, evenly from best to worst.")
    ] = 0,
    head: opt.HeadFile = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of report.json and report.html.")
    ] = Path("report"),
    device: opt.DeviceOption = opt.Device.auto,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Score predicted face motion, vertex by vertex, against recorded motion."""
    with session(quiet, as_json, debug):
        import json

        from sedtalker_cli.errors import UsageError
        from sedtalker_cli.evaluation.animation.pages import animation_page, animation_tables, spread
        from sedtalker_cli.evaluation.animation.scores import evaluate_pairs
        from sedtalker_cli.evaluation.report.folder import check_report_folder, write_report
        from sedtalker_cli.tasks.named_files import given_head

        if (dataset is None) == (reference is None):
            raise UsageError("references come from one side: give --dataset NAME=PATH or --reference DIR")
        wrong = next((n for n, v in (("--templates", templates), ("--fps", fps)) if v is not None and dataset), None)
        if wrong:
            raise UsageError(f"{wrong} belongs to --reference; a data set brings its own (rates: NAME@FPS=PATH)")
        if encoder and not model:
            raise UsageError("--encoder belongs to --model; leave it out")
        if model and not dataset:
            raise UsageError("--model predicts the recordings of a data set: give --dataset NAME=PATH")
        if predictions is None and model is None:
            raise UsageError("what is scored: give --predictions DIR, or --model DIR with --dataset")
        check_report_folder(out)
        shape = given_head(head)
        facts = {"dataset" if dataset else "reference": str(dataset or reference)}
        facts |= {name: str(path) for name, path in (("model", model), ("predictions", predictions)) if path}
        if dataset:
            facts["split"] = split
            predict = predictor(model, encoder, device.value) if model else None
            with stage_bar(quiet) as (_, progress):
                pairs, masks, notes = of_dataset(dataset, split, predictions, regions, predict, progress)
        else:
            from sedtalker_cli.evaluation.animation.files import folder_pairs

            pairs, masks, notes = folder_pairs(reference, predictions, fps, regions, templates)
        if films:
            from sedtalker_cli.evaluation.animation.films import check_head, write_films
            from sedtalker_cli.tasks.named_files import built_in_head

            shape = shape or built_in_head()
            check_head(shape, pairs)
        with stage_bar(quiet) as (log, progress):
            report = evaluate_pairs(pairs, masks, definitions.value, progress, str(predictions or model))
            report.notes[:0] = notes
            if films:
                by_name = {pair.name: pair for pair in pairs}
                chosen = [by_name[row.name] for row in spread(report, films)]
                for path in write_films(chosen, shape, out / "films", progress=progress):
                    log(f"wrote {path}")
        for note in () if quiet else report.notes:
            say(f"note: {note}")
        content = {"facts": facts, **report.to_dict()}
        write_report(out, content, animation_page(report, facts))
        if as_json:
            typer.echo(json.dumps(content, allow_nan=False))
        elif not quiet:
            print_tables(animation_tables(report))


def predictor(model: Path, encoder: str | None, device: str) -> "SequencePredictor":
    """What predicts vertices of a data set's sequences."""
    from sedtalker_cli.evaluation.animation.predictor import SequencePredictor
    from sedtalker_cli.model.device import choose_device
    from sedtalker_cli.model.vertex_animator import VertexAnimator
    from sedtalker_cli.model.vertex_encoder import encoder_for

    animator = VertexAnimator.load(model, choose_device(device))
    return SequencePredictor(animator, encoder_for(animator, encoder))


def of_dataset(
    spec: str,
    split: str,
    predictions: Path | None,
    regions: Path | None,
    predict: "SequencePredictor | None",
    progress: "Progress",
) -> "tuple[list[Pair], Masks, list[str]]":
    """Pairs, masks and notes of a data set's split; without a folder of predictions these are made when needed."""
    from sedtalker_cli.data.corpora.splits import SPLITS
    from sedtalker_cli.data.talking_heads import parse_dataset, read_regions
    from sedtalker_cli.errors import UsageError
    from sedtalker_cli.evaluation.animation.files import dataset_pairs
    from sedtalker_cli.evaluation.animation.scores import masks_of, pair_of, sequences_of

    if split not in SPLITS:
        raise UsageError(f"--split {split!r} is none of {', '.join(SPLITS)}")
    data = parse_dataset(spec).read()
    own = read_regions(regions, data.vertex_count) if regions else data.regions
    masks = masks_of(own, str(regions or data.root))
    if predictions is None:
        chosen = sequences_of(data, split)
        return [pair_of(s, s.name, lambda s=s: predict(s)) for s in chosen], masks, [*data.notes]
    if predict:
        predict.write(sequences_of(data, split), predictions, progress)
    pairs, notes = dataset_pairs(data, split, predictions)
    return pairs, masks, [*data.notes, *notes]
