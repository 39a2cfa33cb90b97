"""What is found in a recording before a face moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.emotion.speakers import SpeakerFrames
from sedtalker_cli.emotion.timeline import EmotionTimeline

if TYPE_CHECKING:
    from sedtalker_cli.model.features import Features


@dataclass(frozen=True, eq=False)
class Diarization:
    """What `Pipeline.diarize` finds, and what animators make a motion of.

    Attributes:
        timeline: emotion, intensity and labels every 20 ms.
        features: (T50, L, D) encoder features for the animator, read slice by slice (see `FeatureStore`).
        duration: of the recording in s.
        loudness: (T50,) of the recording, 0 to 1.
        pitch: (T50,) of the voice in semitones; nan where there is none.
        speakers: who speaks in every frame, where that is known.
        adapted: whether the speaker's own voice was asked for.
    """

    timeline: EmotionTimeline
    features: Features = field(repr=False)
    duration: float
    loudness: np.ndarray = field(repr=False)
    pitch: np.ndarray = field(repr=False)
    speakers: SpeakerFrames | None = field(default=None, repr=False)
    adapted: bool = False
