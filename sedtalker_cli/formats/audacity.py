"""Audacity label track: one line a segment, `onset TAB end TAB label`, times in s with 6 decimals."""

import os
from collections.abc import Sequence
from pathlib import Path

from sedtalker_cli.emotion.timeline import Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.edges import read_time, written_edges
from sedtalker_cli.formats.text import read_text


def write_labels(path: str | os.PathLike, segments: Sequence[Segment]) -> None:
    """Write segments; their confidence has no place in this format.

    Args:
        path: `.txt` file, as Audacity imports it.
        segments: in order of time.
    """
    lines = [f"{start:.6f}\t{end:.6f}\t{_one_line(s.emotion)}\n" for start, end, s in written_edges(segments)]
    with atomic_file(path) as part:
        part.write_text("".join(lines), encoding="utf-8", newline="\n")


def read_labels(path: str | os.PathLike) -> list[Segment]:
    """Read segments, also from a track that was edited in Audacity.

    Args:
        path: label track; lines that begin with a backslash (frequency ranges) are skipped.

    Returns:
        Segments in order of time, confidence 1.

    Raises:
        InputError: a line that is not a label of some length, with its number; or no label at all.
    """
    segments = []
    for number, line in enumerate(read_text(Path(path)).split("\n"), start=1):
        if not line.strip() or line.startswith("\\"):
            continue
        fields = line.split("\t")
        if len(fields) != 3:
            raise InputError(f"{path}:{number}: has {len(fields)} fields, expected onset TAB end TAB label")
        onset = read_time(fields[0], "onset", path, number)
        end = read_time(fields[1], "end", path, number)
        label = fields[2].strip()
        if end <= onset:
            raise InputError(f"{path}:{number}: ends at {end:g} s, not after its onset {onset:g} s; give it a length")
        if not label:
            raise InputError(f"{path}:{number}: has no label; name an emotion or remove the line")
        segments.append(Segment(onset, end - onset, label))
    if not segments:
        raise InputError(f"{path}: holds no label; is it an Audacity label track?")
    return sorted(segments, key=lambda segment: segment.onset)


def _one_line(text: str) -> str:
    """Tabs and line ends would end the field."""
    return " ".join(text.split())
