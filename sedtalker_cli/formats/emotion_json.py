"""`.emotion.json`: a whole emotion timeline, segments and frames, as one JSON object."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from sedtalker_cli.clock import HOP, frame_count
from sedtalker_cli.emotion.decoding import runs_of
from sedtalker_cli.emotion.timeline import EmotionTimeline
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.text import read_json

FORMAT = "sedtalker-emotion"
SUM_TOLERANCE = 0.01
MOST_SECONDS = 1e7
BLOCK = 4096  # frames turned into text at once


def write_emotion_json(path: str | os.PathLike, timeline: EmotionTimeline, uri: str) -> None:
    """Write a timeline.

    Args:
        path: file to write.
        timeline: of one recording.
        uri: name of the recording, as it is (white space and all).
    """
    head = {
        "format": FORMAT,
        "version": 1,
        "uri": uri,
        "duration": round(timeline.duration, 9),
        "hop": HOP,
        "classes": list(timeline.classes),
        "segments": describe_segments(timeline),
    }
    with atomic_file(path) as part, open(part, "w", encoding="utf-8", newline="\n") as file:
        # File names that are not valid text are escaped by `ensure_ascii`.
        file.write(json.dumps(head, indent=1)[:-2] + ',\n "frames": {\n  "label": [')
        _write_blocks(file, timeline.labels, lambda block: block.tolist())
        file.write('],\n  "intensity": [')
        _write_blocks(file, timeline.intensity, lambda block: np.round(block.astype(np.float64), 6).tolist())
        file.write('],\n  "speech": [')
        _write_blocks(file, timeline.speech, lambda block: np.round(block.astype(np.float64), 6).tolist())
        file.write('],\n  "posteriors": [')
        _write_blocks(file, timeline.posteriors, lambda block: np.round(block.astype(np.float64), 6).tolist())
        file.write("]\n }\n}\n")


def describe_segments(timeline: EmotionTimeline) -> list[dict[str, Any]]:
    """Segments as dictionaries: onset and duration in s, emotion, confidence, mean intensity."""
    means = [float(timeline.intensity[start:stop].mean()) for start, stop, _ in runs_of(timeline.labels)]
    return [
        {
            "onset": round(segment.onset, 6),
            "duration": round(segment.duration, 6),
            "emotion": segment.emotion,
            "confidence": round(segment.confidence, 6),
            "intensity": round(mean, 6),
        }
        for segment, mean in zip(timeline.segments(), means, strict=True)
    ]


def read_emotion_json(path: str | os.PathLike) -> EmotionTimeline:
    """Read a timeline from its frames; the segments follow from their labels.

    Args:
        path: file to read.

    Raises:
        InputError: not such a file, or what in it cannot be used.
    """
    content = read_json(Path(path))
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: is not an emotion timeline; expected a JSON object with format {FORMAT!r}")
    if content.get("version") != 1 or content.get("hop") != HOP:
        raise InputError(
            f"{path}: has version {content.get('version')!r}, hop {content.get('hop')!r}; expected 1, {HOP}"
        )
    duration, classes = content.get("duration"), content.get("classes")
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not 0 < duration < MOST_SECONDS:
        raise InputError(f"{path}: duration is {duration!r}, expected seconds > 0")
    if (
        not (isinstance(classes, list) and classes and all(isinstance(name, str) and name for name in classes))
        or len(set(classes)) < len(classes)
    ):  # fmt: skip
        raise InputError(f"{path}: classes is {classes!r}, expected a list of different names")
    frames = content.get("frames")
    if not isinstance(frames, dict):
        raise InputError(f"{path}: has no frames; write it again")
    count = frame_count(duration)
    labels = _array(path, frames, "label", (count,))
    intensity = _array(path, frames, "intensity", (count,))
    posteriors = _array(path, frames, "posteriors", (count, len(classes)))
    if (labels != np.floor(labels)).any() or labels.max(initial=0) >= len(classes):
        raise InputError(f"{path}: a label is not a whole number from 0 to {len(classes) - 1}")
    speech = _array(path, frames, "speech", (count,)) if "speech" in frames else np.ones(count)
    for name, values in (("intensity", intensity), ("posteriors", posteriors), ("speech", speech)):
        if values.max(initial=0) > 1:
            raise InputError(f"{path}: {name}: a value is above 1")
    totals = posteriors.sum(axis=1, keepdims=True)
    wrong = np.flatnonzero(np.abs(totals[:, 0] - 1) > SUM_TOLERANCE)
    if len(wrong):
        raise InputError(f"{path}: posteriors of frame {wrong[0]} sum to {totals[wrong[0], 0]:.3f}, expected 1")
    return EmotionTimeline(tuple(classes), posteriors / totals, intensity, labels, float(duration), speech)


def _array(path: str | os.PathLike, frames: dict[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Finite values >= 0 as float64 of the expected shape."""
    expected = " x ".join(map(str, shape))
    try:
        values = np.array(frames.get(name), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{path}: {name} is not a table of {expected} numbers") from None
    if values.shape != shape:
        found = " x ".join(map(str, values.shape)) or "no"
        raise InputError(f"{path}: {name} holds {found} numbers, expected {expected} (one row every 20 ms)")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise InputError(f"{path}: {name}: a value is not a number >= 0")
    return values


def _write_blocks(file, values: np.ndarray, to_list) -> None:
    """The items of a JSON list, without its brackets, in bounded memory."""
    for start in range(0, len(values), BLOCK):
        text = json.dumps(to_list(values[start : start + BLOCK]), separators=(",", ":"))[1:-1]
        file.write((",\n   " if start else "\n   ") + text)
