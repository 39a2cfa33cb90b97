"""Phone times: CSV with `phone,onset,offset,release,stress`, times in seconds, rows in order of time."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.edges import read_time
from sedtalker_cli.formats.text import read_count, read_text

FIELDS = ("phone", "onset", "offset", "release", "stress")
SILENCE = "sil"


@dataclass(frozen=True)
class Phone:
    """One spoken phone.

    Attributes:
        symbol: IPA without length marks, diphthongs and affricates as one; `sil` is silence.
        onset, offset: in seconds.
        release: burst of a stop in seconds, None where unknown.
        stress: 0 none, 1 primary, 2 secondary.
    """

    symbol: str
    onset: float
    offset: float
    release: float | None = None
    stress: int = 0


def write_phones(path: str | os.PathLike, phones: Sequence[Phone]) -> None:
    """Write phones; times with 4 decimals."""
    with atomic_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FIELDS)
        for p in phones:
            release = "" if p.release is None else f"{p.release:.4f}"
            writer.writerow([p.symbol, f"{p.onset:.4f}", f"{p.offset:.4f}", release, p.stress])


def read_phones(path: str | os.PathLike) -> list[Phone]:
    """Read phones; only the columns phone, onset and offset are needed, and empty phones are silence.

    Raises:
        InputError: no such table, or a row whose times make no sense; names the line.
    """
    rows = csv.DictReader(read_text(Path(path)).splitlines())
    phones: list[Phone] = []
    try:
        missing = {"phone", "onset", "offset"} - set(rows.fieldnames or ())
        if missing:
            raise InputError(f"{path}: not a table of phones, lacks {', '.join(sorted(missing))} in its first line")
        for row in rows:
            phones.append(_phone(row, path, rows.line_num, phones[-1].offset if phones else 0.0))
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num + 1}: not a CSV line ({error})") from error
    if not phones:
        raise InputError(f"{path}: holds no phones")
    return phones


def _phone(row: dict[str, str], path: str | os.PathLike, line: int, before: float) -> Phone:
    """A row as a phone that starts when the one before it has ended."""
    onset, offset = (read_time(row[name] or "", name, path, line) for name in ("onset", "offset"))
    if offset <= onset or onset < before - 1e-3:
        raise InputError(f"{path}:{line}: {onset:g} to {offset:g} s does not follow the row before")
    release = read_time(row["release"], "release", path, line) if row.get("release") else None
    stress = read_count(row.get("stress") or "0")
    if stress is None:
        raise InputError(f"{path}:{line}: stress {row['stress']!r} is no whole number")
    return Phone((row["phone"] or "").strip() or SILENCE, onset, offset, release, stress)
