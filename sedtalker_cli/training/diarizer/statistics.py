"""Fit of the diarizer's statistics networks, on clips and parts of clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from sedtalker_cli.data.corpora import corpus_reader
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.losses import masked_intensity
from sedtalker_cli.model.statistics import Measure, deviation_of
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.diarizer.clips import ClipSet, as_tensor
from sedtalker_cli.training.diarizer.settings import DiarizerTraining

BATCH = 256
RATE = 1.5e-3  # highest learning rate
DECAY = 0.05
SMOOTHING = 0.1  # probability spread over the classes that a corpus can tell
MIXING = 0.4  # parameter of the beta distribution of shares (mixup, Zhang et al., arXiv 1710.09412)
INTENSITY = 3.0  # weight of the squared error of intensity
WINDOWS = 0.5  # weight of all parts of a clip together, against the whole


@dataclass(frozen=True)
class Rows:
    """What a statistics network learns from; its inputs are principal directions.

    Attributes:
        directions: (N, P) of statistics.
        target: (N, C) probability of each class, 0 throughout where nothing is told.
        known: (N, C) bool.
        intensity: (N,) with NaN.
        corpus: (N,) numbers.
        weight: (N,) probability of being drawn.
    """

    directions: torch.Tensor
    target: torch.Tensor
    known: torch.Tensor
    intensity: torch.Tensor
    corpus: np.ndarray
    weight: np.ndarray


@torch.no_grad()
def fit_statistics(
    network: DiarizerNetwork,
    clips: ClipSet,
    settings: DiarizerTraining,
    progress: Progress = silent,
) -> None:
    """Fit centre, spread, principal directions and the networks behind them.

    Args:
        network: changed in place.
        clips: to learn from.
        settings: of the run.
        progress: called as (stage, done, total).
    """
    weight = weights_of(clips, settings)
    standardise(network, clips, weight)
    mean, deviation = standard_statistics(network, clips)
    project = network.statistics[0].project
    fit_directions(project, torch.cat([mean, deviation], 1), weight)
    network.statistics[1].project.load_state_dict(project.state_dict())
    accepted = as_tensor(clips.accepted)
    target = accepted / accepted.sum(1, keepdim=True).clamp(min=1)
    known, intensity = torch.from_numpy(clips.known), as_tensor(clips.intensity)
    corpus = np.unique(clips.corpus, return_inverse=True)[1]
    views = ((mean, deviation), by_speaker(network, clips, mean, deviation))
    for case, (name, view) in enumerate(zip(("unknown", "known"), views, strict=True)):
        rows = Rows(project(torch.cat(view, 1)), target, known, intensity, corpus, weight)
        for number, member in enumerate(network.statistics[case].members):
            stage = f"statistics of {name} speakers, {number + 1}/{len(network.statistics[case].members)}"
            train_member(member, rows, settings.seed * 100 + number, settings.steps, stage, progress)


def weights_of(clips: ClipSet, settings: DiarizerTraining) -> np.ndarray:
    """Probability (N,) that a row is drawn: corpora by size to a power, their classes alike, wholes before parts."""
    keys = np.array(["/".join(np.array(EMOTIONS)[row]) for row in clips.accepted])
    weight = np.zeros(len(clips))
    for corpus in np.unique(clips.corpus):
        here = clips.corpus == corpus
        names = np.unique(keys[here])
        share = 1.0 if corpus_reader(str(corpus)).annotated else settings.read_weight
        size = np.count_nonzero(here & clips.whole) ** settings.temperature
        for name in names:
            rows = here & (keys == name)
            part = np.where(clips.whole, 1.0, WINDOWS)[rows]
            weight[rows] = share * size / len(names) * part / part.sum()
    return weight / weight.sum()


def standardise(network: DiarizerNetwork, clips: ClipSet, weight: np.ndarray) -> None:
    """Set centre and spread of everybody's speech."""
    shares = as_tensor(weight)[:, None]
    mean, square = ((as_tensor(x) * shares).sum(0).view_as(network.centre) for x in (clips.mean, clips.square))
    network.centre.copy_(mean)
    network.spread.copy_((square - mean**2).clamp(min=1e-6).sqrt())


def standard_statistics(network: DiarizerNetwork, clips: ClipSet) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation (N, K) of standard features, as the network takes them itself."""
    centre, spread = network.centre.flatten(), network.spread.flatten()
    mean, square = as_tensor(clips.mean), as_tensor(clips.square)
    standard = (mean - centre) / spread
    return standard, deviation_of(standard, (square - 2 * centre * mean + centre**2) / spread**2)


def speaker_measures(network: DiarizerNetwork, clips: ClipSet) -> dict[str, Measure]:
    """Every speaker's own measure, by their whole clips as recorded."""
    found = {}
    used = clips.whole & (clips.copy == 0)
    for name in np.unique(clips.speaker):
        rows = np.flatnonzero(used & (clips.speaker == name))
        frames = as_tensor(clips.frames[rows])[:, None]
        total, square = (
            (as_tensor(x[rows]) * frames).sum(0).view_as(network.centre) for x in (clips.mean, clips.square)
        )
        found[str(name)] = network.measure_of(total, square, int(frames.sum()))
    return found


def by_speaker(
    network: DiarizerNetwork, clips: ClipSet, mean: torch.Tensor, deviation: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Statistics (N, K) twice by everybody's measure to those by each speaker's own."""
    own_mean, own_deviation = mean.clone(), deviation.clone()
    for name, measure in speaker_measures(network, clips).items():
        rows = torch.from_numpy(np.flatnonzero(clips.speaker == name))
        own_mean[rows], own_deviation[rows] = measure(mean[rows], deviation[rows])
    return own_mean, own_deviation


def fit_directions(project: nn.Linear, statistics: torch.Tensor, weight: np.ndarray) -> None:
    """Set a projection to the principal directions of statistics (N, 2K) whose columns count alike.

    Args:
        project: changed in place.
        statistics: of standard features.
        weight: (N,) of the rows.
    """
    shares = as_tensor(weight)[:, None]
    mean = (statistics * shares).sum(0)
    scale = ((statistics - mean) ** 2 * shares).sum(0).sqrt() + 1e-3
    rows = (statistics - mean) / scale * (shares * len(weight)).sqrt()
    torch.manual_seed(0)
    _, _, directions = torch.svd_lowrank(rows, q=project.out_features, niter=3)
    matrix = directions[:, : project.out_features].T / (3 * scale)  # the largest are a few units in size
    project.weight.zero_()
    project.weight[: len(matrix)] = matrix
    project.bias.copy_(-(project.weight @ mean))


@torch.enable_grad()
def train_member(
    member: nn.Sequential, rows: Rows, seed: int, steps: int, stage: str, progress: Progress = silent
) -> None:
    """Train one network behind the projection; rows of one corpus are mixed in pairs.

    Args:
        member: changed in place.
        rows: to learn from.
        seed: of weights, order, mixing and dropout.
        steps: of `BATCH` rows.
        stage: name of this training, for the progress.
        progress: called as (stage, done, total).
    """
    torch.manual_seed(seed)
    for layer in member:  # from the start, also where a finished run is called again
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    rng = np.random.default_rng([seed, 6])
    member.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(member.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=max(2, steps), pct_start=0.2)
    edges = np.cumsum(rows.weight)
    told = rows.target.sum(1) > 0
    smooth = (1 - SMOOTHING) * rows.target + SMOOTHING * rows.known / rows.known.sum(1, keepdim=True)
    for step in range(steps):
        first = np.minimum(np.searchsorted(edges, rng.random(BATCH)), len(edges) - 1)
        second = first.copy()
        for number in np.unique(rows.corpus[first]):
            same = np.flatnonzero(rows.corpus[first] == number)
            second[same] = first[rng.permutation(same)]
        share = torch.from_numpy(rng.beta(MIXING, MIXING, (BATCH, 1))).float()
        target, intensity = (share * x[first] + (1 - share) * x[second] for x in (smooth, rows.intensity[:, None]))
        found = member(share * rows.directions[first] + (1 - share) * rows.directions[second])
        known = rows.known[first]
        log_p = found[:, :-1].masked_fill(~known, -1e9).log_softmax(-1)
        counted = told[first] & told[second]
        loss = -((target * log_p.masked_fill(~known, 0)).sum(1) * counted).mean()
        loss = loss + INTENSITY * masked_intensity(found[:, -1:], intensity)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            progress(stage, step, steps)
    member.eval().requires_grad_(False)
