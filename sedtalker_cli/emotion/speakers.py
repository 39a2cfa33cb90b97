"""Who speaks when: turns of speakers, frame by frame; segments of emotion, cut where the speaker changes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from sedtalker_cli.clock import HOP, frame_count
from sedtalker_cli.emotion.timeline import EmotionTimeline, Segment

NOBODY = -1


@dataclass(frozen=True)
class SpeakerTurn:
    """A stretch in which someone speaks: onset and duration in s, the speaker's name."""

    onset: float
    duration: float
    speaker: str

    @property
    def end(self) -> float:
        return self.onset + self.duration


@dataclass(frozen=True)
class SpeakerFrames:
    """The speaker of every frame of 20 ms.

    Attributes:
        names: S speakers, sorted.
        numbers: (T,) int64, index into `names`, `NOBODY` where nobody speaks.
    """

    names: tuple[str, ...]
    numbers: np.ndarray

    @classmethod
    def from_turns(cls, turns: Sequence[SpeakerTurn], duration: float, named: str | None = None) -> "SpeakerFrames":
        """Give every frame the speaker at its centre.

        Where several speak at once, the frame is the named speaker's if that one is among them, else of who came in
        last (an interruption is heard); of those who came in together, the first by name.

        Args:
            turns: Need not be sorted; may overlap, end after the recording, or start before it.
            duration: Of the recording in s.
            named: The speaker to whom overlaps go.
        """
        names = tuple(sorted({turn.speaker for turn in turns}))
        numbers = np.full(frame_count(duration), NOBODY, np.int64)
        centres = (np.arange(len(numbers)) + 0.5) * HOP
        # Later entries replace earlier ones.
        order = sorted(turns, key=lambda turn: (turn.speaker == named, turn.onset, -names.index(turn.speaker)))
        for turn in order:
            first, stop = np.searchsorted(centres, (turn.onset - 1e-9, turn.end - 1e-9))
            numbers[first:stop] = names.index(turn.speaker)
        return cls(names, numbers)

    def of(self, speaker: str) -> np.ndarray:
        """(T,) bool, where that speaker speaks; nowhere for a name that is not there."""
        number = self.names.index(speaker) if speaker in self.names else len(self.names)
        return self.numbers == number

    def labels(self) -> list[str]:
        """T names, empty where nobody speaks."""
        return [self.names[number] if number != NOBODY else "" for number in self.numbers.tolist()]

    def segments(self, timeline: EmotionTimeline) -> list[tuple[Segment, str]]:
        """Segments of one emotion and one speaker that tile the recording, as `EmotionTimeline.segments`.

        Args:
            timeline: Of the same recording.

        Returns:
            (segment, speaker) in order of time; the speaker is empty where nobody speaks.

        Raises:
            ValueError: The timeline has another number of frames.
        """
        if len(self.numbers) != len(timeline.labels):
            raise ValueError(f"{len(self.numbers)} frames of speakers, {len(timeline.labels)} of emotion")
        if not len(self.numbers):
            return []
        changes = (np.diff(self.numbers) != 0) | (np.diff(timeline.labels) != 0)
        edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(self.numbers)]
        found = []
        for start, stop in pairwise(edges):
            label, number = int(timeline.labels[start]), int(self.numbers[start])
            onset, end = start * HOP, min(stop * HOP, timeline.duration)
            confidence = float(timeline.posteriors[start:stop, label].mean(dtype=np.float64))
            segment = Segment(onset, end - onset, timeline.classes[label], confidence)
            found.append((segment, self.names[number] if number != NOBODY else ""))
        return found


def rest_of_others(timeline: EmotionTimeline, speaking: np.ndarray) -> EmotionTimeline:
    """The timeline of one speaker: neutral without intensity while that one does not speak.

    Args:
        timeline: Of the recording.
        speaking: (T,) bool.
    """
    neutral = timeline.classes.index("neutral") if "neutral" in timeline.classes else 0
    posteriors = np.where(speaking[:, None], timeline.posteriors, np.eye(len(timeline.classes))[neutral])
    return replace(
        timeline,
        posteriors=posteriors,
        intensity=np.where(speaking, timeline.intensity, 0),
        labels=np.where(speaking, timeline.labels, neutral),
        speech=np.where(speaking, timeline.speech, 0),
    )
