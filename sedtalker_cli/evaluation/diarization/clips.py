"""Scores of stretches of one emotion: whole recordings, or the spans that their corpus marks."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sedtalker_cli.data.corpora import Utterance, corpus_reader
from sedtalker_cli.evaluation.diarization.habits import Habits, changes_a_minute, false_emotion, false_neutral
from sedtalker_cli.evaluation.diarization.listening import Listener
from sedtalker_cli.evaluation.diarization.speakers import Spread, over_speakers
from sedtalker_cli.evaluation.diarization.stretches import Clip, clips_of, is_labelled_speech, is_read
from sedtalker_cli.evaluation.metrics.calibration import Reliability, auc, reliability, spearman
from sedtalker_cli.evaluation.metrics.confusion import Confusion, confusion_by_group, sum_confusions

FEWEST = 3  # clips of a speaker whose order of intensity counts


@dataclass
class ClipScores:
    """Clips: recordings of one emotion each, as recorded, or the marked spans of a recording and its neutral rest.

    Only speech with one known emotion counts, except where it is said, and only its frames of speech (see
    `listening.SCORED`), except for changes of the label.

    Attributes:
        frames: corpus -> confusion of decoded frames.
        clips: corpus -> confusion of clips, labelled by their mean posterior.
        known: corpus -> the same, answers limited to the classes that the corpus has.
        calibration: corpus -> reliability of its frames' posteriors.
        pool: corpora that are taken together in figures without the name of a corpus.
        reliability: of frame posteriors, of the pool.
        strong_auc: intensity of strong against normal clips, or None where no corpus tells.
        arousal_spearman: intensity against annotated arousal, or None.
        arousal_by_speaker: the same, mean over speakers, or None.
        level_by_speaker: corpus -> rank correlation of intensity with the levels of the corpus, mean over speakers;
            clips without a known emotion among them.
        neutral_intensity: mean intensity of neutral clips of the pool.
        sounds: kind of non-verbal sound -> (clips, share that was called one of the classes that count).
        speaker_clips: corpus -> clip UAR of its speakers, each over the classes that they have.
        speaker_frames: corpus -> frame accuracy of its speakers.
        habits: changes of the label, false neutral, false emotion.
    """

    frames: dict[str, Confusion]
    clips: dict[str, Confusion]
    known: dict[str, Confusion]
    calibration: dict[str, Reliability]
    pool: tuple[str, ...]
    reliability: Reliability
    strong_auc: float | None
    arousal_spearman: float | None
    arousal_by_speaker: float | None
    level_by_speaker: dict[str, float]
    neutral_intensity: float
    sounds: dict[str, tuple[int, float]]
    speaker_clips: dict[str, Spread]
    speaker_frames: dict[str, Spread]
    habits: Habits

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
                "arousal_spearman_by_speaker": self.arousal_by_speaker,
                "level_spearman_by_speaker": self.level_by_speaker,
                "neutral_mean": None if math.isnan(self.neutral_intensity) else self.neutral_intensity,
            },
            "sounds": {kind: {"clips": n, "accepted": share} for kind, (n, share) in self.sounds.items()},
            "speakers": {
                name: {"clip_uar": spread.to_dict(), "frame_accuracy": self.speaker_frames[name].to_dict()}
                for name, spread in self.speaker_clips.items()
            },
            "habits": self.habits.to_dict(),
        }


def score_clips(listener: Listener, pool: tuple[str, ...], adapted: bool) -> ClipScores:
    """Score the recordings of a listener; see `ClipScores`."""
    classes = listener.diarizer.classes
    every = clips_of(listener.heard, adapted)
    clips = [clip for clip in every if is_labelled_speech(clip.utterance)]
    utterances = [clip.utterance for clip in clips]
    reference = np.array([classes.index(u.label) for u in utterances])
    corpora = [u.corpus for u in utterances]
    means = np.array([clip.posteriors.mean(0) for clip in clips])
    level = np.array([float(clip.intensity.mean()) for clip in clips])
    absent = np.array([[name not in corpus_reader(c).classes for name in classes] for c in corpora])
    lengths = [len(clip.posteriors) for clip in clips]
    frame_reference = np.repeat(reference, lengths)
    posteriors = np.concatenate([clip.posteriors for clip in clips])
    labels = np.concatenate([clip.labels for clip in clips])
    speakers = [(u.corpus, u.speaker) for u in utterances]
    frame_speakers = [speaker for speaker, length in zip(speakers, lengths, strict=True) for _ in range(length)]
    answers = means.argmax(1)
    by_corpus = confusion_by_group(corpora, reference, answers, classes)
    frame_corpora = np.repeat(corpora, lengths)
    two_levels = {u.corpus for u in utterances if u.strength == "strong"}
    graded = np.array(
        [u.corpus in two_levels and u.strength in ("normal", "strong") and u.label != "neutral" for u in utterances]
    )
    strong = np.array([u.strength == "strong" for u in utterances])
    neutral = (reference == classes.index("neutral")) & np.isin(corpora, pool)
    arousal = np.array([np.nan if u.arousal is None else u.arousal for u in utterances])
    rated = ~np.isnan(arousal)

    def calibration(names: Sequence[str]) -> Reliability:
        chosen = np.isin(frame_corpora, names)
        return reliability(posteriors[chosen], frame_reference[chosen])

    return ClipScores(
        frames=confusion_by_group(frame_corpora.tolist(), frame_reference, labels, classes),
        clips=by_corpus,
        known=confusion_by_group(corpora, reference, np.where(absent, -1, means).argmax(1), classes),
        calibration={name: calibration([name]) for name in sorted(set(corpora))},
        pool=pool,
        reliability=calibration(pool),
        strong_auc=auc(level[graded], strong[graded]) if 0 < strong[graded].sum() < graded.sum() else None,
        arousal_spearman=spearman(level[rated], arousal[rated]) if rated.sum() > 2 else None,
        arousal_by_speaker=_pooled_value(by_speaker(clips, lambda u: u.arousal)),
        level_by_speaker=by_speaker(every, lambda u: None if u.label == "neutral" else u.intensity),
        neutral_intensity=float(level[neutral].mean()) if neutral.any() else float("nan"),
        sounds=score_sounds(every, classes),
        speaker_clips=over_speakers(confusion_by_group(speakers, reference, answers, classes), lambda c: c.uar),
        speaker_frames=over_speakers(
            confusion_by_group(frame_speakers, frame_reference, labels, classes), lambda c: c.accuracy
        ),
        habits=Habits(
            changes_a_minute(clips),
            false_neutral(by_corpus),
            false_emotion([clip for clip in every if is_read(clip.utterance)], classes),
        ),
    )


def by_speaker(clips: Sequence[Clip], target: Callable[[Utterance], float | None]) -> dict[str, float]:
    """Spearman's rank correlation of mean intensity with a target, mean over the speakers of a corpus.

    Args:
        clips: what was heard.
        target: gives an utterance's own value, or None where its corpus does not tell.

    Returns:
        Corpus -> mean over those speakers who have `FEWEST` clips or more, not all of one value.
    """
    values = defaultdict(list)
    for clip in clips:
        wanted = target(clip.utterance)
        if wanted is not None:
            found = float(clip.intensity.mean())
            values[clip.utterance.corpus, clip.utterance.speaker].append((found, wanted))
    rows = defaultdict(list)
    for (corpus, _), pairs in sorted(values.items()):
        found, wanted = np.array(pairs).T
        if len(pairs) >= FEWEST and np.ptp(wanted) > 0:
            # An answer that never changes tells nothing of the order.
            rows[corpus].append(spearman(found, wanted) if np.ptp(found) > 0 else 0.0)
    return {corpus: float(np.mean(row)) for corpus, row in rows.items()}


def score_sounds(clips: Sequence[Clip], classes: Sequence[str]) -> dict[str, tuple[int, float]]:
    """Non-verbal sounds that tell an emotion: kind -> (clips, share whose likeliest class is one that counts)."""
    right = defaultdict(list)
    for clip in clips:
        if clip.utterance.sound is not None and clip.utterance.accepted:
            answer = classes[int(clip.posteriors.mean(0).argmax())]
            right[clip.utterance.sound].append(answer in clip.utterance.accepted)
    return {kind: (len(row), float(np.mean(row))) for kind, row in sorted(right.items())}


def _pooled_value(by_corpus: dict[str, float]) -> float | None:
    """Mean over corpora, None without any."""
    return float(np.mean(list(by_corpus.values()))) if by_corpus else None
