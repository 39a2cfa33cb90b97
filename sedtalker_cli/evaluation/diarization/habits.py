"""What a diarizer is inclined to: changes within one mood, emotion called neutral, read speech called an emotion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.evaluation.metrics.confusion import Confusion, sum_confusions

if TYPE_CHECKING:
    from sedtalker_cli.evaluation.diarization.stretches import Clip

NEUTRAL = "neutral"


@dataclass(frozen=True)
class Habits:
    """Inclinations by corpus.

    Attributes:
        changes: corpus -> changes of the label a minute in clips of one emotion; pauses and edges belong to the time.
        false_neutral: corpus -> share of emotional clips that is called neutral; without those there is no entry.
        false_emotion: corpus of read speech -> share of its frames of speech that is called something else.
    """

    changes: dict[str, float]
    false_neutral: dict[str, float]
    false_emotion: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Numbers, ready for JSON."""
        return {
            "label_changes_a_minute": self.changes,
            "false_neutral": self.false_neutral,
            "false_emotion": self.false_emotion,
        }


def changes_a_minute(clips: Sequence[Clip]) -> dict[str, float]:
    """Corpus -> changes of the label in all its clips, per minute of them."""
    changes, seconds = defaultdict(int), defaultdict(float)
    for clip in clips:
        changes[clip.utterance.corpus] += clip.changes
        seconds[clip.utterance.corpus] += clip.seconds
    return {corpus: 60 * changes[corpus] / seconds[corpus] for corpus in sorted(changes)}


def false_neutral(clips: Mapping[str, Confusion]) -> dict[str, float]:
    """Corpus -> share of clips of other classes that is called neutral, also of "all" corpora.

    Args:
        clips: corpus -> confusion of its clips.
    """
    shares = {}
    for name, confusion in {**clips, "all": sum_confusions(clips)}.items():
        neutral = confusion.classes.index(NEUTRAL)
        emotional = np.arange(len(confusion.classes)) != neutral
        total = confusion.support[emotional].sum()
        if total:
            shares[name] = float(confusion.matrix[emotional, neutral].sum() / total)
    return shares


def false_emotion(clips: Sequence[Clip], classes: Sequence[str]) -> dict[str, float]:
    """Corpus -> share of the frames of speech of its clips whose label is not neutral."""
    labels = defaultdict(list)
    for clip in clips:
        labels[clip.utterance.corpus].append(clip.labels)
    neutral = list(classes).index(NEUTRAL)
    return {corpus: float(np.mean(np.concatenate(rows) != neutral)) for corpus, rows in sorted(labels.items())}
