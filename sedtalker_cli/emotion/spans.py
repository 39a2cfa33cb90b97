"""The text form of an emotion override: `happy:0.8`, `0-2.5=angry:0.9,2.5-=sad:0.4`."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sedtalker_cli.errors import UsageError

DEFAULT_INTENSITY = 1.0
RANGE = re.compile(r"\s*(\d+\.?\d*|\.\d+)?\s*-\s*(\d+\.?\d*|\.\d+)?\s*")
FORM = "EMOTION[:INTENSITY] or START-END=EMOTION[:INTENSITY],..."


@dataclass(frozen=True)
class Span:
    """A stretch whose emotion is set by hand: [start, end) in s, end may be infinite; intensity 0..1.

    `where` is the line of the file that it comes from, `FILE:LINE`; empty if it comes from none.
    """

    start: float
    end: float
    emotion: str
    intensity: float
    where: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        end = "" if self.end == math.inf else f"{self.end:g}"
        return f"{self.start:g}-{end}={self.emotion}"


def default_intensity(emotion: str) -> float:
    """Without a stated intensity an emotion is shown in full; neutral has none."""
    return 0.0 if emotion == "neutral" else DEFAULT_INTENSITY


def parse_spans(spec: str, classes: Sequence[str]) -> list[Span]:
    """Parse the text form, without knowledge of any recording.

    Args:
        spec: text as above; a lone emotion covers everything.
        classes: valid emotions.

    Returns:
        Spans in order of time, not overlapping.

    Raises:
        UsageError: names the part that is invalid.
    """
    parts = spec.split(",")
    spans = []
    for part in parts:
        where, equals, what = part.partition("=")
        if equals:
            start, end = _parse_range(where, part)
        elif len(parts) == 1:
            start, end, what = 0.0, math.inf, part
        else:
            raise UsageError(_message(part, "has no time range (START-END=EMOTION)", classes))
        spans.append(Span(start, end, *_parse_emotion(what, part, classes)))
    return sorted_spans(spans)


def sorted_spans(spans: Sequence[Span]) -> list[Span]:
    """Order spans by time.

    Args:
        spans: in any order.

    Raises:
        UsageError: two of them overlap.
    """
    ordered = sorted(spans, key=lambda span: span.start)
    for one, other in pairwise(ordered):
        # Times may carry 3 decimals: less than that is rounding, not overlap.
        if other.start < one.end - 5e-4:
            raise UsageError(f"emotion override: {one} and {other} overlap; give each moment one emotion")
    return ordered


def _parse_range(text: str, part: str) -> tuple[float, float]:
    found = RANGE.fullmatch(text)
    if not found:
        raise UsageError(
            f"emotion override {part.strip()!r}: {text.strip()!r} is not a time range; "
            f"write START-END in seconds, e.g. 0-2.5"
        )
    start = float(found[1]) if found[1] else 0.0
    end = float(found[2]) if found[2] else math.inf
    if not end > start or start == math.inf:
        raise UsageError(
            f"emotion override {part.strip()!r}: ends at or before its start; write START-END with START < END"
        )
    return start, end


def _parse_emotion(text: str, part: str, classes: Sequence[str]) -> tuple[str, float]:
    name, colon, value = text.partition(":")
    emotion = name.strip().lower()
    if emotion not in classes:
        raise UsageError(_message(part, f"unknown emotion {name.strip()!r}", classes))
    if not colon:
        return emotion, default_intensity(emotion)
    try:
        intensity = float(value)
    except ValueError:
        intensity = math.nan
    if not 0 <= intensity <= 1:
        raise UsageError(_message(part, f"intensity {value.strip()!r} is not a number from 0 to 1", classes))
    return emotion, intensity


def _message(part: str, fault: str, classes: Sequence[str]) -> str:
    return f"emotion override {part.strip()!r}: {fault}; write {FORM}; valid emotions: {', '.join(classes)}"
