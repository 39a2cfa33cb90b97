"""Small readers for the tables that lie beside recordings: delimited text and transcripts."""

from __future__ import annotations

import csv
import io
from pathlib import Path


def read_text(path: Path, encodings: tuple[str, ...] = ("utf-8-sig", "cp1252")) -> str:
    """Decode a text file with the first encoding that fits (corpora are older than UTF-8's victory).

    Raises:
        ValueError: None of the encodings fits.
    """
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError(f"{path.name}: none of the encodings {', '.join(encodings)} fits")


def read_table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """Rows of a delimited file with a header, cells stripped; [] where there is no such file."""
    if not path.is_file():
        return []
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    rows = csv.DictReader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, quoting=quoting)
    return [{key.strip(): (value or "").strip() for key, value in row.items() if key} for row in rows]


def read_pairs(path: Path) -> dict[str, str]:
    """`key rest of line` per line (Kaldi's `text`, `spk2gender`); {} where there is no such file."""
    if not path.is_file():
        return {}
    pairs = (line.split(maxsplit=1) for line in read_text(path).split("\n"))
    return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}


def gender_code(word: str | None) -> str | None:
    """`f` or `m` from Female, male, F ...; None for anything else."""
    letter = (word or "").strip().lower()[:1]
    return letter if letter in ("f", "m") else None
