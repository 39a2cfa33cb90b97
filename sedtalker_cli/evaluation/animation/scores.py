"""Predicted face motion against a talking-head data set, or files against files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from sedtalker_cli.audio.loudness import LevelMeter
from sedtalker_cli.audio.reading import stream_audio
from sedtalker_cli.clock import HOP
from sedtalker_cli.data.talking_heads import TalkingDataset, TalkingSequence
from sedtalker_cli.data.talking_heads.reading import RATES
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.animation.pairs import Pair, masks_of, pair_of, sequences_of
from sedtalker_cli.evaluation.animation.report import AnimationReport, SequenceScore
from sedtalker_cli.evaluation.metrics.animation import SEDTALKER, Masks, lip_opening, lip_scores, vertex_scores
from sedtalker_cli.progress import Progress, silent

Predict = Callable[[TalkingSequence], np.ndarray]
"""A model's prediction of a sequence: vertices (T, V, 3) at the sequence's frame rate."""
SHORT = 0.1  # s by which a prediction may end early or late before a note says so
OTHER_RATE = 1.5  # lengths that differ by this factor are taken for another frame rate
OTHER_LENGTH, SAME_LENGTH = 0.1, 0.02  # shares by which most lengths differ from the references', and fit another rate
AUTHORS_NEED = 192  # vertices


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
