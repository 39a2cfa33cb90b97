"""Audacity label track: one line a segment, `onset TAB end TAB label`, times in s with 6 decimals."""

import os
from collections.abc import Sequence
from pathlib import Path

from sedtalker_cli.emotion.timeline import Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.cells import without_empty_end
from sedtalker_cli.formats.edges import read_time, written_edges
from sedtalker_cli.formats.skipping import Skipped
from sedtalker_cli.formats.text import read_labels_text


def write_labels(path: str | os.PathLike, segments: Sequence[Segment]) -> None:
    """Write segments; their confidence has no place in this format.

    Args:
        path: `.txt` file, as Audacity imports it.
        segments: in order of time.
    """
    lines = [f"{start:.6f}\t{end:.6f}\t{_one_line(s.emotion)}\n" for start, end, s in written_edges(segments)]
    with atomic_file(path) as part:
        part.write_text("".join(lines), encoding="utf-8", newline="\n")


def read_labels(path: str | os.PathLike, strict: bool = False) -> list[Segment]:
    """Read segments, also from a track that was edited in Audacity.

    Args:
        path: label track; lines that begin with a backslash (frequency ranges) are skipped.
        strict: whether a line that cannot be used is an error; otherwise it is left out with a warning.

    Returns:
        Segments in order of time, confidence 1.

    Raises:
        InputError: no label of some length at all, or with `strict`; names the first line that could not be used.
    """
    segments: list[Segment] = []
    skipped = Skipped(path, strict)
    for number, line in enumerate(read_labels_text(Path(path)).split("\n"), start=1):
        if line.strip() and not line.startswith("\\"):
            with skipped.item():
                segments.append(_segment(path, number, line.split("\t")))
    skipped.check(segments, "holds no label; is it an Audacity label track?")
    return sorted(segments, key=lambda segment: segment.onset)


def _segment(path: str | os.PathLike, number: int, fields: list[str]) -> Segment:
    fields = without_empty_end(fields, 3)
    if len(fields) != 3:
        raise InputError(f"{path}:{number}: has {len(fields)} fields, expected onset TAB end TAB label")
    onset, end = (
        read_time(text.replace(",", "."), name, path, number)
        for text, name in zip(fields, ("onset", "end"), strict=False)
    )
    label = fields[2].strip()
    if end <= onset:
        raise InputError(f"{path}:{number}: ends at {end:g} s, not after its onset {onset:g} s; give it a length")
    if not label:
        raise InputError(f"{path}:{number}: has no label; name an emotion or remove the line")
    return Segment(onset, end - onset, label, line=number)


def _one_line(text: str) -> str:
    """Tabs and line ends would end the field."""
    return " ".join(text.split())
