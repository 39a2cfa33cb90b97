"""Validation of a vertex animator while it is trained; `evaluate animation` has all measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from sedtalker_cli.data.talking_heads import TalkingSequence
from sedtalker_cli.evaluation.animation.predictor import predict_sequence
from sedtalker_cli.model.vertex_animator import VertexAnimator
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.parallel import Team
from sedtalker_cli.training.vertex_animator.batches import Talking

SCORES = ("mve", "lve")


def errors(found: np.ndarray, target: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """Mean distance of vertices, and mean over time of the largest squared distance of the lips' (LVE)."""
    distance = np.linalg.norm(found - target, axis=-1)
    return np.array([distance.mean(), (distance[:, lips] ** 2).max(1).mean()])


def validation_scores(
    model: VertexAnimator,
    numbers: Sequence[int],
    talking: Talking,
    workers: Team,
    progress: Progress = silent,
) -> dict[str, float]:
    """Mean errors over recordings, each process its share.

    Args:
        model: to judge.
        numbers: of the recordings in the data set.
        talking: the data set.
        workers: processes of the run.
        progress: called as (stage, done, total).

    Returns:
        `mve` and `lve`, in the data set's units and their square.
    """

    def predicted(sequence: TalkingSequence) -> np.ndarray:
        return predict_sequence(model, talking.store(sequence.audio), sequence)

    return _mean_errors(predicted, numbers, talking, workers, progress)


def still_scores(numbers: Sequence[int], talking: Talking, workers: Team) -> dict[str, float]:
    """The same of the template at rest."""
    return _mean_errors(lambda s: s.template[None], numbers, talking, workers, silent)


def _mean_errors(predicted: Callable, numbers: Sequence[int], talking: Talking, workers: Team, progress: Progress):
    total = np.zeros(len(SCORES))
    mine = workers.share(numbers)
    for done, number in enumerate(mine, start=1):
        sequence = talking.dataset.sequences[number]
        total += errors(predicted(sequence), sequence.vertices, talking.lips)
        progress("validation", done, len(mine))
    summed = workers.add(torch.tensor(total, device=workers.device, dtype=torch.float32)) / len(numbers)
    return dict(zip(SCORES, summed.tolist(), strict=True))
