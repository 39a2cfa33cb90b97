"""`sedtalker evaluate animation`: predicted face motion against a talking-head data set, or files against files."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.reports import leave_report
from sedtalker_cli.cli.stages import stage_bar

EXAMPLES = """\b
With --dataset: a data set in its published layout, against NAME.npy or
NAME_condition_SUBJECT.npy, vertices (T, V, 3) or (T, 3V) at the data set's rate (30 a second;
BIWI 25). Files that are stored at another rate than the published one: --dataset vocaset@30=PATH.
With --reference: folders of NPY files with the same names. Motions that animate wrote bring their
head and frame rate along; for others give --fps, --regions and --templates.
Measures: LVE, MVE, EVE, FDD, VE, AE, jitter, timing of the lips' extrema, lips against loudness;
and what a face at rest would score. Every table names its definitions (standard: FaceFormer's and
CodeTalker's; sedtalker: those of the SEDTalker authors' script).
Tables go to standard output, all numbers to OUT/report.json, tables and pictures to
OUT/report.html, films to OUT/films/.

\b
Examples:
  sedtalker evaluate animation --dataset vocaset=PATH --predictions results/
  sedtalker evaluate animation --dataset emovoca=PATH --model runs/emovoca/checkpoint"""


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
    overwrite: opt.OverwriteReport = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Score predicted face motion, vertex by vertex, against recorded motion."""
    with session(quiet, as_json, debug):
        from sedtalker_cli.evaluation.animation.pages import animation_page, animation_tables, spread
        from sedtalker_cli.evaluation.animation.request import AnimationRequest
        from sedtalker_cli.evaluation.animation.scores import evaluate_pairs
        from sedtalker_cli.evaluation.report.folder import check_report_folder
        from sedtalker_cli.tasks.named_files import given_head

        request = AnimationRequest(
            dataset, reference, predictions, model, encoder, split, regions, templates, fps, device.value
        )
        check_report_folder(out, overwrite, *(["films"] if films else []))
        shape = given_head(head)
        with stage_bar(quiet) as (_, progress):
            pairs, masks, notes = request.pairs(progress)
        from sedtalker_cli.evaluation.animation.films import check_head, remove_older_films, write_films

        if films:
            from sedtalker_cli.tasks.named_files import built_in_head

            shape = shape or built_in_head()
            check_head(shape, pairs)
        with stage_bar(quiet) as (log, progress):
            report = evaluate_pairs(pairs, masks, definitions.value, progress, str(predictions or model))
            report.notes[:0] = notes
            written: list[Path] = []
            if films:
                by_name = {pair.name: pair for pair in pairs}
                chosen = [by_name[row.name] for row in spread(report, films)]
                written = write_films(chosen, shape, out / "films", progress=progress)
                for path in written:
                    log(f"wrote {path}")
            removed, left = remove_older_films(out / "films", written)
            for path in removed:
                log(f"removed {path}: of an earlier report")
            for path in left:
                log(f"{path} is not of this report, and stays")
        facts = request.facts
        content = {"facts": facts, **report.to_dict()}
        page, tables = animation_page(report, facts), animation_tables(report)
        leave_report(out, content, page, tables, report.notes, as_json, quiet)
