"""Scores of all sequences, and what is drawn from them: overall, by emotion, by intensity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sedtalker_cli.evaluation.metrics.animation import DEFINITIONS, POOLING, Masks, Scores, pool
from sedtalker_cli.evaluation.report.tables import without_nan


@dataclass(frozen=True)
class SequenceScore:
    """One sequence.

    Attributes:
        name, emotion, intensity: see `Pair`.
        frames: T that were compared.
        fps: frames a second.
        scores: of the prediction.
        still: of the face at rest in its place.
        openings: lip openings (2, T) of reference and prediction.
    """

    name: str
    emotion: str | None
    intensity: float | None
    frames: int
    fps: float
    scores: Scores
    still: Scores
    openings: np.ndarray = field(repr=False)


@dataclass
class AnimationReport:
    """Predicted motion against references.

    Attributes:
        definitions: `standard` or `sedtalker`.
        sequences: in order of their names.
        masks: of the `standard` measures and the lip opening.
        notes: what a reader should know.
    """

    definitions: str
    sequences: list[SequenceScore]
    masks: Masks
    notes: list[str] = field(default_factory=list)

    def pooled(self, sequences: Sequence[SequenceScore], still: bool = False) -> Scores:
        """Scores of several sequences as one."""
        rows = [row.still if still else row.scores for row in sequences]
        return pool(rows, [row.frames for row in sequences], self.definitions)

    @property
    def overall(self) -> dict[str, Scores]:
        """The prediction, and the face at rest in its place."""
        return {"prediction": self.pooled(self.sequences), "still face": self.pooled(self.sequences, still=True)}

    @property
    def emotions(self) -> dict[str, Scores]:
        """Emotion -> scores; empty where none is known."""
        return self._grouped(lambda row: row.emotion)

    @property
    def intensities(self) -> dict[str, Scores]:
        """`EMOTION INTENSITY` -> scores; empty where none is known."""
        return self._grouped(
            lambda row: None if row.emotion is None or row.intensity is None else f"{row.emotion} {row.intensity:.2f}"
        )

    def _grouped(self, key: Callable[[SequenceScore], str | None]) -> dict[str, Scores]:
        groups: dict[str, list[SequenceScore]] = {}
        for row in self.sequences:
            if key(row) is not None:
                groups.setdefault(key(row), []).append(row)
        return {name: self.pooled(rows) for name, rows in sorted(groups.items())}

    def to_dict(self) -> dict[str, Any]:
        """Numbers, strings and None, ready for JSON."""
        return without_nan(
            {
                "definitions": self.definitions,
                "measures": DEFINITIONS[self.definitions],
                "pooling": POOLING[self.definitions],
                "masks": self.masks.origin,
                "notes": self.notes,
                "overall": self.overall,
                "emotions": self.emotions,
                "intensities": self.intensities,
                "sequences": {
                    row.name: {
                        "emotion": row.emotion,
                        "intensity": row.intensity,
                        "frames": row.frames,
                        "fps": row.fps,
                        **row.scores,
                    }
                    for row in self.sequences
                },
            }
        )
