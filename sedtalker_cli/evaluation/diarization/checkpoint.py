"""A diarizer checkpoint on the recordings of a split: whole clips, and clips joined with known boundaries."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sedtalker_cli.data.composites import CompositeSampler
from sedtalker_cli.data.corpora import Utterance, corpus_reader
from sedtalker_cli.data.recordings import WaveformStore, read_corpora
from sedtalker_cli.emotion.timeline import EmotionTimeline, Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.metrics.calibration import Reliability, auc, reliability, spearman
from sedtalker_cli.evaluation.metrics.confusion import Confusion, confusion_by_group, sum_confusions
from sedtalker_cli.evaluation.metrics.diarization import DiarizationScore, score_files
from sedtalker_cli.model.diarizer import Diarizer, Voice
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.progress import Progress, silent

JOINED_PATTERNS = {"NE": 0.25, "EN": 0.25, "NEN": 0.2, "EE": 0.15, "chain": 0.15}


@dataclass
class ClipScores:
    """Whole clips of one emotion each, speech-trimmed.

    Attributes:
        frames: corpus -> confusion of 20 ms frames.
        clips: corpus -> confusion of clips, labelled by their mean posterior.
        known: corpus -> the same, answers limited to the classes that the corpus has.
        calibration: corpus -> reliability of its frames' posteriors.
        pool: corpora that are taken together in figures without the name of a corpus.
        reliability: of frame posteriors, of the pool.
        strong_auc: intensity of strong against normal clips, or None where no corpus tells.
        arousal_spearman: intensity against annotated arousal, or None.
        neutral_intensity: mean intensity of neutral clips of the pool.
    """

    frames: dict[str, Confusion]
    clips: dict[str, Confusion]
    known: dict[str, Confusion]
    calibration: dict[str, Reliability]
    pool: tuple[str, ...]
    reliability: Reliability
    strong_auc: float | None
    arousal_spearman: float | None
    neutral_intensity: float

    def pooled(self, by_corpus: dict[str, Confusion]) -> Confusion:
        """One confusion of the pool's corpora."""
        return sum_confusions({name: by_corpus[name] for name in self.pool})

    def to_dict(self) -> dict[str, Any]:
        """Numbers, strings and None, ready for JSON."""
        return {
            "pool": list(self.pool),
            "frames": self.pooled(self.frames).to_dict(),
            "frames_by_corpus": {name: c.to_dict() for name, c in self.frames.items()},
            "clips_by_corpus": {name: c.to_dict() for name, c in self.clips.items()},
            "clips_by_corpus_known_classes": {name: c.to_dict() for name, c in self.known.items()},
            "calibration": {
                "name": self.reliability.name,
                "ece": self.reliability.ece,
                "table": self.reliability.table(),
                "ece_by_corpus": {name: r.ece for name, r in self.calibration.items()},
            },
            "intensity": {
                "strong_auc": self.strong_auc,
                "arousal_spearman": self.arousal_spearman,
                "neutral_mean": None if math.isnan(self.neutral_intensity) else self.neutral_intensity,
            },
        }


@dataclass
class JoinedScores:
    """Joined clips: the diarizer, and the guess of one emotion for each whole file from the same posteriors.

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


@dataclass
class DiarizationReport:
    """Everything that `evaluate diarization` measures of a checkpoint.

    Attributes:
        split: part of the corpora.
        clips: whole clips.
        adapted: the same when the speakers are known by all their clips (`diarize --adapt`).
        joined: joined clips of the corpora that the checkpoint was trained on (of all, if on none).
        foreign: joined clips of the other corpora, if there are any.
        settings: how it was measured.
    """

    split: str
    clips: ClipScores
    adapted: ClipScores
    joined: JoinedScores
    foreign: JoinedScores | None
    settings: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Numbers, strings and None, ready for JSON."""
        return {
            "split": self.split,
            "settings": self.settings,
            **self.clips.to_dict(),
            "adapted": self.adapted.to_dict(),
            "joined": self.joined.to_dict(),
            "joined_of_other_corpora": self.foreign and self.foreign.to_dict(),
        }


class Listener:
    """Models and what they heard of every clip, so that each is listened to once.

    Args:
        encoder, diarizer: the models.
        utterances: clips of the split.
        store: their waveforms.
        progress: called as (stage, done, total).
    """

    def __init__(self, encoder: SpeechEncoder, diarizer: Diarizer, utterances, store, progress: Progress):
        self.encoder, self.diarizer, self.utterances, self.store = encoder, diarizer, utterances, store
        self.features, self.voices = [], {}
        for number, utterance in enumerate(utterances, start=1):
            self.features.append(encoder.encode([store(utterance)]))
            key = (utterance.corpus, utterance.speaker)
            voice = diarizer.voice(self.features[-1])
            self.voices[key] = self.voices[key] + voice if key in self.voices else voice
            progress("clips", number, len(utterances))

    def voice(self, utterance: Utterance) -> Voice:
        """What is known of its speaker."""
        return self.voices[utterance.corpus, utterance.speaker]

    def predict_clips(self, adapted: bool) -> list[tuple[np.ndarray, np.ndarray]]:
        """Posteriors and intensity of every clip."""
        return [
            self.diarizer.predict(features, self.voice(utterance) if adapted else None)
            for features, utterance in zip(self.features, self.utterances, strict=True)
        ]


def evaluate_checkpoint(
    encoder: SpeechEncoder,
    diarizer: Diarizer,
    corpora: Sequence[tuple[str, Path]],
    splits: Path | None,
    split: str = "test",
    joined: int = 300,
    seed: int = 0,
    log: Callable[[str], None] = lambda text: None,
    progress: Progress = silent,
) -> DiarizationReport:
    """Score a checkpoint on one split of corpora.

    Args:
        encoder, diarizer: the models.
        corpora: (name, folder) pairs; read speech without labels is left out.
        splits: table of splits, or None to draw them by speaker.
        split: which part.
        joined: number of joined recordings of 2 to 4 clips.
        seed: of the joined recordings.
        log: called with one line at a time.
        progress: called as (stage, done, total).

    Raises:
        InputError: the split holds no labelled recording.
    """
    labelled = [pair for pair in corpora if corpus_reader(pair[0]).annotated]
    store = WaveformStore(max_seconds=60)
    wanted = [u for u in read_corpora(labelled, splits, log=log) if u.split == split]
    utterances = store.usable(wanted, log)
    if not utterances:
        raise InputError(f"the {split} split holds no labelled recording; give --corpus and --splits that fit")
    present = sorted({u.corpus for u in utterances})
    pool = tuple(name for name in present if name in diarizer.trained_on) or tuple(present)
    settings = {"joined": joined, "seed": seed, "corpora": present}
    listener = Listener(encoder, diarizer, utterances, store, progress)

    def join(names: Sequence[str]) -> JoinedScores | None:
        chosen = [u for u in utterances if u.corpus in names]
        return score_joined(listener, chosen, joined, seed, progress) if chosen else None

    return DiarizationReport(
        split,
        score_clips(listener, pool, adapted=False),
        score_clips(listener, pool, adapted=True),
        join(pool),
        join([name for name in present if name not in pool]),
        settings,
    )


def score_clips(listener: Listener, pool: tuple[str, ...], adapted: bool) -> ClipScores:
    """Score whole clips; see `ClipScores`."""
    utterances, classes = listener.utterances, listener.diarizer.classes
    reference = np.array([classes.index(u.label) for u in utterances])
    corpora = [u.corpus for u in utterances]
    predicted = listener.predict_clips(adapted)
    means = np.array([p.mean(0) for p, _ in predicted])
    level = np.array([float(intensity.mean()) for _, intensity in predicted])
    absent = np.array([[name not in corpus_reader(c).classes for name in classes] for c in corpora])
    lengths = [len(p) for p, _ in predicted]
    frame_reference, posteriors = np.repeat(reference, lengths), np.concatenate([p for p, _ in predicted])
    frame_corpora = np.repeat(corpora, lengths)
    graded = np.array([u.strength in ("normal", "strong") and u.label != "neutral" for u in utterances])
    strong = np.array([u.strength == "strong" for u in utterances])
    arousal = np.array([np.nan if u.arousal is None else u.arousal for u in utterances])
    rated = ~np.isnan(arousal)
    neutral = (reference == classes.index("neutral")) & np.isin(corpora, pool)

    def calibration(names: Sequence[str]) -> Reliability:
        chosen = np.isin(frame_corpora, names)
        return reliability(posteriors[chosen], frame_reference[chosen])

    return ClipScores(
        frames=confusion_by_group(frame_corpora.tolist(), frame_reference, posteriors.argmax(1), classes),
        clips=confusion_by_group(corpora, reference, means.argmax(1), classes),
        known=confusion_by_group(corpora, reference, np.where(absent, -1, means).argmax(1), classes),
        calibration={name: calibration([name]) for name in sorted(set(corpora))},
        pool=pool,
        reliability=calibration(pool),
        strong_auc=auc(level[graded], strong[graded]) if 0 < strong[graded].sum() < graded.sum() else None,
        arousal_spearman=spearman(level[rated], arousal[rated]) if rated.sum() > 2 else None,
        neutral_intensity=float(level[neutral].mean()) if neutral.any() else float("nan"),
    )


def score_joined(
    listener: Listener, utterances: Sequence[Utterance], count: int, seed: int, progress: Progress
) -> JoinedScores:
    """Join clips of one speaker (2 to 4, loudness matched or not), diarize, compare; see `JoinedScores`."""
    diarizer = listener.diarizer
    sampler = CompositeSampler(
        utterances, listener.store, seed, max_seconds=60, augmentation=0, patterns=JOINED_PATTERNS, chain=(3, 4)
    )
    references, found, adapted, guessed, durations = {}, {}, {}, {}, {}
    for index in range(count):
        composite = sampler.draw(0, index)
        name, duration = f"joined-{index:04d}", composite.duration
        features = listener.encoder.encode([composite.waveform])
        voice = listener.voice(composite.turns[0].utterance)
        for segments, known in ((found, None), (adapted, voice)):
            p, intensity = diarizer.predict(features, known)
            timeline = EmotionTimeline.from_posteriors(diarizer.classes, p, intensity, duration, **diarizer.decoding)
            segments[name] = timeline.segments()
            if known is None:
                guessed[name] = [Segment(0.0, duration, diarizer.classes[int(p.mean(0).argmax())])]
        durations[name] = duration
        references[name] = [Segment(t.onset, t.duration, t.utterance.label) for t in composite.turns]
        progress("joined clips", index + 1, count)
    scores = (score_files(references, segments, diarizer.classes, durations) for segments in (found, adapted, guessed))
    return JoinedScores(*scores, references, found)
