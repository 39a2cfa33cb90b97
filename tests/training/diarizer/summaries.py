"""Clip sets of made-up statistics."""

import numpy as np

from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.training.diarizer.clips import ClipSet
from sedtalker_cli.training.diarizer.labels import known_classes


def clip_set(mean=None, square=None, labels=(), speakers=(), size: int = 8, **changes) -> ClipSet:
    """Wholes of RAVDESS as recorded, 50 frames each; `changes` replaces columns."""
    count = len(labels)
    nothing = np.zeros((count, size))
    columns = {
        "mean": nothing if mean is None else mean,
        "square": nothing if square is None else square,
        "frames": np.full(count, 50),
        "whole": np.ones(count, bool),
        "copy": np.zeros(count, np.int64),
        "accepted": np.eye(len(EMOTIONS), dtype=bool)[np.array(labels, np.int64)],
        "known": np.tile(known_classes("ravdess"), (count, 1)),
        "intensity": np.full(count, np.nan, np.float32),
        "corpus": np.full(count, "ravdess"),
        "speaker": np.array([f"ravdess/{name}" for name in speakers]),
        "path": np.array([f"{number}.wav" for number in range(count)]),
        "sample": np.zeros((4, size), np.float16),
        "sample_speech": np.array([True, False, True, False]),
        "sample_speaker": np.full(4, "ravdess/0"),
    }
    return ClipSet(**{**columns, **changes})
