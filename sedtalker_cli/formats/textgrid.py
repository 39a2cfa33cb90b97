"""Praat TextGrid: interval tiers that tile [0, duration]; written in the long text format, UTF-8."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sedtalker_cli.emotion.decoding import runs_of
from sedtalker_cli.emotion.timeline import EmotionTimeline, Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.edges import TOUCH, read_time, written_edges
from sedtalker_cli.formats.text import read_count, read_labels_text

DECIMALS = 6
# What Praat's reader takes from a text file: quoted strings, flags and numbers that stand alone; `!` starts a comment.
TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)(<[^<>\s]*>)(?!\S)|(?<!\S)([-+]?(?:\d|\.\d)\S*)(?!\S)|(?<!\S)(![^\n]*)')


def timeline_tiers(timeline: EmotionTimeline) -> dict[str, list[Segment]]:
    """Tiers of a timeline, one interval a segment in each.

    Args:
        timeline: of one recording.

    Returns:
        `emotion` with the class names, and `intensity` with the mean intensity over each segment, 2 decimals.
    """
    segments = timeline.segments()
    means = [float(timeline.intensity[start:stop].mean()) for start, stop, _ in runs_of(timeline.labels)]
    levels = [Segment(s.onset, s.duration, f"{m:.2f}", s.confidence) for s, m in zip(segments, means, strict=True)]
    return {"emotion": segments, "intensity": levels}


def write_textgrid(path: str | os.PathLike, tiers: Mapping[str, Sequence[Segment]], duration: float) -> None:
    """Write tiers; time that a tier's segments leave open becomes an interval without text.

    Args:
        path: `.TextGrid` file.
        tiers: name -> segments in order of time, not overlapping; their `emotion` is the text.
        duration: of the recording in s.
    """
    end = round(duration, DECIMALS)
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {_seconds(end)}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, segments) in enumerate(tiers.items(), start=1):
        intervals = _tiling(segments, end)
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f"        name = {_quoted(name)}",
            "        xmin = 0",
            f"        xmax = {_seconds(end)}",
            f"        intervals: size = {len(intervals)}",
        ]
        for place, (start, stop, text) in enumerate(intervals, start=1):
            lines += [
                f"        intervals [{place}]:",
                f"            xmin = {_seconds(start)}",
                f"            xmax = {_seconds(stop)}",
                f"            text = {_quoted(text)}",
            ]
    with atomic_file(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def read_textgrid(path: str | os.PathLike) -> dict[str, list[Segment]]:
    """Read the interval tiers of a TextGrid, in Praat's long or short text format.

    Args:
        path: `.TextGrid` file in UTF-8, UTF-16 or Latin-1.

    Returns:
        Tier name -> segments with the text as `emotion`, confidence 1. Intervals without text and tiers of points
        are left out.

    Raises:
        InputError: what is no TextGrid, with the line.
    """
    values = _Values(path)
    if values.string("file type") != "ooTextFile" or values.string("object class") != "TextGrid":
        raise InputError(
            f'{path}:1: is not a TextGrid in text format; expected File type = "ooTextFile" and "TextGrid"'
        )
    values.number("xmin")
    values.number("xmax")
    if values.flag() != "<exists>":
        return {}
    tiers: dict[str, list[Segment]] = {}
    for _ in range(values.count("number of tiers")):
        kind, name, line = values.string("class of a tier"), values.string("name of a tier"), values.line
        values.number("xmin")
        values.number("xmax")
        if kind == "TextTier":
            for _ in range(values.count("number of points")):
                values.number("time")
                values.string("text")
            continue
        if kind != "IntervalTier":
            raise InputError(f"{path}:{line}: tier class {kind!r} is neither IntervalTier nor TextTier")
        if name in tiers:
            raise InputError(f"{path}:{line}: a second tier is called {name!r}; rename one")
        tiers[name] = _read_intervals(values, path)
    return tiers


def _read_intervals(values: "_Values", path: str | os.PathLike) -> list[Segment]:
    segments, before = [], 0.0
    for _ in range(values.count("number of intervals")):
        start, line = values.number("xmin"), values.line
        end, text = values.number("xmax"), values.string("text").strip()
        if end <= start:
            raise InputError(f"{path}:{line}: interval ends at {end:g} s, not after its start {start:g} s")
        if start < before - TOUCH:
            raise InputError(f"{path}:{line}: interval starts at {start:g} s, before the end of the one before it")
        before = end
        if text:
            segments.append(Segment(start, end - start, text))
    return segments


class _Values:
    """The values of a TextGrid one after the other; labels such as `xmin =` mean nothing to Praat either."""

    def __init__(self, path: str | os.PathLike):
        self.path, self.line = path, 1
        self._values = self._scan(read_labels_text(Path(path)))

    def _scan(self, text: str) -> Iterator[tuple[str, str, int]]:
        line = place = 0
        for found in TOKEN.finditer(text):
            line, place = line + text.count("\n", place, found.start()), found.start()
            string, flag, number, _ = found.groups()
            if string is not None:
                yield "string", string.replace('""', '"'), line + 1
            elif flag is not None:
                yield "flag", flag, line + 1
            elif number is not None:
                yield "number", number, line + 1

    def _next(self, kind: str, what: str) -> str:
        found, value, self.line = next(self._values, ("nothing more", "", self.line))
        if found != kind:
            shown = f" {value!r}" if value else ""
            raise InputError(f"{self.path}:{self.line}: expected a {kind} ({what}), found {found}{shown}")
        return value

    def string(self, what: str) -> str:
        return self._next("string", what)

    def flag(self) -> str:
        return self._next("flag", "whether there are tiers")

    def number(self, what: str) -> float:
        return read_time(self._next("number", what), what, self.path, self.line)

    def count(self, what: str) -> int:
        text = self._next("number", what)
        value = read_count(text)
        if value is None:
            raise InputError(f"{self.path}:{self.line}: {what} {text!r} is not a whole number >= 0")
        return value


def _tiling(segments: Sequence[Segment], duration: float) -> list[tuple[float, float, str]]:
    """Intervals from 0 to the end, gaps included."""
    intervals, place = [], 0.0
    for start, end, segment in written_edges(segments, DECIMALS):
        start, end = max(start, place), min(end, duration)
        if end <= start:
            continue
        if start > place:
            intervals.append((place, start, ""))
        intervals.append((start, end, segment.emotion))
        place = end
    if place < duration:
        intervals.append((place, duration, ""))
    return intervals


def _seconds(value: float) -> str:
    return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
