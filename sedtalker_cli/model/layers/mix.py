"""One mixture of an encoder's layers."""

import torch
from torch import nn
from torch.nn import functional as F


class LayerMix(nn.Module):
    """Learned convex mix of normalised encoder layers.

    Args:
        num_taps: encoder layers L.
    """

    def __init__(self, num_taps: int):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(num_taps))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, T, L, D) to (B, T, D)."""
        normal = F.layer_norm(features, features.shape[-1:])
        return torch.einsum("btld,l->btd", normal, self.weights.softmax(0))
