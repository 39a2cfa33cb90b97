"""What is found in a recording before a face moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.audio.loudness import describe_sound
from sedtalker_cli.audio.recording import Recording
from sedtalker_cli.emotion.silence import describe_speech
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
        recording: decoded; what should be known of it is in its `notes`.
        loudness: (T50,) of the recording, 0 to 1; None where no face is to move.
        pitch: (T50,) of the voice in semitones; nan where there is none. None where no face is to move.
        speakers: who speaks in every frame, where that is known.
        adapted: whether the speaker's own voice was asked for.
    """

    timeline: EmotionTimeline
    features: Features = field(repr=False)
    recording: Recording = field(repr=False)
    loudness: np.ndarray | None = field(default=None, repr=False)
    pitch: np.ndarray | None = field(default=None, repr=False)
    speakers: SpeakerFrames | None = field(default=None, repr=False)
    adapted: bool = False

    @property
    def duration(self) -> float:
        """Of the recording in s."""
        return self.recording.duration

    @property
    def notes(self) -> list[str]:
        """What a person should know before trusting the timeline, a line each."""
        return notes_of(self.recording, self.timeline)


def notes_of(recording: Recording, timeline: EmotionTimeline) -> list[str]:
    """What a person should know before trusting a timeline of a recording, a line each."""
    return [*describe_speech(timeline.speech), *recording.notes, *describe_sound(recording.facts)]
