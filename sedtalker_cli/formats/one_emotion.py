"""Segments of label files made elsewhere that say of each moment one known emotion: others are left out."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from sedtalker_cli.emotion.timeline import Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.edges import TOUCH
from sedtalker_cli.formats.skipping import Skipped

ROUNDING = 0.05  # s; pyannote's segments overlap by a millisecond, others' by a frame


def spelled(text: str, classes: Sequence[str]) -> str | None:
    """The class that a label names, in capitals or not; None if there is none."""
    return next((name for name in (text, text.lower()) if name in classes), None)


def of_known_emotions(segments: Iterable[Segment], classes: Sequence[str], skipped: Skipped) -> list[Segment]:
    """Segments whose emotions are among the classes.

    Args:
        segments: of one recording.
        classes: valid emotions.
        skipped: of their file.

    Raises:
        InputError: an emotion is unknown, and `skipped` is strict.
    """
    found = []
    for segment in segments:
        with skipped.item():
            emotion = spelled(segment.emotion, classes)
            if emotion is None:
                raise InputError(
                    f"{skipped.path}:{segment.line}: unknown emotion {segment.emotion!r}; "
                    f"valid emotions: {', '.join(classes)}"
                )
            found.append(replace(segment, emotion=emotion))
    return found


def one_at_a_time(segments: Iterable[Segment], skipped: Skipped) -> list[Segment]:
    """Segments in order of time that do not overlap.

    Ends that overlap by up to `ROUNDING` touch afterwards: the later segment keeps its onset. Of two that overlap by
    more, or begin at once, the one that ends later is left out, so that as few as possible are.

    Args:
        segments: of one recording, in any order.
        skipped: of their file.

    Raises:
        InputError: two overlap, and `skipped` is strict.
    """
    found: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: segment.onset):
        kept = segment
        if found and _overlap(found[-1], segment):
            kept, other = sorted((found.pop(), segment), key=lambda segment: segment.end)
            with skipped.item():
                raise InputError(
                    f"{skipped.path}:{other.line}: {other.emotion} from {other.onset:g} to {other.end:g} s overlaps "
                    f"{kept.emotion} in line {kept.line}; give each moment one emotion"
                )
        found.append(kept)
    for k, (one, other) in enumerate(pairwise(found)):
        if one.end > other.onset:
            found[k] = replace(one, duration=other.onset - one.onset)
    return found


def _overlap(one: Segment, other: Segment) -> bool:
    """Whether the second, which does not begin earlier, cannot be made to touch the first."""
    return other.onset == one.onset or one.end - other.onset > ROUNDING + TOUCH
