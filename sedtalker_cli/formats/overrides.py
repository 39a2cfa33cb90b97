"""`--emotion-override`: text, or a file: RTTM, `.emotion.csv`, TextGrid or Audacity labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sedtalker_cli.emotion.spans import Span, default_intensity, parse_spans
from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.audacity import read_labels
from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.formats.one_emotion import of_known_emotions, one_at_a_time, spelled
from sedtalker_cli.formats.rttm import read_rttm, safe_uri
from sedtalker_cli.formats.skipping import Skipped
from sedtalker_cli.formats.textgrid import read_textgrid

TIER = "emotion"  # of a TextGrid, where it has one of this name


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
            return read_emotion_csv(spec, strict, classes)
        own = _of_recording(spec, _read_segments(spec, classes, strict), uri)
    except InputError as error:
        raise UsageError(f"emotion override {error}") from error
    return [Span(s.onset, s.end, s.emotion, default_intensity(s.emotion), f"{spec}:{s.line}") for s in own]


def _read_segments(spec: str, classes: Sequence[str], strict: bool) -> dict[str, list[Segment]]:
    """Segments by recording, each moment with one known emotion; label tracks and TextGrids are about one."""
    suffix = Path(spec).suffix.lower()
    if suffix == ".txt":
        recordings = {"": read_labels(spec, strict)}
    elif suffix == ".textgrid":
        recordings = {"": _emotion_tier(spec, read_textgrid(spec, strict), classes)}
    else:
        recordings = read_rttm(spec, strict)
    skipped = Skipped(spec, strict)
    found = {
        uri: one_at_a_time(of_known_emotions(segments, classes, skipped), skipped)
        for uri, segments in recordings.items()
    }
    skipped.check(any(found.values()), "")
    return found


def _emotion_tier(spec: str, tiers: Mapping[str, list[Segment]], classes: Sequence[str]) -> list[Segment]:
    """The tier of that name; without one, the tier of which most intervals name an emotion."""
    tiers = {name: found for name, found in tiers.items() if found}
    if not tiers:
        raise InputError(f"{spec}: has no interval with a text; name the emotions in a tier of intervals")
    named = next((found for name, found in tiers.items() if name.lower() == TIER), None)

    def known(found: list[Segment]) -> float:
        return sum(spelled(segment.emotion, classes) is not None for segment in found) / len(found)

    return named or max(tiers.values(), key=known)


def _of_recording(spec: str, recordings: Mapping[str, list[Segment]], uri: str | None) -> list[Segment]:
    """Segments of a recording, of any one without a name; a file about a single recording is about this one.

    Raises:
        InputError: the file holds several, none of that name, or no line of that name can be used.
    """
    if uri is None or len(recordings) == 1:
        return next(found for found in recordings.values() if found)
    name = safe_uri(uri)
    if name not in recordings:
        raise InputError(
            f"{spec}: holds {len(recordings)} recordings, none called {name!r}; rename one or keep only one"
        )
    if not recordings[name]:
        raise InputError(f"{spec}: no line of {name!r} can be used; mend one, or give this recording another file")
    return recordings[name]
