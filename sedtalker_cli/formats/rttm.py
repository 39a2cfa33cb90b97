"""RTTM: one line a segment, `SPEAKER uri 1 onset dur <NA> <NA> emotion confidence <NA>`."""

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

from sedtalker_cli.emotion.timeline import Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.edges import read_time
from sedtalker_cli.formats.skipping import Skipped
from sedtalker_cli.formats.text import read_labels_text

FIELDS, LEAST = 10, 8  # some tools leave the last ones out


def safe_uri(name: str) -> str:
    """RTTM separates fields by white space: within a name each becomes `_`; an empty name becomes `_` too."""
    return re.sub(r"\s", "_", name) or "_"


def format_rttm(segments: Sequence[Segment], uri: str) -> str:
    """Text of an RTTM file.

    Args:
        segments: in order of time.
        uri: name of the recording.

    Returns:
        Lines with 3 decimals. Both ends are rounded, not the duration, so that segments that tile still
        tile; a segment that rounds to nothing is left out.
    """
    lines, before, end = [], math.inf, 0
    for segment in segments:
        # What touches the segment before has to touch it after rounding too.
        onset = end if abs(segment.onset - before) < 1e-6 else round(segment.onset * 1000)
        before, end = segment.end, round(segment.end * 1000)
        if end > onset:
            times = f"{onset / 1000:.3f} {(end - onset) / 1000:.3f}"
            lines.append(
                f"SPEAKER {safe_uri(uri)} 1 {times} <NA> <NA> {safe_uri(segment.emotion)} "
                f"{segment.confidence:.3f} <NA>\n"
            )
    return "".join(lines)


def write_rttm(path: str | os.PathLike, segments: Sequence[Segment], uri: str) -> None:
    """Write one recording's segments (see `format_rttm`)."""
    with atomic_file(path) as part:
        # A file name that is not valid text still has to be written somehow: as question marks.
        part.write_bytes(format_rttm(segments, uri).encode("utf-8", "replace"))


def read_rttm(path: str | os.PathLike, strict: bool = False) -> dict[str, list[Segment]]:
    """Read segments by recording; comments (`;`, `#`) and lines of other types are passed over, others that cannot be
    used are left out with a warning.

    Args:
        path: RTTM file.
        strict: whether a line that cannot be used is an error; otherwise it is left out with a warning.

    Returns:
        Segments in order of time for every uri, in the file's order of uris; none where no line of it can be used.

    Raises:
        InputError: no segment at all, or with `strict`; names the first line that could not be used.
    """
    recordings: dict[str, list[Segment]] = {}
    skipped = Skipped(path, strict)
    for number, line in enumerate(read_labels_text(Path(path)).split("\n"), start=1):
        fields = line.split()
        if not fields or fields[0].startswith((";", "#")):
            continue
        with skipped.item():
            if fields[0] == "SPEAKER":
                found = recordings.setdefault(fields[1], []) if len(fields) > 2 else []  # of a name that is whole
                found.append(_segment(path, number, fields))
            elif not re.fullmatch(r"[A-Z][A-Z_-]+", fields[0]):
                raise InputError(f"{path}:{number}: not an RTTM line; expected SPEAKER and {FIELDS - 1} fields")
    skipped.check(any(recordings.values()), "holds no SPEAKER line; is it an RTTM file?")
    return {uri: sorted(found, key=lambda s: s.onset) for uri, found in recordings.items()}


def _segment(path: str | os.PathLike, number: int, fields: list[str]) -> Segment:
    """One SPEAKER line; the confidence may be missing at its end."""
    if not LEAST <= len(fields) <= FIELDS:
        raise InputError(f"{path}:{number}: has {len(fields)} fields, expected {FIELDS}")
    onset = read_time(fields[3], "onset", path, number)
    duration = read_time(fields[4], "duration", path, number)
    known = len(fields) > LEAST and fields[LEAST] != "<NA>"
    confidence = read_time(fields[LEAST], "confidence", path, number) if known else 1.0
    if duration == 0:
        raise InputError(f"{path}:{number}: duration is 0; remove the line or give it a length")
    return Segment(onset, duration, fields[7], confidence, number)
