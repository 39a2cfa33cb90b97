"""Calibration on the validation split: posterior temperature and decoding parameters."""

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.clock import HOP
from sedtalker_cli.emotion.decoding import decode_labels
from sedtalker_cli.training.diarizer.labels import UNLABELLED, LabelledSet


def fit_temperature(logits: np.ndarray, frames: LabelledSet) -> float:
    """Temperature that minimises the frames' cross-entropy (Guo et al. 2017, arXiv 1706.04599).

    Args:
        logits: (frames, C).
        frames: with their classes.
    """
    labelled = frames.emotion != UNLABELLED
    scores, target = torch.from_numpy(logits[labelled]), torch.from_numpy(frames.emotion[labelled])
    grid = np.exp(np.linspace(np.log(0.3), np.log(5), 120))
    losses = [float(F.cross_entropy(scores / float(t), target)) for t in grid]
    return round(float(grid[int(np.argmin(losses))]), 4)


def fit_decoding(logits: np.ndarray, frames: LabelledSet) -> dict[str, float]:
    """Minimum duration (s) and switching cost (nats) with the lowest share of wrongly labelled frames.

    Args:
        logits: (frames, C), already divided by the temperature.
        frames: with their classes.
    """
    posteriors = torch.from_numpy(logits).softmax(-1).numpy()
    best, choice = np.inf, {}
    for min_duration in (0.2, 0.4, 0.6, 0.8):
        for switch_cost in (0.0, 2.0, 5.0, 10.0, 20.0, 40.0):
            wrong = 0
            for a, b in zip(frames.bounds[:-1], frames.bounds[1:], strict=True):
                labels = decode_labels(posteriors[a:b], round(min_duration / HOP), switch_cost)
                truth = frames.emotion[a:b]
                wrong += np.count_nonzero((labels != truth) & (truth != UNLABELLED))
            if wrong < best:
                best, choice = wrong, {"min_duration": min_duration, "switch_cost": switch_cost}
    return choice
