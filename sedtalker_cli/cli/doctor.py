"""`sedtalker doctor`: what is there, for bug reports and before long runs."""

from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.panels import machine_option

EXAMPLES = """\b
Looks at packages, CUDA, OpenGL, ffmpeg, the cores that may be used, the bundled weights with
their checksums, and optional extras. Exit status: 1 where something that commands need is absent.

\b
Examples:
  sedtalker doctor
  sedtalker doctor --json > machine.json"""


def doctor(
    as_json: Annotated[
        bool, machine_option("--json", help="Print one JSON object a finding to standard output.")
    ] = False,
    quiet: Annotated[bool, machine_option("--quiet", "-q", help="Print only what is missing.")] = False,
    debug: opt.Debug = False,
) -> None:
    """Show what is installed and what is missing; put it into bug reports."""
    with session(quiet, as_json, debug):
        import json

        from sedtalker_cli.tasks.doctor import BROKEN, examine

        missing = False
        for finding in examine():
            missing |= finding.state == BROKEN
            if quiet and finding.state != BROKEN:
                continue
            if as_json:
                typer.echo(json.dumps(finding.to_dict()))
            else:
                typer.echo(f"{finding.name:<17} {finding.state:<14} {finding.value}")
        raise typer.Exit(int(missing))
