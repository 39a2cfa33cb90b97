"""UEM: the regions of recordings that are evaluated, one a line, `uri channel start end` in s."""

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.edges import read_time
from sedtalker_cli.formats.rttm import safe_uri
from sedtalker_cli.formats.text import read_text

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


def read_uem(path: str | os.PathLike) -> dict[str, Regions]:
    """Read regions by recording; comments (`;`) and empty lines are skipped.

    Args:
        path: UEM file.

    Returns:
        (start, end) in s, in order of time, for every uri.

    Raises:
        InputError: a line that is not a region, with its number; regions that overlap; or none at all.
    """
    recordings: dict[str, list[tuple[float, float, int]]] = {}  # with their lines
    for number, line in enumerate(read_text(Path(path)).split("\n"), start=1):
        fields = line.split()
        if not fields or fields[0].startswith(";"):
            continue
        if len(fields) != 4:
            raise InputError(f"{path}:{number}: has {len(fields)} fields, expected uri channel start end")
        start, end = (
            read_time(fields[k], name, path, number) for k, name in ((2, "start"), (3, "end"))
        )  # fmt: skip
        if end <= start:
            raise InputError(f"{path}:{number}: region ends at {end:g} s, not after its start {start:g} s")
        recordings.setdefault(fields[0], []).append((start, end, number))
    if not recordings:
        raise InputError(f"{path}: holds no region; expected lines of uri channel start end")
    for uri, regions in recordings.items():
        regions.sort()
        for (_, end, one), (start, _, other) in pairwise(regions):
            if start < end:
                raise InputError(f"{path}:{max(one, other)}: region overlaps another one of {uri}; join them")
    return {uri: [(start, end) for start, end, _ in regions] for uri, regions in recordings.items()}
