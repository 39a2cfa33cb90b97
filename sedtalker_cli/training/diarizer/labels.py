"""What is to be learned of a recording: class and intensity of every frame, and the classes its corpus can tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sedtalker_cli.clock import HOP, SAMPLE_RATE
from sedtalker_cli.data.composites import Composite
from sedtalker_cli.data.corpora import Utterance, corpus_reader
from sedtalker_cli.emotion.timeline import EMOTIONS

UNLABELLED = -1  # class number of a frame whose recording does not tell one class


def intensity_target(utterance: Utterance) -> float:
    """How strongly the emotion is shown, 0..1, or NaN where the corpus does not tell.

    Neutral is 0. Levels of a corpus are taken as they are (RAVDESS: normal 0.5, strong 1.0). Annotated arousal is
    stretched so that its usual range (1.5 to 4.5 of 5) spans 0 to 1.
    """
    if utterance.label == "neutral":
        return 0.0
    if utterance.intensity is not None:
        return utterance.intensity
    if utterance.arousal is not None:
        return float(np.clip((utterance.arousal - 0.125) / 0.75, 0, 1))
    return float("nan")


def known_classes(corpus: str) -> np.ndarray:
    """(C,) bool: classes that a corpus can tell; in plain read speech, assumed neutral, all the others are absent.

    Where a corpus tells no emotion at all, nothing is ruled out.
    """
    reader = corpus_reader(corpus)
    return np.array([not reader.annotated or not reader.classes or name in reader.classes for name in EMOTIONS])


@dataclass(frozen=True)
class Labels:
    """Frame labels of one recording.

    Attributes:
        emotion: (T,) int64 class numbers, `UNLABELLED` where there is not exactly one.
        accepted: (T, C) bool, classes that count as right; none where nothing is told.
        intensity: (T,) float32 with NaN where unknown.
        known: (C,) bool, classes that the corpus can tell.
    """

    emotion: np.ndarray
    accepted: np.ndarray
    intensity: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, composite: Composite, frames: int) -> "Labels":
        """Label every frame of speech by the turn at its centre; silence tells nothing."""
        centres = (np.arange(frames) + 0.5) * HOP
        onsets = np.array([turn.onset for turn in composite.turns])
        turn_of = np.clip(np.searchsorted(onsets, centres, side="right") - 1, 0, None)
        accepted = np.array([[name in t.utterance.accepted for name in EMOTIONS] for t in composite.turns])[turn_of]
        emotion = np.where(accepted.sum(1) == 1, accepted.argmax(1), UNLABELLED)
        intensity = np.array([intensity_target(t.utterance) for t in composite.turns], np.float32)[turn_of]
        if composite.speech is not None:
            quiet = ~composite.speech[:frames]
            accepted[quiet], emotion[quiet], intensity[quiet] = False, UNLABELLED, np.nan
        return cls(emotion, accepted, intensity, known_classes(composite.turns[0].utterance.corpus))


@dataclass(frozen=True)
class FrameLabels:
    """What is to be found in several recordings, one after the other.

    Attributes:
        bounds: (recordings + 1,) first frame of each recording.
        emotion: (frames,) class numbers, `UNLABELLED` where there is not exactly one.
        intensity: (frames,) float32 with NaN where unknown.
        meta: what scores need to know of each recording.
    """

    bounds: np.ndarray
    emotion: np.ndarray
    intensity: np.ndarray
    meta: tuple[dict, ...]

    def __len__(self) -> int:
        return len(self.meta)


class LabelledSet(FrameLabels):
    """Composites with the labels of their frames.

    Args:
        composites: the recordings.
    """

    def __init__(self, composites: Sequence[Composite]):
        labels = [Labels.of(c, frame_count(c)) for c in composites]
        super().__init__(
            np.cumsum([0, *(len(item.emotion) for item in labels)]),
            np.concatenate([item.emotion for item in labels]),
            np.concatenate([item.intensity for item in labels]),
            tuple(describe(c) for c in composites),
        )
        object.__setattr__(self, "composites", list(composites))


def frame_count(composite: Composite) -> int:
    """Encoder frames of a recording."""
    return -(-len(composite.waveform) // round(HOP * SAMPLE_RATE))


def speaker_name(composite: Composite) -> str:
    """Corpus and speaker of a recording."""
    utterance = composite.turns[0].utterance
    return f"{utterance.corpus}/{utterance.speaker}"


def describe(composite: Composite) -> dict:
    """What evaluation needs to know of a composite, as JSON."""
    first = composite.turns[0].utterance
    return {
        "corpus": first.corpus,
        "speaker": first.speaker,
        "duration": composite.duration,
        "turns": [
            {
                "onset": t.onset,
                "duration": t.duration,
                "emotion": t.utterance.label,
                "path": t.utterance.path.name,
                "strength": t.utterance.strength,
                "arousal": t.utterance.arousal,
            }
            for t in composite.turns
        ],
    }
