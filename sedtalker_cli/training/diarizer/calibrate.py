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
from sedtalker_cli.emotion.silence import fill_silence
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.losses import masked_intensity
from sedtalker_cli.model.statistics import Measure
from sedtalker_cli.training.diarizer.clips import ClipSet
from sedtalker_cli.training.diarizer.joined import JoinedSet
from sedtalker_cli.training.diarizer.labels import UNLABELLED, FrameLabels
from sedtalker_cli.training.diarizer.statistics import speaker_measures

NEUTRAL = EMOTIONS.index("neutral")
STRETCHES = ((20, 5.0), (30, 5.0), (50, 2.0), (50, 5.0), (50, 10.0))  # frames, nats
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
    """Fit what joins the answers of stack, windows and stretches, the same for all networks, and set it.

    Args:
        held: networks with the recordings that they are calibrated on.
        log: called with one line at a time.

    Returns:
        `temperature` (plain, adapted) and `decoding` for the checkpoint's configuration.
    """
    labels = joint_labels([h.joined.labels() for h in held])
    target, told = torch.from_numpy(labels.emotion), torch.from_numpy(labels.emotion != UNLABELLED)
    cases = [[[None] * len(h.joined) for h in held], [h.measures() for h in held]]
    for case, measures in enumerate(cases):
        parts = [
            (h.network.spread_out(h.network.stack_answer(row), row.shape[1]), windows_of(h.network, row, measure))
            for h, own in zip(held, measures, strict=True)
            for row, measure in zip(rows_of(h.joined), own, strict=True)
        ]
        stack = torch.cat([logits[0] for (logits, _), _ in parts])
        windows = torch.cat([w[0] for _, w in parts])
        shares, loss = fit_shares([stack[told], windows[told]], target[told])
        log(f"shares of stack and windows {shares.tolist()}, cross-entropy {loss:.4f}")
        for h in held:
            h.network.shares[case] = shares
    firsts = [
        [
            h.network(row, measure=measure)
            for h, own in zip(held, measures, strict=True)
            for row, measure in zip(rows_of(h.joined), own, strict=True)
        ]
        for measures in cases
    ]
    wanted = torch.from_numpy(labels.intensity)
    best, kept = np.inf, None
    for decoding in STRETCHES:
        fits = []
        for case, measures in enumerate(cases):
            logits = torch.cat([logits[0] for logits, _ in firsts[case]])
            level = torch.cat([level[0] for _, level in firsts[case]])
            answers = stretch_answers(held, measures, firsts[case], decoding)
            shares, loss = fit_shares([logits[told], answers[told][:, :-1]], target[told])
            fits.append((shares, fit_levels([level, answers[:, -1]], wanted), loss))
        total = sum(loss for *_, loss in fits)
        if total < best:
            best, kept = total, (decoding, fits)
    stretch_decoding, fits = kept
    (plain_shares, _, plain), (_, _, adapted) = fits
    log(f"stretches {stretch_decoding}, shares {plain_shares.tolist()}: {plain:.4f}, adapted {adapted:.4f}")
    for h in held:
        h.network.stretch_decoding.copy_(torch.tensor(stretch_decoding))
        h.network.stretch_shares.copy_(torch.stack([shares for shares, *_ in fits]))
        h.network.level_shares.copy_(torch.stack([levels for _, levels, _ in fits]))
    finals = [answers_of(held, measures) for measures in cases]
    temperature = [fit_temperature(logits, labels) for logits, _ in finals]
    posteriors = torch.from_numpy(finals[0][0] / temperature[0]).softmax(-1).numpy()
    decoding = fit_decoding(filled(held, posteriors, labels.bounds), labels)
    return {"temperature": temperature, "decoding": decoding}


def rows_of(joined: JoinedSet) -> Iterator[torch.Tensor]:
    """Features (1, T, L, D) of each recording."""
    return (joined.row(number)[None] for number in range(len(joined)))


def windows_of(network: DiarizerNetwork, row: torch.Tensor, measure: Measure | None) -> torch.Tensor:
    """Class logits (1, T, C) of the windows alone."""
    return network.spread_out(network.judge(*network.local(row), measure), row.shape[1])[0]


def stretch_answers(
    held: Sequence[HeldOut],
    measures: Sequence[Sequence[Measure | None]],
    firsts: Sequence[tuple[torch.Tensor, torch.Tensor]],
    decoding: tuple[float, float],
) -> torch.Tensor:
    """Class and intensity logits (frames, C + 1) of the stretches that a decoding finds."""
    found, answers = iter(firsts), []
    for h, own in zip(held, measures, strict=True):
        h.network.stretch_decoding.copy_(torch.tensor(decoding))
        for row, measure in zip(rows_of(h.joined), own, strict=True):
            logits, _ = next(found)
            answers.append(h.network.stretch_answer(row[0], h.network.stretches(logits[0]), measure))
    return torch.cat(answers)


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


def fit_shares(answers: Sequence[torch.Tensor], target: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Weights (A,) of A sets of class logits (N, C) with the lowest cross-entropy, and that."""
    stacked = torch.stack(list(answers))
    return minimise(lambda shares: F.cross_entropy(torch.einsum("a,anc->nc", shares, stacked), target), len(stacked))


def fit_levels(answers: Sequence[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
    """Weights (A,) of A sets of intensity logits (N,) with the lowest squared error to a target with NaN."""
    stacked = torch.stack(list(answers))
    return minimise(lambda shares: masked_intensity(shares @ stacked, target), len(stacked))[0]


@torch.enable_grad()
def minimise(loss_of: Callable[[torch.Tensor], torch.Tensor], size: int) -> tuple[torch.Tensor, float]:
    """Weights (size,) with the lowest loss by L-BFGS from equal ones, and the loss."""
    shares = torch.full((size,), 1 / size, requires_grad=True)
    optimizer = torch.optim.LBFGS([shares], max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(shares)
        loss.backward()
        return loss

    optimizer.step(closure)
    return shares.detach(), float(closure().detach())


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


def filled(held: Sequence[HeldOut], posteriors: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Posteriors (frames, C) of all recordings with their silence filled, as when a recording is diarized."""
    speech = (h.network.hears(row).sigmoid()[0].numpy() for h in held for row in rows_of(h.joined))
    spans = pairwise(bounds)
    rows = (
        fill_silence(posteriors[a:b], np.zeros(b - a), heard, NEUTRAL)[0]
        for (a, b), heard in zip(spans, speech, strict=True)
    )
    return np.concatenate(list(rows))


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
