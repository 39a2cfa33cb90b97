"""Emotion of a stretch of speech: networks on mean and deviation of its features."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import nn


class StatisticsNetwork(nn.Module):
    """An answer from mean and deviation of the features over a stretch of speech, of whatever length.

    Several small networks with other random weights answer, and the mean of their answers counts.

    Args:
        size: K, features of a frame.
        outputs: numbers to answer.
        members: how many networks.
        directions: principal directions of the statistics that they hear.
        hidden: width.
        dropout: probability; hidden units, and three fifths of it on the directions.
    """

    def __init__(
        self,
        size: int,
        outputs: int,
        members: int = 3,
        directions: int = 400,
        hidden: int = 384,
        dropout: float = 0.5,
    ):
        super().__init__()
        directions = min(directions, 2 * size)
        self.project = nn.Linear(2 * size, directions)
        self.members = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(0.6 * dropout),
                nn.Linear(directions, hidden),
                nn.LayerNorm(hidden),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.Linear(hidden, hidden),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.Linear(hidden, outputs),
            )
            for _ in range(members)
        )

    def forward(self, mean: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
        """(..., K) twice to (..., outputs)."""
        x = self.project(torch.cat([mean, deviation], dim=-1))
        return torch.stack([member(x) for member in self.members]).mean(0)


class Measure(NamedTuple):
    """A speaker's own measure of standard features (K,): `shift` is their mean, `ratio` their deviation."""

    shift: torch.Tensor
    ratio: torch.Tensor

    def __call__(self, mean: torch.Tensor, deviation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Statistics (..., K) by everybody's measure to those by the speaker's."""
        return (mean - self.shift) / self.ratio, (deviation + 1) / self.ratio - 1


def deviation_of(mean: torch.Tensor, square: torch.Tensor) -> torch.Tensor:
    """Deviation from mean and mean square; its usual size, 1, is taken off."""
    return (square - mean**2).clamp(min=1e-4).sqrt() - 1


def statistics_of(stretches: Iterable[torch.Tensor], count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Means and deviations (S, K) of S = `count` stretches (T, K), each of its own length; one is held at a time."""
    means, deviations = torch.empty(0), torch.empty(0)
    # Filled in place: small rows kept one by one would lie between the large stretches that are freed, and hold them.
    for row, x in enumerate(stretches):
        if row == 0:
            means, deviations = (x.new_empty(count, x.shape[1]) for _ in range(2))
        means[row] = x.mean(0)
        deviations[row] = deviation_of(means[row], (x**2).mean(0))
    return means, deviations
