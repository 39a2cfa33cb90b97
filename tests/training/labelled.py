"""Composites and labels for the tests of training."""

from pathlib import Path

import numpy as np
import pytest

from sedtalker_cli.data.composites import Composite, Turn
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.training.diarizer.labels import FrameLabels, Labels, describe, frame_count
from tests.training.recordings import RATE


def utterance(emotion="happy", corpus="ravdess", **facts) -> Utterance:
    return Utterance(Path(f"{emotion}.wav"), corpus, "1", emotion, **facts)


def composite(number: int) -> Composite:
    """Neutral for 0.2 s, then happy for 0.1 s and more."""
    seconds = 0.3 + 0.1 * number
    turns = (
        Turn(0.0, 0.2, utterance("neutral", strength="normal", intensity=0.0)),
        Turn(0.2, seconds - 0.2, utterance("happy", strength="strong" if number % 2 else "normal", intensity=1.0)),
    )
    return Composite(np.zeros(round(seconds * RATE), np.float32), turns)


def labels_of(composites: list[Composite]) -> FrameLabels:
    """Labels of recordings, one after the other."""
    parts = [Labels.of(c, frame_count(c)) for c in composites]
    return FrameLabels(
        np.cumsum([0, *(len(part.emotion) for part in parts)]),
        np.concatenate([part.emotion for part in parts]),
        np.concatenate([part.intensity for part in parts]),
        tuple(describe(c) for c in composites),
    )


@pytest.fixture
def frames() -> FrameLabels:
    return labels_of([composite(number) for number in range(4)])
