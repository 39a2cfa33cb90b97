"""`--emotion-override`: text, or a file: RTTM, `.emotion.csv`, TextGrid or Audacity labels."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from sedtalker_cli.emotion.spans import Span, default_intensity, parse_spans, sorted_spans
from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.audacity import read_labels
from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.formats.rttm import read_rttm, safe_uri
from sedtalker_cli.formats.textgrid import read_textgrid

TIER = "emotion"  # of a TextGrid, where it has one of this name
ROUNDING = 0.05  # s; pyannote's segments overlap by a millisecond, others' by a frame


def is_override_file(spec: str) -> bool:
    """A file is recognised by its suffix; everything else is text."""
    return Path(spec).suffix.lower() in (".rttm", ".csv", ".textgrid", ".txt")


def parse_override(
    spec: str, classes: Sequence[str] = EMOTIONS, uri: str | None = None, strict: bool = False
) -> "list[Span] | EmotionTimeline":
    """Read a spec; everything that can be checked without a recording is checked here.

    Args:
        spec: text, or path of a `.rttm`, `.emotion.csv`, `.TextGrid` or Audacity `.txt` file.
        classes: valid emotions.
        uri: name of the recording: chooses among those of an RTTM file that holds several. None checks only.
        strict: whether a line of a file that cannot be used is an error; otherwise it is left out with a warning.

    Raises:
        UsageError: names the part (of a file: its line) that is invalid.
    """
    if not is_override_file(spec):
        return parse_spans(spec, classes)
    try:
        if spec.lower().endswith(".csv"):
            found = read_emotion_csv(spec, strict)
            _check_names(spec, found.classes, classes)
            return found
        recordings = _read_segments(spec, strict)
    except InputError as error:
        raise UsageError(f"emotion override {error}") from error
    for segments in recordings.values():
        _check_names(spec, [segment.emotion for segment in segments], classes)
    if len(recordings) > 1 and uri is not None and safe_uri(uri) not in recordings:
        raise UsageError(
            f"emotion override {spec}: holds {len(recordings)} recordings, none called {safe_uri(uri)!r}; "
            f"rename one or keep only one"
        )
    own = recordings.get(safe_uri(uri)) if uri is not None else None
    segments = own or next(iter(recordings.values()))
    return sorted_spans([Span(s.onset, s.end, s.emotion, default_intensity(s.emotion)) for s in _apart(segments)], spec)


def _read_segments(spec: str, strict: bool) -> dict[str, list[Segment]]:
    """Segments by recording; label tracks and TextGrids are about one."""
    suffix = Path(spec).suffix.lower()
    if suffix == ".txt":
        return {"": read_labels(spec, strict)}
    if suffix == ".textgrid":
        tiers = {name: found for name, found in read_textgrid(spec, strict).items() if found}
        if not tiers:
            raise InputError(f"{spec}: has no interval with a text; name the emotions in a tier of intervals")
        return {"": next((found for name, found in tiers.items() if name.lower() == TIER), next(iter(tiers.values())))}
    return read_rttm(spec, strict)


def _apart(segments: list[Segment]) -> list[Segment]:
    """Segments in order of time whose ends overlap by no more than rounding of other programs, made to touch."""
    ordered = sorted(segments, key=lambda segment: segment.onset)
    for k, (one, other) in enumerate(pairwise(ordered)):
        if 0 < one.end - other.onset <= ROUNDING and other.onset > one.onset:
            ordered[k] = replace(one, duration=other.onset - one.onset)
    return ordered


def _check_names(spec: str, names: Sequence[str], classes: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(classes))
    if unknown:
        raise UsageError(
            f"emotion override {spec}: unknown emotion {', '.join(map(repr, unknown))}; "
            f"valid emotions: {', '.join(classes)}"
        )
