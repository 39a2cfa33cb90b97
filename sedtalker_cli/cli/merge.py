"""`sedtalker merge`: the results of a whole dataset in one table."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import say, session

EXAMPLES = """\b
Writes emotions.csv (all STEM.emotion.csv, with a column uri in front), emotions.rttm (all
STEM.rttm), failures.csv (what the runs could not do; absent if there is nothing) and
summary.json. The uri of a recording is the path of its files below its folder; rows are in order
of it and of time. A recording whose files are damaged is left out and listed in failures.csv; the
exit status is then 1.

\b
Examples:
  sedtalker merge results/ --out dataset/
  sedtalker merge part1/ part2/ part3/ --out dataset/"""


def merge(
    folders: Annotated[
        list[Path], typer.Argument(metavar="OUT", help="Output folders of diarize or animate.", readable=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the merged files.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace merged files that exist already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON to standard output.")] = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Join the emotions of many recordings: one table, one RTTM file, one list of failures."""
    with session(quiet, as_json, debug):
        import json

        from sedtalker_cli.batch.disk import name_full_disk
        from sedtalker_cli.batch.merging import merge as merge_folders

        with name_full_disk(out):
            summary = merge_folders(folders, out, overwrite)
        if as_json:
            typer.echo(json.dumps(summary))
        if not quiet:
            counts = f"{summary['recordings']} recordings, {summary['seconds']:g} s, {summary['failed']} failed"
            left = f", {summary['damaged']} damaged and left out" if summary["damaged"] else ""
            say(f"{counts}{left} -> {out}")
        if summary["damaged"]:
            raise typer.Exit(1)
