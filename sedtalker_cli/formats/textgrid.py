"""Praat TextGrid: interval tiers that tile [0, duration]; written in the long text format, UTF-8."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from sedtalker_cli.emotion.decoding import runs_of
from sedtalker_cli.emotion.timeline import EmotionTimeline, Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.edges import TOUCH, read_time, written_edges
from sedtalker_cli.formats.skipping import Skipped
from sedtalker_cli.formats.text import read_count, read_labels_text

DECIMALS = 6
CLASSES = ("IntervalTier", "TextTier")
# A string may go on in the next line; what looks like the next value of the file, perhaps behind comments (whose quotes
# are even in number), shows that its end is missing.
COMMENTS = r'(?:![^"\n]*(?:"[^"\n]*"[^"\n]*)*(?:\n[ \t]*|\Z))*'
NAMED = r"(?:xmin|xmax|text|number|time|mark|name|class|intervals|points|item)\b[^\"\n]*[=:]"
VALUE = rf'(?:\Z|{NAMED}|[-+\d.]+[ \t]*\r?\n|"(?:{"|".join(CLASSES)})")'
NEXT = COMMENTS + VALUE
# What Praat's reader takes from a text file: quoted strings, flags and numbers that stand alone; `!` starts a comment.
TOKEN = re.compile(
    rf'"((?:[^"\n]|""|\n(?![ \t]*{NEXT}))*)"'
    r"|(?<!\S)(<[^<>\s]*>)(?!\S)|(?<!\S)([-+]?(?:\d|\.\d)\S*)(?!\S)|(?<!\S)(![^\n]*)"
)


class Item(NamedTuple):
    """An interval or a point."""

    numbers: list[float]
    text: str
    line: int


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


def read_textgrid(path: str | os.PathLike, strict: bool = False) -> dict[str, list[Segment]]:
    """Read the interval tiers of a TextGrid, in Praat's long or short text format.

    Args:
        path: `.TextGrid` file in UTF-8, UTF-16 or Latin-1.
        strict: whether an interval or tier that cannot be used is an error; otherwise it is left out with a warning.

    Returns:
        Tier name -> segments with the text as `emotion`, confidence 1. Intervals without text and tiers of points
        are left out.

    Raises:
        InputError: what is no TextGrid, or with `strict`, with the line.
    """
    values = _Values(path)
    if values.ended or values.string("file type") != "ooTextFile" or values.string("object class") != "TextGrid":
        raise InputError(
            f'{path}:1: is not a TextGrid in text format; expected File type = "ooTextFile" and "TextGrid"'
        )
    values.number("xmin")
    values.number("xmax")
    if values.flag() != "<exists>":
        return {}
    tiers: dict[str, list[Segment]] = {}
    skipped = Skipped(path, strict)
    for _ in range(values.count("number of tiers")):
        with skipped.item():
            _read_tier(values, tiers, skipped)
    skipped.check(any(tiers.values()) or not skipped.faults, "")
    return tiers


def _read_tier(values: "_Values", tiers: dict[str, list[Segment]], skipped: Skipped) -> None:
    """Add a tier of intervals to those that were read.

    Raises:
        InputError: it cannot be used as a whole.
    """
    kind, line = values.string("class of a tier"), values.line
    if kind not in CLASSES:
        values.skip_to_tier()
        raise InputError(f"{values.path}:{line}: tier class {kind!r} is neither IntervalTier nor TextTier")
    name = values.string("name of a tier")
    values.number("xmin")
    end = values.number("xmax")
    announced, faults = values.count("number of intervals or points"), len(skipped.faults)
    names = ("xmin", "xmax") if kind == "IntervalTier" else ("time",)
    items: list[Item] = []
    while not values.at_tier:
        with skipped.item():
            items.append(values.item(names))
    with skipped.item():
        if len(items) != announced and len(skipped.faults) == faults:
            raise InputError(f"{values.path}:{line}: tier announces {announced} items and holds {len(items)}")
    if kind == "IntervalTier":
        segments = _segments(values.path, items, end, skipped)
        if name in tiers:
            raise InputError(f"{values.path}:{line}: a second tier is called {name!r}; rename one")
        tiers[name] = segments


def _segments(path: str | os.PathLike, items: Sequence[Item], limit: float, skipped: Skipped) -> list[Segment]:
    """Intervals with a text, of a tier that ends at `limit` s."""
    segments, before = list[Segment](), 0.0
    for item, following in zip_longest(items, items[1:]):
        (start, end), text, where = item.numbers, item.text.strip(), f"{path}:{item.line}: interval"
        with skipped.item():
            if end <= start:
                raise InputError(f"{where} ends at {end:g} s, not after its start {start:g} s")
            if following is not None and following.numbers[0] < end - TOUCH and end > limit + TOUCH:
                raise InputError(f"{where} ends at {end:g} s, after its tier ({limit:g} s)")
            if start < before - TOUCH:
                raise InputError(f"{where} starts at {start:g} s, before the last one ends")
            before = end
            if text:
                segments.append(Segment(start, end - start, text, line=item.line))
    return segments


class _Values:
    """The values of a TextGrid one after the other; labels such as `xmin =` mean nothing to Praat either."""

    def __init__(self, path: str | os.PathLike):
        self.path, self.line = path, 1
        self._values = list(self._scan(read_labels_text(Path(path))))
        self._place = 0

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
        found, value, self.line = ("nothing more", "", self.line) if self.ended else self._values[self._place]
        if found != kind:
            shown = f" {value!r}" if value else ""
            raise InputError(f"{self.path}:{self.line}: expected a {kind} ({what}), found {found}{shown}")
        self._place += 1
        return value

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self._place == len(self._values)

    @property
    def at_tier(self) -> bool:
        """Whether a tier begins here, or nothing follows."""
        ahead = self._values[self._place : self._place + 3]
        # a text may be called like a class, but no name follows it
        kinds = [kind for kind, _, _ in ahead]
        return not ahead or (kinds == ["string", "string", "number"] and ahead[0][1] in CLASSES)

    def skip_to_tier(self) -> None:
        """Pass over everything up to the next tier."""
        while not self.at_tier:
            self._place += 1

    def item(self, names: Sequence[str]) -> Item:
        """Numbers and the text behind them.

        Args:
            names: of the numbers.

        Raises:
            InputError: it cannot be used; what follows is the next one.
        """
        numbers, text, faults = list[float](), "", list[InputError]()
        line = self._values[self._place][2]
        for name in names:
            try:
                numbers.append(self.number(name))
            except InputError as error:
                faults.append(error)
                self._place += not self.ended and self._values[self._place][0] == "flag"  # in the place of a number
        try:
            if self.at_tier and not self.ended:
                raise InputError(f"{self.path}:{line}: has no text")
            text = self.string("text")
        except InputError as error:
            faults.append(error)
        if faults:
            raise faults[0]
        return Item(numbers, text, line)

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
