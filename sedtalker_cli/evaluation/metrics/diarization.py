"""Measures of speech emotion diarization on continuous segments: error rate, boundaries, time per class.

A segment is anything with `onset` and `duration` in seconds and an `emotion`, e.g. `emotion.timeline.Segment`. Time
is exact, there are no frames. What is evaluated: the regions of a UEM, else [0, duration], else [0, the
reference's end].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sedtalker_cli.errors import InputError

from .alignment import LabelledSegment, Piece, Regions, align
from .confusion import Confusion


@dataclass(frozen=True)
class ErrorTime:
    """Evaluated and wrong time in seconds; add them up to pool files.

    Definition: Wang et al., "Speech Emotion Diarization", arXiv 2306.12991, eq. 1:
    EDER = (missed emotion + false alarm + confusion) / duration.

    Attributes:
        duration: Evaluated time.
        missed: Emotion called neutral, or any reference time without an answer.
        false_alarm: Neutral called an emotion, or an answer where the reference has nothing.
        confusion: One emotion called another.
    """

    duration: float = 0.0
    missed: float = 0.0
    false_alarm: float = 0.0
    confusion: float = 0.0

    @property
    def eder(self) -> float:
        """Emotion diarization error rate; NaN if nothing was evaluated."""
        wrong = self.missed + self.false_alarm + self.confusion
        return wrong / self.duration if self.duration else math.nan

    def __add__(self, other: ErrorTime) -> ErrorTime:
        return ErrorTime(
            self.duration + other.duration,
            self.missed + other.missed,
            self.false_alarm + other.false_alarm,
            self.confusion + other.confusion,
        )


@dataclass(frozen=True)
class BoundaryCount:
    """Changes of emotion found within a tolerance, matched one to one; add them up to pool files."""

    matched: int = 0
    reference: int = 0
    hypothesis: int = 0

    @property
    def precision(self) -> float:
        """Part of the claimed changes that are real; NaN without claims."""
        return self.matched / self.hypothesis if self.hypothesis else math.nan

    @property
    def recall(self) -> float:
        """Part of the real changes that were found; NaN without real changes."""
        return self.matched / self.reference if self.reference else math.nan

    @property
    def f1(self) -> float:
        """2 matched / (reference + hypothesis); NaN where there is no change on either side."""
        total = self.reference + self.hypothesis
        return 2 * self.matched / total if total else math.nan

    def __add__(self, other: BoundaryCount) -> BoundaryCount:
        return BoundaryCount(
            self.matched + other.matched,
            self.reference + other.reference,
            self.hypothesis + other.hypothesis,
        )


@dataclass(frozen=True)
class DiarizationScore:
    """Scores of a set of files.

    Attributes:
        classes: Class names.
        tolerance: Of boundaries, in s.
        errors: File -> its error time.
        boundaries: File -> its boundary count.
        confusion: Seconds of every class called every class, over all files.
    """

    classes: tuple[str, ...]
    tolerance: float
    errors: Mapping[str, ErrorTime] = field(default_factory=dict)
    boundaries: Mapping[str, BoundaryCount] = field(default_factory=dict)
    confusion: Confusion | None = None

    @property
    def total(self) -> ErrorTime:
        return sum(self.errors.values(), ErrorTime())

    @property
    def eder_micro(self) -> float:
        """All wrong time over all time."""
        return self.total.eder

    @property
    def eder_macro(self) -> float:
        """Mean of the files' rates."""
        rates = [error.eder for error in self.errors.values() if error.duration]
        return float(np.mean(rates)) if rates else math.nan

    @property
    def boundary(self) -> BoundaryCount:
        return sum(self.boundaries.values(), BoundaryCount())

    def to_dict(self) -> dict[str, Any]:
        """Everything as numbers, strings and None (for what is not defined), ready for JSON."""
        total, boundary = self.total, self.boundary
        return {
            "files": len(self.errors),
            "duration": total.duration,
            "eder_micro": _defined(self.eder_micro),
            "eder_macro": _defined(self.eder_macro),
            "missed": total.missed,
            "false_alarm": total.false_alarm,
            "confusion": total.confusion,
            "boundary_tolerance": self.tolerance,
            "boundary_precision": _defined(boundary.precision),
            "boundary_recall": _defined(boundary.recall),
            "boundary_f1": _defined(boundary.f1),
            "time": self.confusion.to_dict() if self.confusion else None,
            "per_file": {
                name: {"duration": error.duration, "eder": _defined(error.eder)} for name, error in self.errors.items()
            },
        }


def error_time(pieces: Iterable[Piece], neutral: str = "neutral") -> ErrorTime:
    """Sort aligned time into right, missed, false alarm and confusion (see `ErrorTime`)."""
    duration = missed = false_alarm = confusion = 0.0
    for start, end, true, found in pieces:
        length = end - start
        duration += length
        if true == found:
            continue
        if found is None or (found == neutral and true is not None):
            missed += length
        elif true is None or true == neutral:
            false_alarm += length
        else:
            confusion += length
    return ErrorTime(duration, missed, false_alarm, confusion)


def boundary_count(pieces: Sequence[Piece], tolerance: float = 0.5) -> BoundaryCount:
    """Match changes of the hypothesis to changes of the reference, at most `tolerance` s apart, one to one.

    Start and end of the file or region are no changes. As all windows have one width, taking the earliest
    partner for each change in time order gives the largest possible matching.
    """
    true, found = (_changes(pieces, side) for side in ("reference", "hypothesis"))
    matched = next_found = 0
    for time in true:
        while next_found < len(found) and found[next_found] < time - tolerance - 1e-9:
            next_found += 1
        if next_found < len(found) and found[next_found] <= time + tolerance + 1e-9:
            matched += 1
            next_found += 1
    return BoundaryCount(matched, len(true), len(found))


def time_confusion(pieces: Iterable[Piece], classes: Sequence[str]) -> Confusion:
    """Seconds of every class called every class.

    Raises:
        InputError: A segment's emotion is none of `classes`.
    """
    confusion = Confusion.empty(classes)
    for start, end, true, found in pieces:
        confusion.count(true, found, end - start)
    return confusion


def score_files(
    references: Mapping[str, Iterable[LabelledSegment]],
    hypotheses: Mapping[str, Iterable[LabelledSegment]],
    classes: Sequence[str],
    durations: Mapping[str, float] | None = None,
    uems: Mapping[str, Regions] | None = None,
    tolerance: float = 0.5,
    neutral: str = "neutral",
) -> DiarizationScore:
    """Score many files; a file without hypothesis counts as missed.

    Args:
        references: File -> true segments.
        hypotheses: File -> detected segments; files that are not in `references` are left out.
        classes: All class names.
        durations: File -> s; the reference's end where it is not given.
        uems: File -> regions to evaluate; files it does not name are evaluated whole.
        tolerance: Of boundaries, in s.
        neutral: The class that is no emotion.

    Raises:
        InputError: No file is on both sides, or a file's segments cannot be used (it is named).
    """
    if hypotheses and not any(name in hypotheses for name in references):
        first = next(iter(references), "none")
        raise InputError(f"no hypothesis belongs to a reference: {first} against {next(iter(hypotheses))}")
    confusion = Confusion.empty(classes)
    errors, boundaries = {}, {}
    for name, reference in references.items():
        try:
            pieces = align(reference, hypotheses.get(name, ()), (durations or {}).get(name), (uems or {}).get(name))
            confusion += time_confusion(pieces, classes)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        errors[name] = error_time(pieces, neutral)
        boundaries[name] = boundary_count(pieces, tolerance)
    return DiarizationScore(tuple(classes), tolerance, errors, boundaries, confusion)


def _changes(pieces: Sequence[Piece], side: str) -> list[float]:
    return [
        after.start
        for before, after in itertools.pairwise(pieces)
        if before.end == after.start and getattr(before, side) != getattr(after, side)
    ]


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
