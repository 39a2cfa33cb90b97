"""Phone times: CSV with `phone,onset,offset,release,stress`, times in seconds, rows in order of time."""

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.text import read_text

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
    missing = {"phone", "onset", "offset"} - set(rows.fieldnames or ())
    if missing:
        raise InputError(f"{path}: not a table of phones, lacks {', '.join(sorted(missing))} in its first line")
    phones: list[Phone] = []
    for row in rows:
        onset, offset = _time(row["onset"], path, rows.line_num), _time(row["offset"], path, rows.line_num)
        if offset <= onset or (phones and onset < phones[-1].offset - 1e-3):
            raise InputError(f"{path}:{rows.line_num}: {onset:g} to {offset:g} s does not follow the row before")
        release = _time(row["release"], path, rows.line_num) if row.get("release") else None
        stress = row.get("stress") or "0"
        if not stress.isdigit():
            raise InputError(f"{path}:{rows.line_num}: stress {stress!r} is no whole number")
        phones.append(Phone((row["phone"] or SILENCE).strip(), onset, offset, release, int(stress)))
    if not phones:
        raise InputError(f"{path}: holds no phones")
    return phones


def _time(text: str | None, path: str | os.PathLike, line: int) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{path}:{line}: {text!r} is no time in seconds")
    return value
