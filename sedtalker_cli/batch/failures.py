"""`failures.csv`: which inputs of a run failed, and why."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from sedtalker_cli.batch.tables import OwnTable
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.cells import quoted, unquoted
from sedtalker_cli.formats.text import read_text

COLUMNS = ["path", "reason"]


def write_failures(path: Path, failures: Iterable[tuple[str, str]]) -> None:
    """Write (input, reason) rows, whole or not at all; without any the file is removed.

    Args:
        path: of the table.
        failures: in the order in which they shall stand.
    """
    rows = list(failures)
    if not rows:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as part, open(part, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS, *([quoted(path), quoted(reason)] for path, reason in rows)])


def read_failures(path: Path) -> list[tuple[str, str]]:
    """Rows of a table that `write_failures` wrote.

    Raises:
        InputError: it is none.
    """
    rows = list(csv.reader(io.StringIO(read_text(path), newline="")))
    if not rows or rows[0] != COLUMNS or any(len(row) != 2 for row in rows):
        raise InputError(f"{path}: is no table of failures (columns {', '.join(COLUMNS)}); move it away")
    return [(unquoted(row[0]), unquoted(row[1])) for row in rows[1:]]


def check_failures(path: Path, overwrite: bool = False) -> None:
    """Find out whether a run may replace the file.

    Args:
        path: of the table.
        overwrite: whether one that was edited, or that nothing recorded, may go.

    Raises:
        UsageError: it is there and is something else, or somebody changed it.
    """
    if not os.path.lexists(path):
        return
    try:
        read_failures(path)
    except InputError as error:
        raise UsageError(f"{error}, or choose another --out folder") from error
    if not overwrite:
        OwnTable(path).check()


def leave_failures(path: Path, failures: Sequence[tuple[str, str]], overwrite: bool = False) -> None:
    """Put the table of a run in the place of that of the last run.

    Args:
        path: of the table.
        failures: as `write_failures` takes them.
        overwrite: see `check_failures`.
    """
    table = OwnTable(path)
    if failures:
        table.write(lambda part: write_failures(part, failures), overwrite)
    else:
        table.remove(overwrite)
