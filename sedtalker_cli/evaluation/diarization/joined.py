"""Scores of recordings in which the emotion changes: clips joined with known boundaries, and marked recordings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.data.composites import CompositeSampler
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.data.recordings import WaveformStore
from sedtalker_cli.emotion.timeline import EmotionTimeline, Segment
from sedtalker_cli.evaluation.diarization.listening import Listener
from sedtalker_cli.evaluation.metrics.diarization import DiarizationScore, score_files
from sedtalker_cli.progress import Progress

JOINED_PATTERNS = {"NE": 0.25, "EN": 0.25, "NEN": 0.2, "EE": 0.15, "chain": 0.15}
SILENCE = 1.5


@dataclass
class JoinedScores:
    """Recordings with changes: the diarizer, and the guess of one emotion for each whole file from the same posteriors.

    Attributes:
        diarizer: its scores.
        adapted: its scores when it knows the speakers by all their clips.
        single_guess: scores of the guess.
        references, hypotheses: recording -> segments, for pictures.
    """

    diarizer: DiarizationScore
    adapted: DiarizationScore
    single_guess: DiarizationScore
    references: dict[str, list[Segment]] = field(default_factory=dict)
    hypotheses: dict[str, list[Segment]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Scores, ready for JSON."""
        return {name: getattr(self, name).to_dict() for name in ("diarizer", "adapted", "single_guess")}


@dataclass(frozen=True)
class Recording:
    """A recording with true segments that tile it.

    Attributes:
        name: in reports.
        features: (T, L, D) of its sound.
        duration: in s.
        utterance: any of its speaker.
        segments: the truth.
    """

    name: str
    features: torch.Tensor
    duration: float
    utterance: Utterance
    segments: list[Segment]


def score_joined(
    listener: Listener,
    utterances: Sequence[Utterance],
    count: int,
    seed: int,
    progress: Progress,
) -> JoinedScores:
    """Join clips of one speaker (2 to 4, loudness matched or not), diarize, compare; see `JoinedScores`.

    Between most clips there are pauses, at most ends there is silence (up to `SILENCE` s, of a room or digital); a true
    boundary lies in the middle of a pause, and silence at an end belongs to the clip beside it.
    """
    sampler = CompositeSampler(
        utterances,
        WaveformStore(max_seconds=60),
        seed,
        max_seconds=60,
        augmentation=0,
        patterns=JOINED_PATTERNS,
        chain=(3, 4),
        silence=SILENCE,
    )

    def recordings() -> Iterable[Recording]:
        for index in range(count):
            composite = sampler.draw(0, index)
            features = listener.encoder.encode([composite.waveform])
            segments = [Segment(t.onset, t.duration, t.utterance.label) for t in composite.turns]
            name, speaker = f"joined-{index:04d}", composite.turns[0].utterance
            yield Recording(name, features, composite.duration, speaker, segments)
            progress("joined clips", index + 1, count)

    return score_recordings(listener, recordings())


def score_marked(listener: Listener) -> JoinedScores | None:
    """Score the recordings whose corpus marks spans, whole and as they are; None if there are none."""
    recordings = []
    for utterance, features in zip(listener.utterances, listener.features, strict=True):
        if utterance.segments:
            duration = len(listener.store(utterance)) / SAMPLE_RATE
            segments = [Segment(a, b - a, part.label) for a, b, part in utterance.parts(duration)]
            name = f"{utterance.corpus}/{utterance.path.stem}"
            recordings.append(Recording(name, features, duration, utterance, segments))
    return score_recordings(listener, recordings) if recordings else None


def score_recordings(listener: Listener, recordings: Iterable[Recording]) -> JoinedScores:
    """Diarize recordings and compare with their true segments."""
    diarizer = listener.diarizer
    references, found, adapted, guessed, durations = {}, {}, {}, {}, {}
    for recording in recordings:
        name, duration = recording.name, recording.duration
        for segments, known in ((found, None), (adapted, listener.voice(recording.utterance))):
            p, intensity = diarizer.predict(recording.features, known)
            timeline = EmotionTimeline.from_posteriors(diarizer.classes, p, intensity, duration, **diarizer.decoding)
            segments[name] = timeline.segments()
            if known is None:
                guessed[name] = [Segment(0.0, duration, diarizer.classes[int(p.mean(0).argmax())])]
        durations[name], references[name] = duration, recording.segments
    scores = (score_files(references, segments, diarizer.classes, durations) for segments in (found, adapted, guessed))
    return JoinedScores(*scores, references, found)
