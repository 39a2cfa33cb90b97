"""Losses of the animator: coefficients, lip vertices, lip closures, and size of the motion."""

import numpy as np
import torch

from sedtalker_cli.face.arkit import IS_MOUTH
from sedtalker_cli.face.head import Head
from sedtalker_cli.face.regions import lip_opening
from sedtalker_cli.training.animator.settings import AnimatorTraining

LEAST_LIVELY = 0.05  # third differences below this share of a channel's deviation are noise


class MotionLoss(torch.nn.Module):
    """Losses on coefficients, their velocity, lip vertices through the head, and closed lips.

    Args:
        head: whose lips are moved.
        spread: (52,) usual deviation of each coefficient; errors are measured in it.
        settings: weights of the parts.
    """

    def __init__(self, head: Head, spread: np.ndarray, settings: AnimatorTraining):
        super().__init__()
        rest, change = lip_opening(head)
        self.settings = settings
        self.register_buffer("spread", torch.from_numpy(spread).float())
        self.rest = float(rest)
        self.register_buffer("change", torch.from_numpy(change).float())
        lips = head.deltas[:, head.regions["lips"][::4]]
        self.register_buffer("lips", torch.from_numpy(lips.reshape(len(lips), -1)).float())
        mouth = torch.from_numpy(IS_MOUTH)
        self.register_buffer("mouth", mouth)

    def forward(
        self, found: torch.Tensor, target: torch.Tensor, known: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """
        Args:
            found, target: (B, T, 52).
            known: (B, 52) with 1 for mouth channels that have a target; other channels always have one.
            mask: (B, T) with 1 for frames that exist.

        Returns:
            (5,) coefficients, velocity, lip vertices (mm^2), closure, liveliness: a squared error alone makes motion
            too smooth, so the size of each mouth channel's third differences is compared, too.
        """
        channels = torch.where(self.mouth, known, torch.ones_like(known))
        frames = mask.unsqueeze(-1) * channels.unsqueeze(1)
        error = (found - target) / self.spread
        coefficients = (error**2 * frames).sum() / frames.sum()
        both = frames[:, 1:] * frames[:, :-1]
        velocity = (error.diff(dim=1) ** 2 * both).sum() / both.sum().clamp(min=1)
        # Lips can only be compared where every channel that moves them has a target.
        lips_known = (known[:, self.mouth].mean(1, keepdim=True) > 0.3) * mask
        error = (found - target) * frames
        vertices = ((error @ self.lips * 1e3) ** 2).mean(-1)
        vertices = (vertices * lips_known).sum() / lips_known.sum().clamp(min=1)
        gap_found, gap_target = self.gap(found), self.gap(target)
        closed = (gap_target < 0.02) * lips_known
        closure = (((gap_found - gap_target) / 0.02).clamp(-3, 3) ** 2 * closed).sum() / closed.sum().clamp(min=1)
        lively = self.lively(found * frames) / self.lively(target * frames)
        lively = (lively.log() ** 2 * (known * self.mouth)).sum() / (known * self.mouth).sum().clamp(min=1)
        return torch.stack([coefficients, velocity, vertices, closure, lively])

    def gap(self, weights: torch.Tensor) -> torch.Tensor:
        """Inner lip gap (..., 52) -> (...,) over the outer eye-corner distance."""
        return (self.rest + weights @ self.change).clamp(min=0)

    def lively(self, weights: torch.Tensor) -> torch.Tensor:
        """Mean size (B, 52) of the third differences of (B, T, 52) over steps of 40 ms, in usual deviations."""
        steps = weights[:, 6:] - 3 * weights[:, 4:-2] + 3 * weights[:, 2:-4] - weights[:, :-6]
        return (steps / self.spread).abs().sum(1) / max(1, steps.shape[1]) + LEAST_LIVELY
