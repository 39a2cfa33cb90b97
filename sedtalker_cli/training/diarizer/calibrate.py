"""Calibration on speakers that were not trained on: shares of the answers, temperature, decoding."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.clock import HOP
from sedtalker_cli.emotion.decoding import decode_labels
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.statistics import Measure
from sedtalker_cli.training.diarizer.clips import ClipSet
from sedtalker_cli.training.diarizer.joined import JoinedSet
from sedtalker_cli.training.diarizer.labels import UNLABELLED, FrameLabels
from sedtalker_cli.training.diarizer.shares import fit_levels, fit_shares
from sedtalker_cli.training.diarizer.statistics import speaker_measures

CALIBRATED = 1600  # joined recordings, of all folds together
# Of the stretches that are judged as a whole: shortest in frames, and cost of a change in nats.
STRETCHES = (40.0, 2.0)
FEWER_CHANGES = 0.004  # share of frames that may be wrong more, for the sake of fewer changes of label
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

    def thinned(self, most: int) -> "HeldOut":
        """With at most so many joined recordings."""
        return replace(self, joined=self.joined.chosen(range(min(most, len(self.joined)))))


@dataclass(frozen=True)
class Answers:
    """What stack and windows say of all recordings, one after the other.

    Attributes:
        stack, windows: (frames, C) class logits.
        levels: (frames,) intensity logits of the stack.
    """

    stack: torch.Tensor
    windows: torch.Tensor
    levels: torch.Tensor


@torch.no_grad()
def calibrate(held: Sequence[HeldOut], log: Log = lambda text: None) -> dict[str, Any]:
    """Set how the answers of stack, windows and stretches are joined; fit the temperatures and the decoding.

    Args:
        held: networks with the recordings that they are calibrated on; their shares are set.
        log: called with one line at a time.

    Returns:
        `temperature` (plain, adapted) and `decoding` for the checkpoint's configuration.
    """
    held = [h.thinned(CALIBRATED // len(held)) for h in held]
    labels = joint_labels([h.joined.labels() for h in held])
    target, wanted = torch.from_numpy(labels.emotion), torch.from_numpy(labels.intensity)
    # Every recording counts alike, whatever its length; of one emotion or with changes.
    lengths = torch.from_numpy(np.diff(labels.bounds))
    weight = (1 / lengths.float()).repeat_interleave(lengths)
    cases = [[[None] * len(h.joined) for h in held], [h.measures() for h in held]]
    set_buffer(held, "shares", slice(None), torch.ones(2, 2))  # windows without a share are not listened to
    for case, measures in enumerate(cases):
        found = heard(held, measures)
        set_buffer(held, "shares", case, fit_shares([found.stack, found.windows], target, weight))
        stack, share = held[0].network.shares[case]
        logits = stack * found.stack + share * found.windows
        set_buffer(held, "stretch_decoding", slice(None), torch.tensor(STRETCHES))
        stretches = stretch_answers(held, logits, measures)
        set_buffer(held, "stretch_shares", case, fit_shares([logits, stretches[:, :-1]], target, weight))
        set_buffer(held, "level_shares", case, fit_levels([found.levels, stretches[:, -1]], wanted))
    names = ("shares", "stretch_shares", "level_shares")
    log(", ".join(f"{name} {held[0].network.get_buffer(name).tolist()}" for name in names))
    finals = [answers_of(held, measures)[0] for measures in cases]
    temperature = [fit_temperature(logits, labels) for logits in finals]
    decoding = fit_decoding(torch.from_numpy(finals[0] / temperature[0]).softmax(-1).numpy(), labels)
    log(f"temperatures {temperature}, decoding {decoding}")
    return {"temperature": temperature, "decoding": decoding}


def set_buffer(held: Sequence[HeldOut], name: str, row: int | slice, values: torch.Tensor) -> None:
    """Set a row of a buffer of every network."""
    for h in held:
        h.network.get_buffer(name)[row] = values


def take_shares(network: DiarizerNetwork, source: DiarizerNetwork) -> None:
    """Give a network the shares of another one."""
    for name in ("shares", "stretch_shares", "level_shares", "stretch_decoding"):
        network.get_buffer(name).copy_(source.get_buffer(name))


def heard(held: Sequence[HeldOut], measures: Sequence[Sequence[Measure | None]]) -> Answers:
    """What stack and windows say."""
    parts = []
    for h, own in zip(held, measures, strict=True):
        for row, measure in zip(rows_of(h.joined), own, strict=True):
            stack, windows = h.network.stack_answer(row), h.network.window_answer(row, None, measure)
            (logits,), (levels,) = h.network.spread_out(stack, row.shape[1])
            (beside,), _ = h.network.spread_out(torch.cat([windows, stack[..., -1:]], -1), row.shape[1])
            parts.append((logits, beside, levels))
    return Answers(*(torch.cat(part) for part in zip(*parts, strict=True)))


def stretch_answers(
    held: Sequence[HeldOut], logits: torch.Tensor, measures: Sequence[Sequence[Measure | None]]
) -> torch.Tensor:
    """Class and intensity logits (frames, C + 1) of the stretches that class logits (frames, C) fall into."""
    parts, start = [], 0
    for h, own in zip(held, measures, strict=True):
        for (row,), measure in zip(rows_of(h.joined), own, strict=True):
            stretches = h.network.stretches(logits[start : start + len(row)])
            parts.append(h.network.stretch_answer(row, stretches, measure))
            start += len(row)
    return torch.cat(parts)


def rows_of(joined: JoinedSet) -> Iterator[torch.Tensor]:
    """Features (1, T, L, D) of each recording."""
    return (joined.row(number)[None] for number in range(len(joined)))


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
    """Minimum duration (s) and switching cost (nats): of those with hardly more wrong frames than the best, the one
    with the fewest changes of label.

    Args:
        posteriors: (frames, C), calibrated.
        frames: with their classes.
    """
    tried = []
    for min_duration in (0.2, 0.4, 0.6, 0.8):
        for switch_cost in (0.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0):
            wrong = changes = 0
            for a, b in pairwise(frames.bounds):
                labels = decode_labels(posteriors[a:b], round(min_duration / HOP), switch_cost)
                truth = frames.emotion[a:b]
                wrong += np.count_nonzero((labels != truth) & (truth != UNLABELLED))
                changes += np.count_nonzero(np.diff(labels))
            tried.append((wrong, changes, {"min_duration": min_duration, "switch_cost": switch_cost}))
    allowed = min(wrong for wrong, *_ in tried) + FEWER_CHANGES * np.count_nonzero(frames.emotion != UNLABELLED)
    return min((t for t in tried if t[0] <= allowed), key=lambda t: (t[1], t[0]))[2]
