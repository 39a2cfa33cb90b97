"""UEM: the regions of recordings that are evaluated, one a line, `uri channel start end` in s."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.edges import read_time
from sedtalker_cli.formats.rttm import safe_uri
from sedtalker_cli.formats.skipping import Skipped
from sedtalker_cli.formats.text import read_labels_text

Regions = list[tuple[float, float]]


def write_uem(path: str | os.PathLike, recordings: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """Write regions, 3 decimals, channel 1.

    Args:
        path: file to write.
        recordings: uri -> (start, end) in s.
    """
    lines = [
        f"{safe_uri(uri)} 1 {start:.3f} {end:.3f}\n" for uri, regions in recordings.items() for start, end in regions
    ]
    with atomic_file(path) as part:
        part.write_text("".join(lines), encoding="utf-8", newline="\n")


def read_uem(path: str | os.PathLike, strict: bool = False) -> dict[str, Regions]:
    """Read regions by recording; comments (`;`, `#`) and empty lines are passed over.

    Args:
        path: UEM file.
        strict: whether a line that cannot be used is an error; otherwise it is left out with a warning.

    Returns:
        (start, end) in s, in order of time, for every uri; they may overlap.

    Raises:
        InputError: no region at all, or with `strict`; names the first line that could not be used.
    """
    recordings: dict[str, Regions] = {}
    skipped = Skipped(path, strict)
    for number, line in enumerate(read_labels_text(Path(path)).split("\n"), start=1):
        fields = line.split()
        if fields and not fields[0].startswith((";", "#")):
            with skipped.item():
                region = _region(path, number, fields)
                recordings.setdefault(fields[0], []).append(region)
    skipped.check(recordings, "holds no region; expected lines of uri channel start end")
    return {uri: sorted(regions) for uri, regions in recordings.items()}


def _region(path: str | os.PathLike, number: int, fields: list[str]) -> tuple[float, float]:
    if len(fields) != 4:
        raise InputError(f"{path}:{number}: has {len(fields)} fields, expected uri channel start end")
    start, end = read_time(fields[2], "start", path, number), read_time(fields[3], "end", path, number)
    if end <= start:
        raise InputError(f"{path}:{number}: region ends at {end:g} s, not after its start {start:g} s")
    return start, end
