"""Times of segments as they are written: rounded, and still touching where the segments touch."""

import math
import os
from collections.abc import Sequence

from sedtalker_cli.emotion.timeline import Segment
from sedtalker_cli.errors import InputError

TOUCH = 1e-6  # s; ends that close are the same moment, apart by the last bits of a sum


def written_edges(segments: Sequence[Segment], decimals: int = 6) -> list[tuple[float, float, Segment]]:
    """Start and end of every segment, rounded.

    Args:
        segments: in order of time.
        decimals: of the written times.

    Returns:
        (start, end, segment); a segment that rounds to nothing is left out.
    """
    found, before, end = [], math.inf, 0.0
    for segment in segments:
        start = end if abs(segment.onset - before) < TOUCH else round(segment.onset, decimals)
        before, end = segment.end, round(segment.end, decimals)
        if end > start:
            found.append((start, end, segment))
    return found


def read_time(text: str, field: str, path: str | os.PathLike, line: int) -> float:
    """A time in s from a text file.

    Raises:
        InputError: not a finite number >= 0; names the line.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{path}:{line}: {field} {text!r} is not a number >= 0")
    return value
