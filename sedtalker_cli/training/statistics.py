"""Fit of the diarizer's linear part: a convex problem, solved to its end on windows of the training composites."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.model.diarizer import DiarizerNetwork
from sedtalker_cli.training.labels import LabelledSet

WINDOWS = 6  # of a composite
PENALTIES = (1e-3, 3e-3, 1e-2)  # on the squared weights; the best on validation is taken


@torch.no_grad()
def fit_statistics(
    network: DiarizerNetwork,
    draws: Iterable[Iterable[dict[str, Any]]],
    val: LabelledSet,
    val_features: Sequence[torch.Tensor],
    log: Callable[[str], None] = lambda text: None,
) -> None:
    """Fit `centre`, `spread`, `statistics` and `shares` of a network whose stack is trained.

    Every window takes part twice, centred by the mean of all speakers and by that of its own (in its draw), so that
    one set of weights serves both.

    Args:
        network: changed in place.
        draws: batches with `features`, `emotion`, `known`, `names` of the speakers.
        val: validation recordings.
        val_features: (T, L, D) of each.
        log: told the scores.
    """
    rng = np.random.default_rng(0)
    windows: list[tuple[torch.Tensor, ...]] = []
    for number, draw in enumerate(draws):
        batches = list(draw)
        if not number:
            standardise(network, [row for batch in batches for row in batch["features"]])
        features = [row for batch in batches for row in batch["features"]]
        names = [name for batch in batches for name in batch["names"]]
        speakers = np.unique(names, return_inverse=True)[1]
        labels = [labels for batch in batches for labels in zip(batch["emotion"], batch["known"], strict=True)]
        centres = speaker_centres(network, features, speakers)
        for row, centre, (emotion, known) in zip(features, centres, labels, strict=True):
            mean, deviation = network.local(network.tune(row.float().unsqueeze(0)))
            places = rng.integers(len(row) // network.stride + 1, size=WINDOWS).clip(max=mean.shape[1] - 1)
            target = emotion[(places * network.stride + network.stride // 2).clip(max=len(row) - 1)]
            shift = network.centre_shift(centre).expand(WINDOWS, -1)
            windows.append((mean[0, places], deviation[0, places], shift, target, known.expand(WINDOWS, -1)))
    mean, deviation, shift, target, known = (torch.cat(parts) for parts in zip(*windows, strict=True))
    answers = {own: stack_and_statistics(network, val_features, val.speakers if own else None) for own in (False, True)}
    best = np.inf
    for penalty in PENALTIES:
        weight, bias = solve(mean, deviation, shift, target, known, penalty)
        losses, shares = [], []
        for stack, *local in answers.values():
            share, loss = fit_shares(stack, F.linear(torch.cat(local, -1), weight, bias), val)
            shares.append(share)
            losses.append(loss)
        log(f"penalty {penalty}: cross-entropy {losses[0]:.4f}, adapted {losses[1]:.4f}")
        if sum(losses) < best:
            best = sum(losses)
            network.statistics.linear.weight.copy_(weight)
            network.statistics.linear.bias.copy_(bias)
            network.shares.copy_(torch.stack(shares))


def standardise(network: DiarizerNetwork, features: Sequence[torch.Tensor]) -> None:
    """Set centre and spread of all speakers; recordings count alike."""
    means, squares = [], []
    for row in features:
        x = normalised(network, row)
        means.append(x.mean(0))
        squares.append((x**2).mean(0))
    centre = torch.stack(means).mean(0)
    network.centre.copy_(centre)
    network.spread.copy_((torch.stack(squares).mean(0) - centre**2).clamp(min=1e-6).sqrt())


@torch.no_grad()
def speaker_centres(
    network: DiarizerNetwork, features: Sequence[torch.Tensor], speakers: np.ndarray
) -> list[torch.Tensor]:
    """Centre (L, D) of the speaker of each recording, from all his recordings.

    Args:
        features: (T, L, D) of each recording.
        speakers: (recordings,) numbers.
    """
    totals: dict[int, torch.Tensor] = {}
    frames: dict[int, int] = {}
    for row, speaker in zip(features, speakers, strict=True):
        total = normalised(network, row).sum(0)
        totals[speaker] = totals[speaker] + total if speaker in totals else total
        frames[speaker] = frames.get(speaker, 0) + len(row)
    centres = {speaker: network.centre_of(total, frames[speaker]) for speaker, total in totals.items()}
    return [centres[speaker] for speaker in speakers]


def normalised(network: DiarizerNetwork, row: torch.Tensor) -> torch.Tensor:
    """Features (T, L, D) through the tuned layers, if there are any, and a norm."""
    tuned = network.tune(row.float().unsqueeze(0))[0]
    return F.layer_norm(tuned, tuned.shape[-1:])


def stack_and_statistics(
    network: DiarizerNetwork, features: Sequence[torch.Tensor], speakers: np.ndarray | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Stack's class logits (S, C), means and deviations (S, K) at the slow frames of all recordings."""
    centres = [None] * len(features) if speakers is None else speaker_centres(network, features, speakers)
    parts = []
    for row, centre in zip(features, centres, strict=True):
        tuned = network.tune(row.float().unsqueeze(0))
        mean, deviation = network.local(tuned)
        shift = network.centre_shift(centre)
        parts.append(
            (network.stack_answer(tuned)[0, :, :-1], mean[0] if shift is None else mean[0] - shift, deviation[0])
        )
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))


@torch.enable_grad()
def solve(
    mean: torch.Tensor,
    deviation: torch.Tensor,
    shift: torch.Tensor,
    target: torch.Tensor,
    known: torch.Tensor,
    penalty: float,
    steps: int = 60,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Multinomial logistic regression by L-BFGS on windows (N, K), each with and without its shift.

    Args:
        mean, deviation, shift: (N, K).
        target: (N,) classes.
        known: (N, C) classes that the window's corpus can tell; others take no part.
        penalty: on the squared weights.
        steps: of L-BFGS.

    Returns:
        weight (C, 2 K), bias (C,).
    """
    plain = torch.cat([mean, deviation], dim=-1)
    weight = torch.zeros(known.shape[1], plain.shape[1], requires_grad=True)
    bias = torch.zeros(known.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=steps, history_size=10, line_search_fn="strong_wolfe")
    unknown = ~known

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logits = F.linear(plain, weight, bias)
        shifted = logits - shift @ weight[:, : shift.shape[1]].T
        loss = sum(F.cross_entropy(x.masked_fill(unknown, -1e9), target) for x in (logits, shifted)) / 2
        loss = loss + penalty * (weight**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach(), bias.detach()


@torch.enable_grad()
def fit_shares(stack: torch.Tensor, statistics: torch.Tensor, val: LabelledSet) -> tuple[torch.Tensor, float]:
    """Weights (2,) of two sets of logits (S, C) with the lowest cross-entropy, and that.

    Slow frames are labelled by the encoder frames that they stand for.
    """
    lengths = np.diff(val.bounds)
    stride = round(float(lengths.sum()) / len(stack))
    rows = [
        val.emotion[a + np.minimum(np.arange(-(-n // stride)) * stride + stride // 2, n - 1)]
        for a, n in zip(val.bounds[:-1], lengths, strict=True)
    ]
    target = torch.from_numpy(np.concatenate(rows))
    shares = torch.tensor([0.5, 0.5], requires_grad=True)
    optimizer = torch.optim.LBFGS([shares], max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(shares[0] * stack + shares[1] * statistics, target)
        loss.backward()
        return loss

    optimizer.step(closure)
    return shares.detach(), float(closure().detach())
