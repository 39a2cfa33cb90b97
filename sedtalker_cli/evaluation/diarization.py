"""A diarizer checkpoint on the recordings of a split: whole clips, and clips joined with known boundaries."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sedtalker_cli.data.composites import CompositeSampler
from sedtalker_cli.data.corpora import Utterance, corpus_reader
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.tables import sum_confusions
from sedtalker_cli.metrics.calibration import Reliability, auc, reliability, spearman
from sedtalker_cli.metrics.confusion import Confusion, confusion_by_group
from sedtalker_cli.metrics.diarization import DiarizationScore, score_files
from sedtalker_cli.model.diarizer import Diarizer
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.timeline import EmotionTimeline, Segment
from sedtalker_cli.training.recordings import WaveformStore, read_corpora

JOINED_PATTERNS = {"NE": 0.25, "EN": 0.25, "NEN": 0.2, "EE": 0.15, "chain": 0.15}


@dataclass
class ClipScores:
    """Whole clips of one emotion each, speech-trimmed.

    Attributes:
        frames: corpus -> confusion of 20 ms frames.
        clips: corpus -> confusion of clips, labelled by their mean posterior.
        known: corpus -> the same, answers limited to the classes that the corpus has.
        reliability: of frame posteriors, pooled over annotated corpora.
        strong_auc: intensity of strong against normal clips, or None where no corpus tells.
        arousal_spearman: intensity against annotated arousal, or None.
        neutral_intensity: mean intensity of neutral clips.
    """

    frames: dict[str, Confusion]
    clips: dict[str, Confusion]
    known: dict[str, Confusion]
    reliability: Reliability
    strong_auc: float | None
    arousal_spearman: float | None
    neutral_intensity: float


@dataclass
class JoinedScores:
    """Joined clips: the diarizer, and the guess of one emotion for each whole file from the same posteriors.

    Attributes:
        diarizer: its scores.
        single_guess: scores of the guess.
        references, hypotheses: recording -> segments, for pictures.
    """

    diarizer: DiarizationScore
    single_guess: DiarizationScore
    references: dict[str, list[Segment]] = field(default_factory=dict)
    hypotheses: dict[str, list[Segment]] = field(default_factory=dict)


@dataclass
class DiarizationReport:
    """Everything that `evaluate diarization` measures of a checkpoint."""

    split: str
    clips: ClipScores
    joined: JoinedScores
    settings: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Numbers, strings and None, ready for JSON."""
        clips = self.clips
        return {
            "split": self.split,
            "settings": self.settings,
            "frames": sum_confusions(clips.frames).to_dict(),
            "frames_by_corpus": {name: c.to_dict() for name, c in clips.frames.items()},
            "clips_by_corpus": {name: c.to_dict() for name, c in clips.clips.items()},
            "clips_by_corpus_known_classes": {name: c.to_dict() for name, c in clips.known.items()},
            "calibration": {
                "name": clips.reliability.name,
                "ece": clips.reliability.ece,
                "table": clips.reliability.table(),
            },
            "intensity": {
                "strong_auc": clips.strong_auc,
                "arousal_spearman": clips.arousal_spearman,
                "neutral_mean": None if math.isnan(clips.neutral_intensity) else clips.neutral_intensity,
            },
            "joined": self.joined.diarizer.to_dict(),
            "joined_single_guess": self.joined.single_guess.to_dict(),
        }


def evaluate_checkpoint(
    encoder: SpeechEncoder,
    diarizer: Diarizer,
    corpora: Sequence[tuple[str, Path]],
    splits: Path | None,
    split: str = "test",
    joined: int = 100,
    seed: int = 0,
    log: Callable[[str], None] = lambda text: None,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> DiarizationReport:
    """Score a checkpoint on one split of corpora.

    Args:
        encoder, diarizer: the models.
        corpora: (name, folder) pairs; read speech without labels is left out.
        splits: table of splits, or None to draw them by speaker.
        split: which part.
        joined: number of joined recordings of 2 to 4 clips.
        seed: of the joined recordings.
        log: told what was read.
        progress: called with (what, done, total).

    Raises:
        InputError: the split holds no labelled recording.
    """
    labelled = [pair for pair in corpora if corpus_reader(pair[0]).annotated]
    store = WaveformStore(max_seconds=60)
    wanted = [u for u in read_corpora(labelled, splits, log=log) if u.split == split]
    utterances = store.usable(wanted, log)
    if not utterances:
        raise InputError(f"the {split} split holds no labelled recording; give --corpus and --splits that fit")
    settings = {"joined": joined, "seed": seed, "corpora": sorted({u.corpus for u in utterances})}
    clips = score_clips(encoder, diarizer, utterances, store, progress)
    return DiarizationReport(
        split, clips, score_joined(encoder, diarizer, utterances, store, joined, seed, progress), settings
    )


def score_clips(encoder, diarizer, utterances: Sequence[Utterance], store, progress) -> ClipScores:
    """Run whole clips; see `ClipScores`."""
    classes = diarizer.classes
    reference = np.array([classes.index(u.label) for u in utterances])
    corpora = [u.corpus for u in utterances]
    means, known_answers, intensity, posteriors, lengths = [], [], [], [], []
    for number, utterance in enumerate(utterances, start=1):
        p, level = diarizer.predict(encoder.encode([store(utterance)]))
        posteriors.append(p)
        lengths.append(len(p))
        means.append(p.mean(0))
        absent = [i for i, name in enumerate(classes) if name not in corpus_reader(utterance.corpus).classes]
        known_answers.append(int(np.delete(np.arange(len(classes)), absent)[np.delete(means[-1], absent).argmax()]))
        intensity.append(float(level.mean()))
        progress("clips", number, len(utterances))
    frame_reference, frame_posteriors = np.repeat(reference, lengths), np.concatenate(posteriors)
    frame_corpora = np.repeat(corpora, lengths).tolist()
    level = np.array(intensity)
    graded = np.array([u.strength in ("normal", "strong") and u.label != "neutral" for u in utterances])
    strong = np.array([u.strength == "strong" for u in utterances])
    arousal = np.array([np.nan if u.arousal is None else u.arousal for u in utterances])
    rated = ~np.isnan(arousal)
    neutral = reference == classes.index("neutral")
    return ClipScores(
        frames=confusion_by_group(frame_corpora, frame_reference, frame_posteriors.argmax(1), classes),
        clips=confusion_by_group(corpora, reference, np.argmax(means, 1), classes),
        known=confusion_by_group(corpora, reference, np.array(known_answers), classes),
        reliability=reliability(frame_posteriors, frame_reference),
        strong_auc=auc(level[graded], strong[graded]) if 0 < strong[graded].sum() < graded.sum() else None,
        arousal_spearman=spearman(level[rated], arousal[rated]) if rated.sum() > 2 else None,
        neutral_intensity=float(level[neutral].mean()) if neutral.any() else float("nan"),
    )


def score_joined(encoder, diarizer, utterances, store, count: int, seed: int, progress) -> JoinedScores:
    """Join clips of one speaker (2 to 4, loudness matched or not), diarize, compare; see `JoinedScores`."""
    sampler = CompositeSampler(
        utterances, store, seed, max_seconds=60, augmentation=0, patterns=JOINED_PATTERNS, chain=(3, 4)
    )
    references, found, guessed, durations = {}, {}, {}, {}
    for index in range(count):
        composite = sampler.draw(0, index)
        name = f"joined-{index:04d}"
        p, intensity = diarizer.predict(encoder.encode([composite.waveform]))
        timeline = EmotionTimeline.from_posteriors(
            diarizer.classes, p, intensity, composite.duration, **diarizer.decoding
        )
        durations[name] = composite.duration
        references[name] = [Segment(t.onset, t.duration, t.utterance.label) for t in composite.turns]
        found[name] = timeline.segments()
        guessed[name] = [Segment(0.0, composite.duration, diarizer.classes[int(p.mean(0).argmax())])]
        progress("joined clips", index + 1, count)
    return JoinedScores(
        score_files(references, found, diarizer.classes, durations),
        score_files(references, guessed, diarizer.classes, durations),
        references,
        found,
    )
