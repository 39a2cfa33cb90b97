"""Emotion of a whole stretch of speech: networks on means and deviations of its features."""

from collections.abc import Iterable

import torch
from torch import nn


class StatisticsNetwork(nn.Module):
    """An answer from mean and deviation of the features over a stretch of speech, of whatever length.

    Args:
        size: K, features of a frame.
        outputs: numbers to answer.
        hidden: width.
        dropout: probability; hidden units, and three fifths of it on the statistics.
    """

    def __init__(self, size: int, outputs: int, hidden: int = 256, dropout: float = 0.5):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(0.6 * dropout),
            nn.Linear(2 * size, hidden),
            nn.LayerNorm(hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, outputs),
        )

    def forward(self, mean: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
        """(..., K) twice to (..., outputs)."""
        return self.layers(torch.cat([mean, deviation], dim=-1))


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
