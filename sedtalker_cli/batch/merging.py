"""Many recordings' timelines as one table and one RTTM file; with the failures of the runs that made them."""

from __future__ import annotations

import csv
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sedtalker_cli.batch.failures import read_failures, write_failures
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.ownership import refuse_existing
from sedtalker_cli.batch.run import check_folder
from sedtalker_cli.clock import HOP
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.cells import quoted
from sedtalker_cli.formats.emotion_csv import COLUMNS
from sedtalker_cli.formats.rttm import safe_uri
from sedtalker_cli.formats.text import read_text

LOGGER = logging.getLogger("sedtalker")
TABLE_SUFFIX, RTTM_SUFFIX = ".emotion.csv", ".rttm"
TABLE, RTTM, FAILURES, SUMMARY = "emotions.csv", "emotions.rttm", "failures.csv", "summary.json"


def merge(folders: Sequence[Path], out: Path, overwrite: bool = False) -> dict[str, Any]:
    """Write `emotions.csv` (with the column `uri`), `emotions.rttm`, `failures.csv` and `summary.json`.

    A recording's uri is the path of its files below its folder, with `_` for white space; recordings are in its order.
    One whose files are missing or damaged is left out, with a warning and a line in `failures.csv`.

    Args:
        folders: output folders of `diarize` or `animate`.
        out: folder to write to.
        overwrite: whether files that exist are replaced.

    Returns:
        What `summary.json` says.

    Raises:
        UsageError: a folder is none, results exist already, or two recordings have the same uri.
        InputError: no recording is whole, or their tables have different columns.
    """
    failures = _failures(folders)
    found = _recordings(folders)
    if not found and not failures:
        raise InputError(f"{folders[0]}: holds no {TABLE_SUFFIX} file; name output folders of diarize or animate")
    taken = {path.resolve() for folder in folders for path in folder.glob("failures*.csv")}
    targets = [out / name for name in (TABLE, RTTM, FAILURES, SUMMARY)]
    for target in targets:
        if target.resolve() in taken:
            raise UsageError(f"{target} is an input and would be replaced; choose another --out folder")
        refuse_existing([target], overwrite)
    check_folder(out, f"--out {out}")
    out.mkdir(parents=True, exist_ok=True)
    frames: Counter[str] = Counter()
    damaged: list[tuple[str, str]] = []
    with ExitStack() as parts:
        table, lines = (
            parts.enter_context(
                # names need not be valid text
                open(parts.enter_context(atomic_file(out / name)), "w", encoding="utf-8", errors="replace", newline="")
            )
            for name in (TABLE, RTTM)
        )
        writer, header, first = csv.writer(table, lineterminator="\n"), None, None
        for uri, path in found:
            try:
                names, rows = _table_rows(path)
                segments = _rttm_lines(uri, path.with_name(path.name.removesuffix(TABLE_SUFFIX) + RTTM_SUFFIX))
            except InputError as error:
                damaged.append((str(path), str(error)))
                LOGGER.warning("%s; its recording is left out", error)
                continue
            if header is None:
                header, first = names, path
                writer.writerow(["uri", *header])
            if names != header:
                raise InputError(f"{path}: has other columns than {first}; merge what one model made")
            for row in rows:
                frames[row[COLUMNS.index("emotion")]] += 1
                writer.writerow([quoted(uri), *row])
            lines.writelines(segments)
        if damaged and header is None:
            raise InputError(damaged[0][1])
    write_failures(out / FAILURES, sorted(failures + damaged))
    summary = {
        "recordings": len(found) - len(damaged),
        "damaged": len(damaged),
        "failed": len(failures),
        "seconds": round(frames.total() * HOP, 2),
        "seconds_by_emotion": {name: round(count * HOP, 2) for name, count in sorted(frames.items())},
    }
    with atomic_file(out / SUMMARY) as part:
        part.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return summary


def _recordings(folders: Sequence[Path]) -> list[tuple[str, Path]]:
    """(uri, table) of all recordings, sorted by uri."""
    first: dict[str, Path] = {}
    for folder in dict.fromkeys(path.resolve() for path in folders):
        for place, subfolders, names in os.walk(folder):
            subfolders[:] = [name for name in subfolders if not name.startswith(".")]
            for path in (Path(place) / name for name in names if name.endswith(TABLE_SUFFIX)):
                name = path.relative_to(folder).as_posix().removesuffix(TABLE_SUFFIX)
                other = first.setdefault(safe_uri(name), path)
                if other is not path:
                    raise UsageError(f"{other} and {path} would both be {safe_uri(name)}; rename one, or leave it out")
    return sorted(first.items())


def _table_rows(path: Path) -> tuple[list[str], Iterator[list[str]]]:
    """Names of a recording's columns, and its rows, which are whole; one row is held at a time."""
    lines = read_text(path).splitlines()
    rows = csv.reader(lines)
    try:
        names = next(rows, [])
        if tuple(names[: len(COLUMNS)]) != COLUMNS:
            raise InputError(f"{path}: is no table of emotions ({','.join(COLUMNS)},...); make it again")
        for row in rows:
            if len(row) != len(names):
                raise InputError(f"{path}: frame {row[0] if row else '?'} has {len(row)} cells; make it again")
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num}: not a CSV line ({error}); make it again") from error
    return names, csv.reader(lines[1:])


def _rttm_lines(uri: str, path: Path) -> list[str]:
    """Lines of a recording's RTTM file, with its uri in the whole."""
    fields = [line.split() for line in read_text(path).splitlines() if line.strip()]
    if not fields or any(len(line) != 10 or line[0] != "SPEAKER" for line in fields):
        raise InputError(f"{path}: is not RTTM as diarize writes it; make it again")
    return [" ".join([line[0], uri, *line[2:]]) + "\n" for line in fields]


def _failures(folders: Sequence[Path]) -> list[tuple[str, str]]:
    """Failures of all runs that no run has mended, each once, sorted."""
    rows: set[tuple[str, str]] = set()
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder}: is no folder; name output folders of diarize or animate")
        for path in folder.glob("failures*.csv"):
            rows.update(read_failures(path))
    mended = {source for folder in folders for source in Ledger(folder, "diarize").done()} if rows else set()
    return sorted(row for row in rows if os.path.abspath(row[0]) not in mended)
