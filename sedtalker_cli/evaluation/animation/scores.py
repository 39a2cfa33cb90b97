"""Predicted face motion against a talking-head data set, or files against files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from sedtalker_cli.audio.loudness import LevelMeter
from sedtalker_cli.audio.reading import stream_audio
from sedtalker_cli.clock import HOP
from sedtalker_cli.data.talking_heads import TalkingDataset, TalkingSequence
from sedtalker_cli.data.talking_heads.reading import RATES
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.metrics.animation import (
    DEFINITIONS,
    POOLING,
    SEDTALKER,
    Masks,
    Scores,
    lip_opening,
    lip_scores,
    pool,
    vertex_scores,
)
from sedtalker_cli.evaluation.report.tables import without_nan
from sedtalker_cli.progress import Progress, silent

Predict = Callable[[TalkingSequence], np.ndarray]
"""A model's prediction of a sequence: vertices (T, V, 3) at the sequence's frame rate."""
SHORT = 0.1  # s by which a prediction may end early or late before a note says so
OTHER_RATE = 1.5  # lengths that differ by this factor are taken for another frame rate
OTHER_LENGTH, SAME_LENGTH = 0.1, 0.02  # shares by which most lengths differ from the references', and fit another rate
AUTHORS_NEED = 192  # vertices


@dataclass(frozen=True)
class Pair:
    """What is compared.

    Attributes:
        name: of the prediction.
        reference, prediction: give vertices (T, V, 3) when they are called, both at `fps`.
        template: the face at rest (V, 3).
        fps: frames a second.
        audio: the sound, None where it is not known.
        emotion, intensity: None where they are not known.
    """

    name: str
    reference: Callable[[], np.ndarray] = field(repr=False)
    prediction: Callable[[], np.ndarray] = field(repr=False)
    template: np.ndarray = field(repr=False)
    fps: float
    audio: Path | None = None
    emotion: str | None = None
    intensity: float | None = None


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


def evaluate_pairs(
    pairs: Sequence[Pair],
    masks: Masks,
    definitions: str,
    progress: Progress = silent,
    source: str = "predictions",
) -> AnimationReport:
    """Score pair by pair; only one is in memory at a time.

    Args:
        pairs: at least one.
        masks: of their topology.
        definitions: `standard` or `sedtalker`.
        progress: called as (stage, done, total).
        source: of the predictions, for errors.

    Raises:
        InputError: a pair does not fit together, or there is none.
    """
    if not pairs:
        raise InputError(f"{source}: nothing to compare")
    if definitions == SEDTALKER and len(pairs[0].template) < AUTHORS_NEED:
        count = len(pairs[0].template)
        raise InputError(f"{source}: the definitions `sedtalker` name vertices up to 191, the meshes have {count}")
    odd = next((pair for pair in pairs if pair.template.shape != pairs[0].template.shape), None)
    if odd:
        raise InputError(
            f"{source}: {odd.name} has {len(odd.template)} vertices, {pairs[0].name} {len(pairs[0].template)}; "
            "score one topology at a time"
        )
    loudness = _Loudness()
    report = AnimationReport(definitions, [], masks)
    uneven, ratios = [], []
    for number, pair in enumerate(sorted(pairs, key=lambda pair: pair.name), start=1):
        reference, prediction = pair.reference(), pair.prediction()
        _check(pair, reference, prediction)
        frames = min(len(reference), len(prediction))
        ratios.append(len(prediction) / len(reference))
        if abs(len(reference) - len(prediction)) > SHORT * pair.fps:
            uneven.append(pair.name)
        reference, prediction = reference[:frames], prediction[:frames]
        still = np.broadcast_to(pair.template, reference.shape)
        openings = np.array([lip_opening(v, pair.template, masks.lips) for v in (reference, prediction)])
        level = loudness.at_frames(pair.audio, frames, pair.fps) if pair.audio else None
        report.sequences.append(
            SequenceScore(
                *(pair.name, pair.emotion, pair.intensity, frames, pair.fps),
                vertex_scores(reference, prediction, pair.template, masks, pair.fps, definitions)
                | lip_scores(*openings, pair.fps, level),
                vertex_scores(reference, still, pair.template, masks, pair.fps, definitions),
                openings,
            )
        )
        progress("sequences", number, len(pairs))
    _check_rates(ratios, pairs[0].fps, source)
    if uneven:
        more = f" and {len(uneven) - 1} more" if len(uneven) > 1 else ""
        report.notes.append(f"{uneven[0]}{more}: prediction and reference are cut to the shorter of both")
    return report


def evaluate_dataset(
    dataset: TalkingDataset,
    split: str,
    predict: Predict,
    definitions: str,
    regions: Mapping[str, np.ndarray] | None = None,
    progress: Progress = silent,
) -> AnimationReport:
    """Score a model on a split: everything that a checkpoint needs is a function from sequence to vertices.

    Args:
        dataset: with references.
        split: `train`, `val` or `test`.
        predict: the model.
        definitions: `standard` or `sedtalker`.
        regions: instead of those beside the data set.
        progress: called as (stage, done, total).

    Raises:
        InputError: the split is empty, or the data set has no lip region.
    """
    chosen = sequences_of(dataset, split)
    masks = masks_of(regions or dataset.regions, str(dataset.root))
    pairs = [pair_of(sequence, sequence.name, lambda s=sequence: predict(s)) for sequence in chosen]
    return evaluate_pairs(pairs, masks, definitions, progress, str(dataset.root))


def sequences_of(dataset: TalkingDataset, split: str) -> list[TalkingSequence]:
    """Sequences of a split.

    Raises:
        InputError: there are none.
    """
    chosen = dataset.of(split)
    if not chosen:
        raise InputError(f"{dataset.root}: has no sequences in the {split} split; it has {dataset.summary()}")
    return chosen


def pair_of(sequence: TalkingSequence, name: str, prediction: Callable[[], np.ndarray]) -> Pair:
    """A sequence with a prediction of it."""
    return Pair(
        *(name, lambda: sequence.vertices, prediction, sequence.template, sequence.fps, sequence.audio),
        *(sequence.emotion, sequence.intensity),
    )


def masks_of(regions: Mapping[str, np.ndarray], source: str) -> Masks:
    """Masks of the measures from regions as they are published, or of one of the project's heads.

    Lips are `lve.txt`, else FLAME's lips; the upper face is `fdd.txt`, else FLAME's forehead and eye_region; eyes and
    forehead are `eve.txt`, else FLAME's forehead and eye_region, else the upper face.

    Args:
        regions: name -> indices.
        source: where they come from, for the report and errors.

    Raises:
        InputError: there is nothing of lips or of the upper face.
    """

    def union(*names: str) -> np.ndarray | None:
        return np.unique(np.concatenate([regions[n] for n in names])) if set(names) <= set(regions) else None

    choices = {
        "lips": (("lve",), ("lips",)),
        "upper_face": (("fdd",), ("forehead", "eye_region"), ("upper_face",)),
        "eyes": (("eve",), ("forehead", "eye_region"), ("upper_face", "eyes"), ("fdd",), ("upper_face",)),
    }
    found, origin = {}, {}
    for mask, ways in choices.items():
        way = next((way for way in ways if union(*way) is not None), None)
        if way is None:
            raise InputError(
                f"{source}: no region of {mask.replace('_', ' ')}; put regions/lve.txt and fdd.txt or FLAME_masks.pkl "
                "there, or name their folder with --regions"
            )
        found[mask] = union(*way)
        origin[mask] = f"{' + '.join(way)} ({len(found[mask])} vertices, {source})"
    return Masks(**found, origin=origin)


def _check(pair: Pair, reference: np.ndarray, prediction: np.ndarray) -> None:
    if prediction.shape[1:] != reference.shape[1:] or reference.shape[1:] != pair.template.shape:
        raise InputError(
            f"{pair.name}: the prediction has {prediction.shape[1]} vertices, the reference {reference.shape[1]}, "
            f"the face at rest {len(pair.template)}; they must be of one topology"
        )
    for side, vertices in (("prediction", prediction), ("reference", reference)):
        if not np.isfinite(vertices).all():
            raise InputError(f"{pair.name}: the {side} holds values that are not finite")
    ratio = len(prediction) / len(reference)
    if not 1 / OTHER_RATE < ratio < OTHER_RATE:
        raise InputError(
            f"{pair.name}: {len(prediction)} frames predicted, {len(reference)} in the reference at {pair.fps:g} a "
            f"second; the prediction looks like {ratio * pair.fps:.3g} a second, bring it to {pair.fps:g}"
        )


def _check_rates(ratios: Sequence[float], fps: float, source: str) -> None:
    """Find predictions whose lengths, over those of their references, are as another usual frame rate makes them.

    Raises:
        InputError: says the rate.
    """
    usual = median(ratios)
    near = min(RATES, key=lambda rate: abs(rate / fps - usual))
    if abs(usual - 1) > OTHER_LENGTH and abs(near / fps / usual - 1) < SAME_LENGTH:
        raise InputError(
            f"{source}: predictions have {usual:.3g} times the frames of their references; "
            f"they look like {near} a second, bring them to {fps:g}"
        )


class _Loudness:
    """Loudness of sound files at the frames of motions; the last file is kept, as many sequences share one."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._levels = np.zeros(1)

    def at_frames(self, path: Path, frames: int, fps: float) -> np.ndarray:
        """(T,) 0 to 1 at k / fps s."""
        if path != self._path:
            meter = LevelMeter()
            for block in stream_audio(path):
                meter(block)
            self._path, self._levels = path, meter.loudness()
        centres = (np.arange(len(self._levels)) + 0.5) * HOP
        return np.interp(np.arange(frames) / fps, centres, self._levels)
