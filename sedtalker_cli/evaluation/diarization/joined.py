"""Scores of recordings in which the emotion changes: clips joined with known boundaries, and marked recordings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sedtalker_cli.data.composites import CompositeSampler
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.data.recordings import WaveformStore
from sedtalker_cli.emotion.timeline import Segment
from sedtalker_cli.evaluation.diarization.listening import Heard, Listener
from sedtalker_cli.evaluation.metrics.diarization import DiarizationScore, score_files
from sedtalker_cli.progress import Progress

JOINED_PATTERNS = {"NE": 0.25, "EN": 0.25, "NEN": 0.2, "EE": 0.15, "chain": 0.15}
SILENCE = 1.5  # s, longest at an end
LONGEST = 60.0  # s of clips and of what they are joined to


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
        heard: what was heard in it.
        segments: the truth.
    """

    name: str
    heard: Heard
    segments: list[Segment]


def score_joined(
    listener: Listener,
    utterances: Sequence[Utterance],
    count: int,
    seed: int,
    progress: Progress,
) -> JoinedScores:
    """Join clips of one speaker, diarize, compare; see `JoinedScores`.

    Two to four clips are cut to speech and joined closely or with pauses, loudness matched or not, with silence at the
    ends. A true boundary lies in the middle of its pause, and silence at an end belongs to the clip next to it.
    """
    sampler = CompositeSampler(
        utterances,
        WaveformStore(max_seconds=LONGEST),
        seed,
        max_seconds=LONGEST,
        augmentation=0,
        patterns=JOINED_PATTERNS,
        chain=(3, 4),
        silence=SILENCE,
    )

    def recordings() -> Iterable[Recording]:
        for index in range(count):
            composite = sampler.draw(0, index)
            heard = listener.hear(composite.turns[0].utterance, composite.waveform)
            segments = [Segment(t.onset, t.duration, t.utterance.label) for t in composite.turns]
            yield Recording(f"joined-{index:04d}", heard, segments)
            progress("joined clips", index + 1, count)

    return score_recordings(recordings(), listener.diarizer.classes)


def score_marked(listener: Listener) -> JoinedScores | None:
    """Score the recordings whose corpus marks spans, whole and as they are; None if there are none."""
    recordings = []
    for heard in listener.heard:
        utterance = heard.utterance
        if utterance.segments:
            segments = [Segment(a, b - a, part.label) for a, b, part in utterance.parts(heard.plain.duration)]
            recordings.append(Recording(f"{utterance.corpus}/{utterance.path.stem}", heard, segments))
    return score_recordings(recordings, listener.diarizer.classes) if recordings else None


def score_recordings(recordings: Iterable[Recording], classes: Sequence[str]) -> JoinedScores:
    """Compare what was heard in recordings with their true segments."""
    references, found, adapted, guessed, durations = {}, {}, {}, {}, {}
    for recording in recordings:
        name, heard = recording.name, recording.heard
        duration, posteriors = heard.plain.duration, heard.plain.posteriors
        durations[name], references[name] = duration, recording.segments
        found[name], adapted[name] = heard.plain.segments(), heard.adapted.segments()
        spoken = posteriors[heard.spoken] if heard.spoken.any() else posteriors
        guessed[name] = [Segment(0.0, duration, classes[int(spoken.mean(0).argmax())])]
    scores = (score_files(references, segments, classes, durations) for segments in (found, adapted, guessed))
    return JoinedScores(*scores, references, found)
