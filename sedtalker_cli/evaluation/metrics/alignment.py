"""References and hypotheses laid over each other: continuous segments cut wherever either side changes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from sedtalker_cli.errors import InputError

ROUNDING = 0.002
"""s; gaps and overlaps up to this come from times written with 3 decimals and are closed."""


class LabelledSegment(Protocol):
    """What the measures need of a segment."""

    onset: float
    duration: float
    emotion: str


Regions = Sequence[tuple[float, float]]


class Piece(NamedTuple):
    """A stretch in which neither side changes; None where a side has no segment."""

    start: float
    end: float
    reference: str | None
    hypothesis: str | None


def align(
    reference: Iterable[LabelledSegment],
    hypothesis: Iterable[LabelledSegment],
    duration: float | None = None,
    uem: Regions | None = None,
) -> list[Piece]:
    """Cut the evaluated time wherever either side changes.

    Args:
        reference: True segments of one file, not overlapping.
        hypothesis: Detected segments, not overlapping.
        duration: Of the file in s; without it the reference's end counts.
        uem: (start, end) in s of the regions to evaluate; goes before `duration`.

    Returns:
        Pieces in time order that cover the evaluated time.

    Raises:
        InputError: Segments overlap, or a time is negative, empty or not finite.
    """
    sides = [_spans(reference, "reference"), _spans(hypothesis, "hypothesis")]
    if uem is None:
        uem = [(0.0, duration if duration is not None else max((end for _, end, _ in sides[0]), default=0.0))]
    times = {time for side in sides for start, end, _ in side for time in (start, end)}
    pieces = []
    for region_start, region_end in _regions(uem):
        inner = sorted(time for time in times if region_start < time < region_end)
        edges = [region_start, *inner, region_end]
        pieces += itertools.pairwise(edges)
    labels = [_labels_at(side, [(start + end) / 2 for start, end in pieces]) for side in sides]
    return [Piece(*piece, *pair) for piece, pair in zip(pieces, zip(*labels, strict=True), strict=True)]


def _spans(segments: Iterable[LabelledSegment], side: str) -> list[tuple[float, float, str]]:
    """(start, end, emotion) in time order, with the rounding of written times closed."""
    spans: list[tuple[float, float, str]] = []
    for segment in sorted(segments, key=lambda segment: segment.onset):
        start, end = segment.onset, segment.onset + segment.duration
        if not (math.isfinite(end) and start >= -ROUNDING and end > start):
            raise InputError(f"{side}: bad segment {segment.emotion} at {start:.3f} s of {end - start:.3f} s")
        if spans:
            before, until, emotion = spans[-1]
            if start < until - ROUNDING:
                raise InputError(f"{side}: {emotion} and {segment.emotion} overlap at {start:.3f} s")
            if abs(start - until) <= ROUNDING:
                spans[-1] = before, start, emotion
        spans.append((start, end, segment.emotion))
    return [span for span in spans if span[1] > span[0]]


def _regions(uem: Regions) -> list[tuple[float, float]]:
    """Regions in time order, merged where they touch."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(uem):
        if not (math.isfinite(end) and 0 <= start <= end):
            raise InputError(f"bad region to evaluate: {start} to {end} s")
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        elif end > start:
            merged.append((start, end))
    return merged


def _labels_at(spans: list[tuple[float, float, str]], times: list[float]) -> list[str | None]:
    """Label at each time; both arguments are in time order."""
    labels, index = [], 0
    for time in times:
        while index < len(spans) and spans[index][1] <= time:
            index += 1
        labels.append(spans[index][2] if index < len(spans) and spans[index][0] <= time else None)
    return labels
