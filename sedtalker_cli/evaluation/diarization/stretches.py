"""Stretches of one emotion, whole recordings or spans that their corpus marks, and what was heard in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sedtalker_cli.clock import HOP
from sedtalker_cli.data.corpora import Utterance, corpus_reader
from sedtalker_cli.evaluation.diarization.listening import Heard


@dataclass(frozen=True)
class Clip:
    """A stretch of one emotion and what was heard in it.

    Attributes:
        utterance: narrowed to the stretch.
        posteriors, intensity, labels: (T, C), (T,), (T,) of its frames of speech.
        changes: of the label, in all its frames.
        seconds: length with its pauses and edges.
    """

    utterance: Utterance
    posteriors: np.ndarray
    intensity: np.ndarray
    labels: np.ndarray
    changes: int
    seconds: float


def is_labelled_speech(utterance: Utterance) -> bool:
    """Whether it is speech of one known emotion."""
    return utterance.label is not None and utterance.sound is None and not is_read(utterance)


def is_read(utterance: Utterance) -> bool:
    """Whether it is read speech, of which nobody told the emotion."""
    return not corpus_reader(utterance.corpus).annotated


def clips_of(heard: Sequence[Heard], adapted: bool) -> list[Clip]:
    """Recordings cut where their corpus marks spans; a span without a frame of speech is left out."""
    clips = []
    for item in heard:
        timeline = item.timeline(adapted)
        for start, end, part in item.utterance.parts(len(timeline.labels) * HOP):
            frames = slice(round(start / HOP), round(end / HOP))
            spoken, labels = item.spoken[frames], timeline.labels[frames]
            if spoken.any():
                values = (x[frames][spoken] for x in (timeline.posteriors, timeline.intensity, timeline.labels))
                changes = np.count_nonzero(np.diff(labels))
                clips.append(Clip(part, *values, changes, len(labels) * HOP))
    return clips
