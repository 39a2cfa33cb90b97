"""`sedtalker evaluate lipsync`: an animator against captured motion."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.stages import stage_bar

EXAMPLES = """\b
Example:
  sedtalker evaluate lipsync --capture grid=PATH --capture facegood=PATH

\b
Scores the animator on the test split of captured recordings, beside a loudness envelope and a linear ridge
learned from the training split. A table goes to standard output, all numbers to OUT/report.json."""


def lipsync(
    capture: Annotated[
        list[str], typer.Option(metavar="SOURCE=PATH", help="Captured motion: grid=PATH or facegood=PATH.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of report.json.")] = Path("report"),
    split: Annotated[str, typer.Option(metavar="train|val|test", help="Part to score.")] = "test",
    encoder: opt.Encoder = None,
    animator: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Animator checkpoint instead of the bundled one.")
    ] = None,
    device: opt.DeviceOption = opt.Device.auto,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Score mouth motion against captured motion."""
    with session(quiet, as_json, debug):
        import json

        from sedtalker_cli.data.captures import READERS, parse_capture
        from sedtalker_cli.evaluation.lipsync import evaluate_lipsync
        from sedtalker_cli.face.head import load_head
        from sedtalker_cli.formats.atomic import atomic_file
        from sedtalker_cli.pipeline import Pipeline

        captures = [c for name, path in map(parse_capture, capture) for c in READERS[name](path)]
        pipeline = Pipeline.load(device.value, encoder=encoder, animator=animator)
        with stage_bar(quiet) as (_, progress):
            results = evaluate_lipsync(pipeline.encoder, pipeline.animator, captures, split, load_head(), progress)
        out.mkdir(parents=True, exist_ok=True)
        with atomic_file(out / "report.json") as path:
            path.write_text(json.dumps({"split": split, "scores": results}, indent=1) + "\n", encoding="utf-8")
        if as_json:
            typer.echo(json.dumps(results))
        elif not quiet:
            print_scores(results, split)


def print_scores(results: dict[str, dict[str, dict[str, float]]], split: str) -> None:
    """One table a source on standard output."""
    from rich.console import Console
    from rich.table import Table

    from sedtalker_cli.evaluation.lipsync import SWAPPED

    for source, rows in results.items():
        for title, part in (
            (f"{source}, {split} split", {k: v for k, v in rows.items() if k != SWAPPED}),
            (f"{source}: the same words in two emotions at full intensity", {SWAPPED: rows[SWAPPED]}),
        ):
            names = list(dict.fromkeys(name for scores in part.values() for name in scores))
            table = Table("", *names, title=title)
            for row, scores in part.items():
                table.add_row(row, *(f"{scores[name]:.3f}" if name in scores else "" for name in names))
            Console(highlight=False, width=160).print(table)
