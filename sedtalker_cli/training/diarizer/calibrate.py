"""Calibration on speakers that were not trained on: shares of the answers, temperature, decoding."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.clock import HOP
from sedtalker_cli.emotion.decoding import decode_labels
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.statistics import Measure
from sedtalker_cli.training.diarizer.clips import ClipSet
from sedtalker_cli.training.diarizer.joined import JoinedSet
from sedtalker_cli.training.diarizer.labels import UNLABELLED, FrameLabels
from sedtalker_cli.training.diarizer.statistics import speaker_measures

NEUTRAL = EMOTIONS.index("neutral")
# For unknown and for known speakers. The least cross-entropy on joined recordings would leave out the stretches, and
# lose whole recordings of one emotion by it: these were chosen by both, over five folds of speakers.
SHARES = {
    "shares": [[0.35, 0.45], [0.3, 0.5]],
    "stretch_shares": [[0.6, 0.7], [0.5, 0.8]],
    "level_shares": [[0.2, 0.8], [0.15, 0.85]],
    "stretch_decoding": [50.0, 2.0],
}
# As few changes of label in recordings of one emotion as joined recordings allow.
DECODING = {"min_duration": 0.8, "switch_cost": 10.0}
Log = Callable[[str], None]


@dataclass(frozen=True)
class HeldOut:
    """A network, and speakers that it was not trained on."""

    network: DiarizerNetwork
    clips: ClipSet
    joined: JoinedSet

    def measures(self) -> list[Measure | None]:
        """Of the speaker of each joined recording, by all their clips; None where there are none."""
        known = speaker_measures(self.network, self.clips)
        return [known.get(str(name)) for name in self.joined.names]


@torch.no_grad()
def calibrate(held: Sequence[HeldOut], log: Log = lambda text: None) -> dict[str, Any]:
    """Set how the answers of stack, windows and stretches are joined, and fit the temperature.

    Args:
        held: networks with the recordings that they are calibrated on.
        log: called with one line at a time.

    Returns:
        `temperature` (plain, adapted) and `decoding` for the checkpoint's configuration.
    """
    labels = joint_labels([h.joined.labels() for h in held])
    cases = [[[None] * len(h.joined) for h in held], [h.measures() for h in held]]
    for h in held:
        set_shares(h.network)
    finals = [answers_of(held, measures) for measures in cases]
    temperature = [fit_temperature(logits, labels) for logits, _ in finals]
    log(f"temperatures {temperature}")
    return {"temperature": temperature, "decoding": dict(DECODING)}


def rows_of(joined: JoinedSet) -> Iterator[torch.Tensor]:
    """Features (1, T, L, D) of each recording."""
    return (joined.row(number)[None] for number in range(len(joined)))


def set_shares(network: DiarizerNetwork) -> None:
    """Weights of the answers, see `SHARES`."""
    for name, values in SHARES.items():
        network.get_buffer(name).copy_(torch.tensor(values))


@torch.no_grad()
def answers_of(held: Sequence[HeldOut], measures: Sequence[Sequence[Measure | None]]) -> tuple[np.ndarray, np.ndarray]:
    """Final logits (frames, C) and intensity (frames,) of all recordings, one after the other."""
    logits, intensity = [], []
    for h, own in zip(held, measures, strict=True):
        for row, measure in zip(rows_of(h.joined), own, strict=True):
            (first,), (level,) = h.network(row, measure=measure)
            first, level = h.network.rescore(row[0], first, level, measure)
            logits.append(first.numpy())
            intensity.append(level.sigmoid().numpy())
    return np.concatenate(logits), np.concatenate(intensity)


def joint_labels(parts: Sequence[FrameLabels]) -> FrameLabels:
    """Labels of several sets of recordings as one."""
    lengths = np.concatenate([np.diff(part.bounds) for part in parts])
    return FrameLabels(
        np.cumsum([0, *lengths]),
        np.concatenate([part.emotion for part in parts]),
        np.concatenate([part.intensity for part in parts]),
        tuple(meta for part in parts for meta in part.meta),
    )


def fit_temperature(logits: np.ndarray, frames: FrameLabels) -> float:
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


def fit_decoding(posteriors: np.ndarray, frames: FrameLabels) -> dict[str, float]:
    """Minimum duration (s) and switching cost (nats) with the lowest share of wrongly labelled frames.

    Args:
        posteriors: (frames, C), calibrated, silence filled.
        frames: with their classes.
    """
    best, choice = np.inf, {}
    for min_duration in (0.2, 0.4, 0.6, 0.8):
        for switch_cost in (0.0, 2.0, 5.0, 10.0, 20.0, 40.0):
            wrong = 0
            for a, b in pairwise(frames.bounds):
                labels = decode_labels(posteriors[a:b], round(min_duration / HOP), switch_cost)
                truth = frames.emotion[a:b]
                wrong += np.count_nonzero((labels != truth) & (truth != UNLABELLED))
            if wrong < best:
                best, choice = wrong, {"min_duration": min_duration, "switch_cost": switch_cost}
    return choice
