"""`--emotion-override`: text, an RTTM file or an `.emotion.csv` file."""

from collections.abc import Sequence
from pathlib import Path

from sedtalker_cli.emotion.spans import Span, default_intensity, parse_spans, sorted_spans
from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.formats.rttm import read_rttm, safe_uri


def is_override_file(spec: str) -> bool:
    """A file is recognised by its suffix; everything else is text."""
    return Path(spec).suffix.lower() in (".rttm", ".csv")


def parse_override(
    spec: str, classes: Sequence[str] = EMOTIONS, uri: str | None = None
) -> "list[Span] | EmotionTimeline":
    """Read a spec; everything that can be checked without a recording is checked here.

    Args:
        spec: text, or path of a `.rttm` or `.emotion.csv` file.
        classes: valid emotions.
        uri: name of the recording: chooses among those of an RTTM file that holds several. None checks only.

    Raises:
        UsageError: names the part (of a file: its line) that is invalid.
    """
    if not is_override_file(spec):
        return parse_spans(spec, classes)
    try:
        if spec.lower().endswith(".csv"):
            found = read_emotion_csv(spec)
            _check_names(spec, found.classes, classes)
            return found
        recordings = read_rttm(spec)
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
    return sorted_spans([Span(s.onset, s.end, s.emotion, default_intensity(s.emotion)) for s in segments], spec)


def _check_names(spec: str, names: Sequence[str], classes: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(classes))
    if unknown:
        raise UsageError(
            f"emotion override {spec}: unknown emotion {', '.join(map(repr, unknown))}; "
            f"valid emotions: {', '.join(classes)}"
        )
