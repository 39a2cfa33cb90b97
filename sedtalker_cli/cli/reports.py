"""What every `evaluate` command leaves: its report in a folder, and tables or JSON on standard output."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sedtalker_cli.cli.console import say
from sedtalker_cli.cli.tables import print_tables

if TYPE_CHECKING:
    from sedtalker_cli.evaluation.report.html import Page
    from sedtalker_cli.evaluation.report.tables import Table


def leave_report(
    out: Path,
    content: Mapping[str, Any],
    page: "Page",
    tables: "Sequence[Table]",
    notes: Sequence[str],
    as_json: bool,
    quiet: bool,
) -> None:
    """Write the report and show it.

    Args:
        out: folder of `report.json` and `report.html`.
        content: of `report.json`, and of standard output with `as_json`.
        page: of `report.html`.
        tables: of standard output without `as_json`.
        notes: for standard error.
        as_json: the content instead of tables.
        quiet: neither notes nor tables.
    """
    from sedtalker_cli.batch.disk import name_full_disk
    from sedtalker_cli.evaluation.report.folder import write_report

    for note in () if quiet else notes:
        say(f"note: {note}")
    with name_full_disk(out):
        write_report(out, content, page)
    if as_json:
        typer.echo(json.dumps(content, allow_nan=False))
    elif not quiet:
        print_tables(tables)
