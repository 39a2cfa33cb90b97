"""`sedtalker evaluate expression`: how the expressions of animated recordings move."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.animate import Expression
from sedtalker_cli.cli.console import say, session
from sedtalker_cli.cli.stages import stage_bar
from sedtalker_cli.cli.tables import print_tables

EXAMPLES = """\b
Examples:
  sedtalker evaluate expression examples/
  sedtalker evaluate expression ravdess=PATH emodb=PATH --recursive --limit 7

\b
Animates every recording in all emotions and measures brows, lids, cheeks and nose: mean, deviation, half-life of
the autocorrelation, movement between .5 and 8 Hz, coupling to the energy of the voice; beside real takes. Further:
lip opening and width against neutral, closures, and sizes of action units beside those of actors.
Tables go to standard output, all numbers to OUT/report.json and OUT/expression.csv, tables to OUT/report.md and
OUT/report.html."""


def expression(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]INPUT",
            help="Sound files, folders, patterns or .txt lists; those of one NAME are a set, with statistics of its own.",
        ),
    ],
    recursive: opt.Recursive = False,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Take N of each set, evenly spaced; 0 takes all.")] = 0,
    intensity: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the emotions.")] = 1.0,
    expression: Annotated[Expression, typer.Option(help="As sedtalker animate takes it.")] = Expression.alive,
    seed: Annotated[int, typer.Option(min=0, help="Of the first recording; each takes the next.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the report.")] = Path("report"),
    encoder: opt.Encoder = None,
    model: opt.Model = None,
    animator: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Animator checkpoint instead of the bundled one.")
    ] = None,
    device: opt.DeviceOption = opt.Device.auto,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Measure how expressions move while somebody speaks, beside real faces."""
    with session(quiet, as_json, debug):
        import json

        from sedtalker_cli.evaluation.expression.pages import (
            expression_csv,
            expression_markdown,
            expression_page,
            report_tables,
        )
        from sedtalker_cli.evaluation.expression.scores import evaluate_expression
        from sedtalker_cli.evaluation.report.folder import check_report_folder, write_report
        from sedtalker_cli.formats.atomic import atomic_file
        from sedtalker_cli.pipeline import Pipeline

        check_report_folder(out)
        sets = recording_sets(inputs, recursive, limit)
        pipeline = Pipeline.load(device.value, encoder=encoder, diarizer=model, animator=animator)
        with stage_bar(quiet) as (_, progress):
            report = evaluate_expression(pipeline, sets, intensity, seed, expression.value, progress)
        models = {f"model: {name}": str(checksum) for name, checksum in pipeline.models(animate=True).items()}
        facts = {"intensity": f"{intensity:g}", "seed": str(seed), "expression": expression.value, **models}
        content = {"facts": facts, **report.to_dict()}
        write_report(out, content, expression_page(report, facts))
        for name, text in (("expression.csv", expression_csv(report)), ("report.md", expression_markdown(report))):
            with atomic_file(out / name) as part:
                part.write_text(text, encoding="utf-8")
        if as_json:
            typer.echo(json.dumps(content, allow_nan=False))
        elif not quiet:
            print_tables(report_tables(report))
            say(f"leading channels out of range: {len(report.missed())}")


def recording_sets(inputs: list[str], recursive: bool, limit: int) -> dict[str, list[Path]]:
    """Name of a set -> its sound files.

    Raises:
        UsageError: an input that holds no sound.
    """
    from sedtalker_cli.audio.reading import is_sound_name
    from sedtalker_cli.batch.inputs import collect_jobs
    from sedtalker_cli.errors import UsageError

    sets: dict[str, list[Path]] = {}
    for text in inputs:
        name, equals, place = text.rpartition("=")
        path = Path(place)
        listed = path if path.suffix.lower() == ".txt" else None
        jobs, bad = collect_jobs(
            [] if listed else [path], accepts=is_sound_name, list_file=listed, recursive=recursive
        )
        if bad:
            raise UsageError(bad[0].message)
        sets.setdefault(name if equals else "recordings", []).extend(job.source for job in jobs)
    if not limit:
        return sets
    return {
        name: [files[k * len(files) // limit] for k in range(limit)] if len(files) > limit else files
        for name, files in sets.items()
    }
