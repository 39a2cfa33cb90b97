"""Fit of the diarizer's statistics networks, on windows and stretches of the training composites."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.emotion.decoding import runs_of
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.losses import masked_intensity
from sedtalker_cli.model.statistics import StatisticsNetwork, statistics_of
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.diarizer.labels import UNLABELLED, LabelledSet

WINDOWS = 3  # of a composite, besides its turns and as many parts of them
EDGE = 10  # frames by which the ends of a turn are drawn too early or too late
SHORTEST = 30  # frames of a part of a turn
STRETCHES = tuple((shortest, cost) for shortest in (20, 30, 50) for cost in (0.0, 2.0, 5.0, 10.0, 20.0))


@dataclass(frozen=True)
class Windows:
    """Statistics of N stretches of speech.

    Attributes:
        mean, deviation: (N, K) of standard features.
        shift: (N, K) what the speaker's centre takes off the mean.
        target: (N,) classes; stretches whose class is not told are left out.
        intensity: (N,) with NaN where unknown.
        known: (N, C) classes that the corpus can tell.
        corpus: (N,) numbers.
    """

    mean: torch.Tensor
    deviation: torch.Tensor
    shift: torch.Tensor
    target: torch.Tensor
    intensity: torch.Tensor
    known: torch.Tensor
    corpus: torch.Tensor


@torch.no_grad()
def fit_statistics(
    network: DiarizerNetwork,
    draws: Iterable[Iterable[dict[str, Any]]],
    val: LabelledSet,
    val_features: Sequence[torch.Tensor],
    seed: int = 0,
    epochs: int = 15,
    log: Callable[[str], None] = lambda text: None,
    progress: Progress = silent,
) -> None:
    """Fit what a trained stack does not learn: statistics, shares, stretches.

    Args:
        network: changed in place.
        draws: batches with `features`, `emotion`, `intensity`, `known`, `names` of the speakers.
        val: validation recordings, for the shares and the decoding of stretches.
        val_features: (T, L, D) of each.
        seed: of windows and training.
        epochs: passes over the windows.
        log: called with one line at a time.
        progress: called as (stage, done, total).
    """
    windows = collect_windows(network, draws, np.random.default_rng([seed, 5]))
    for case, title in enumerate(("statistics", "statistics of known speakers")):
        mean = windows.mean - windows.shift if case else windows.mean
        train_statistics(network.statistics[case], windows, mean, seed, epochs, title, progress)
    cases = [[None] * len(val_features), speaker_centres(network, val_features, val.speakers)]
    for case, centres in enumerate(cases):
        stack, local = slow_answers(network, val_features, centres)
        network.shares[case], _ = fit_shares([stack[:, :-1], local[:, :-1]], slow_targets(val, len(stack)))
    best, target = np.inf, torch.from_numpy(val.emotion)
    tuned = [network.tune(row.float().unsqueeze(0))[0] for row in val_features]
    firsts = [
        [network.answer(row[None], centre=centre) for row, centre in zip(tuned, centres, strict=True)]
        for centres in cases
    ]
    logits = [torch.cat([logits[0] for logits, _ in first]) for first in firsts]
    level = torch.cat([level[0] for _, level in firsts[0]])
    kept = network.stretch_decoding.clone()
    for decoding in STRETCHES:
        network.stretch_decoding.copy_(torch.tensor(decoding))
        answers = [
            torch.cat(
                [
                    network.stretch_answer(row, network.stretches(answer[0][0]), centre)
                    for row, answer, centre in zip(tuned, first, centres, strict=True)
                ]
            )
            for first, centres in zip(firsts, cases, strict=True)
        ]
        fits = [fit_shares([x, a[:, :-1]], target) for x, a in zip(logits, answers, strict=True)]
        loss = sum(loss for _, loss in fits)
        if loss < best:
            best, kept = loss, network.stretch_decoding.clone()
            network.stretch_shares.copy_(torch.stack([share for share, _ in fits]))
            wanted = torch.from_numpy(val.intensity)
            network.level_shares.copy_(torch.stack([fit_levels([level, a[:, -1]], wanted) for a in answers]))
            log(f"stretches {decoding}: cross-entropy {fits[0][1]:.4f}, adapted {fits[1][1]:.4f}")
    network.stretch_decoding.copy_(kept)


def collect_windows(
    network: DiarizerNetwork, draws: Iterable[Iterable[dict[str, Any]]], rng: np.random.Generator
) -> Windows:
    """Sets centre and spread of the network by the first draw, and takes windows of all draws.

    Every composite gives its turns with ends that are not quite right, a part of each turn, and `WINDOWS` windows as
    the network takes them around a frame, labelled by that frame.
    """
    found: list[tuple[torch.Tensor, ...]] = []
    for number, draw in enumerate(draws):
        batches = list(draw)
        features = [row for batch in batches for row in batch["features"]]
        if not number:
            standardise(network, features)
        names = [name for batch in batches for name in batch["names"]]
        centres = speaker_centres(network, features, np.unique(names, return_inverse=True)[1])
        labels = [
            row for b in batches for row in zip(b["emotion"], b["intensity"], b["known"], b["names"], strict=True)
        ]
        for row, centre, (emotion, intensity, known, name) in zip(features, centres, labels, strict=True):
            x = network.standard(network.tune(row.float().unsqueeze(0))[0]).flatten(1)
            spans, places = [], []
            labelled = np.flatnonzero(emotion[: len(x)].numpy() != UNLABELLED)
            if not len(labelled):
                continue
            for start, stop, label in runs_of(emotion[: len(x)].numpy()):
                if label == UNLABELLED:
                    continue
                early, late = rng.integers(-EDGE, EDGE + 1, 2)
                spans.append((max(0, start + early), min(len(x), stop + late)))
                length = int(rng.integers(min(SHORTEST, stop - start), stop - start + 1))
                begin = int(rng.integers(start, stop - length + 1))
                spans.append((begin, begin + length))
                places += [(start + stop) // 2] * 2
            reach = network.around * network.stride // 2
            for place in labelled[rng.integers(len(labelled), size=WINDOWS)].tolist():
                spans.append((max(0, place - reach), min(len(x), place + reach + 1)))
                places.append(place)
            means, deviations = statistics_of((x[a:b] for a, b in spans), len(spans))
            found.append(
                (
                    means.half(),
                    deviations.half(),
                    network.centre_shift(centre).half().expand(len(spans), -1),
                    emotion[places],
                    intensity[places],
                    known.expand(len(spans), -1),
                    [name.partition("/")[0]] * len(spans),
                )
            )
    *tensors, corpora = zip(*found, strict=True)
    numbers = np.unique([name for part in corpora for name in part], return_inverse=True)[1]
    return Windows(*(torch.cat(part) for part in tensors), torch.from_numpy(numbers))


@torch.enable_grad()
def train_statistics(
    statistics: StatisticsNetwork,
    windows: Windows,
    mean: torch.Tensor,
    seed: int,
    epochs: int,
    stage: str,
    progress: Progress = silent,
    batch: int = 256,
    rate: float = 1e-3,
    smoothing: float = 0.1,
    mixing: float = 0.4,
) -> None:
    """Train a statistics network; windows of one corpus are mixed in pairs (mixup, Zhang et al., arXiv 1710.09412).

    Args:
        statistics: changed in place.
        windows: to learn from.
        mean: (N, K) their means, centred by the speaker or not.
        seed: of order, mixing and dropout.
        epochs: passes over the windows.
        stage: name of this training, for the progress.
        progress: called as (stage, done, total) with steps.
        batch, rate: windows of a step, highest learning rate.
        smoothing: probability spread over the classes that a corpus can tell.
        mixing: parameter of the beta distribution of shares.
    """
    torch.manual_seed(seed)
    for layer in statistics.layers:  # from the start, also where a finished run is called again
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    rng = np.random.default_rng([seed, 6])
    statistics.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(statistics.parameters(), rate, weight_decay=0.1)
    steps = max(1, epochs * len(mean) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    corpus = windows.corpus.numpy()
    classes = windows.known.shape[1]
    for step in range(steps):
        first = rng.integers(len(mean), size=batch)
        second = first.copy()
        for number in np.unique(corpus[first]):
            same = np.flatnonzero(corpus[first] == number)
            second[same] = first[rng.permutation(same)]
        share = torch.from_numpy(rng.beta(mixing, mixing, (batch, 1))).float()

        def mixed(x: torch.Tensor, first=first, second=second, share=share) -> torch.Tensor:
            return share * x[first].float() + (1 - share) * x[second].float()

        known = windows.known[first]
        target = mixed(F.one_hot(windows.target, classes))
        target = (1 - smoothing) * target + smoothing * known / known.sum(1, keepdim=True)
        found = statistics(mixed(mean), mixed(windows.deviation))
        log_p = found[:, :-1].masked_fill(~known, -1e9).log_softmax(-1)
        loss = -(target * log_p.masked_fill(~known, 0)).sum(1).mean()
        loss = loss + masked_intensity(found[:, -1:], mixed(windows.intensity[:, None]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            progress(stage, step, steps)
    statistics.eval().requires_grad_(False)


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
    """Centre (L, D) of the speaker of each recording, from all their recordings.

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


def slow_answers(
    network: DiarizerNetwork, features: Sequence[torch.Tensor], centres: Sequence[torch.Tensor | None]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (S, C + 1) of the stack and of the windows at the slow frames of all recordings."""
    stack, local = [], []
    for row, centre in zip(features, centres, strict=True):
        tuned = network.tune(row.float().unsqueeze(0))
        stack.append(network.stack_answer(tuned)[0])
        local.append(network.judge(*network.local(tuned), centre)[0])
    return torch.cat(stack), torch.cat(local)


def slow_targets(val: LabelledSet, slow_frames: int) -> torch.Tensor:
    """Classes (S,) of slow frames: those of the encoder frames that they stand for."""
    lengths = np.diff(val.bounds)
    stride = round(float(lengths.sum()) / slow_frames)
    rows = [
        val.emotion[a + np.minimum(np.arange(-(-n // stride)) * stride + stride // 2, n - 1)]
        for a, n in zip(val.bounds[:-1], lengths, strict=True)
    ]
    return torch.from_numpy(np.concatenate(rows))


def fit_shares(answers: Sequence[torch.Tensor], target: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Weights (A,) of A sets of class logits (N, C) with the lowest cross-entropy, and that."""
    stacked = torch.stack(list(answers))

    def loss(shares: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(torch.einsum("a,anc->nc", shares, stacked), target, ignore_index=UNLABELLED)

    return minimise(loss, len(stacked))


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
