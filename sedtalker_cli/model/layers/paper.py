"""The stack of SEDTalker's authors (arXiv 2604.13335), as closely as what is published allows."""

import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.model.layers.attention import rotate
from sedtalker_cli.model.layers.mamba import Mamba

LAYERS = ("mamba", "moe", "attention", "moe", "mamba", "moe")


class MambaMixture(nn.Module):
    """Mamba experts over the same sequence, mixed at every frame by a softmax of a linear gate.

    Args:
        d_model: width D.
        experts: how many.
        d_state, d_conv, expand: of each, see `Mamba`.
    """

    def __init__(self, d_model: int, experts: int = 2, d_state: int = 16, d_conv: int = 4, expand: int = 2):
        super().__init__()
        self.gate = nn.Linear(d_model, experts)
        self.experts = nn.ModuleList(Mamba(d_model, d_state, d_conv, expand) for _ in range(experts))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """x: (B, T, D); mask: (B, T) with 1 for frames that exist. Returns (B, T, D)."""
        shares = self.gate(x).softmax(-1)
        return sum(shares[..., k, None] * expert(x, mask) for k, expert in enumerate(self.experts))


class RotaryAttention(nn.Module):
    """Multi-head attention over the whole sequence; queries and keys get rotary positions and a low-rank correction.

    Args:
        d_model: width D.
        num_heads: heads; D / num_heads must be even.
        rank: of the correction that is added to what the rotation gives, the same for all heads; it starts at 0.
    """

    def __init__(self, d_model: int, num_heads: int = 8, rank: int = 16, dropout: float = 0.0):
        super().__init__()
        self.num_heads, self.dropout = num_heads, dropout
        self.qkv, self.out = nn.Linear(d_model, 3 * d_model), nn.Linear(d_model, d_model)
        self.narrow = nn.Linear(d_model // num_heads, rank, bias=False)
        self.widen = nn.Linear(rank, d_model // num_heads, bias=False)
        nn.init.zeros_(self.widen.weight)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """x: (B, T, D); mask: (B, T) with 1 for frames that exist. Returns (B, T, D)."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        positions = torch.arange(x.shape[1], device=x.device)
        q, k = (rotate(t, positions).to(v.dtype) for t in (q, k))
        q, k = (t + self.widen(self.narrow(t)) for t in (q, k))
        seen = None if mask is None else mask[:, None, None].bool()
        y = F.scaled_dot_product_attention(q, k, v, seen, self.dropout if self.training else 0.0)
        return self.out(y.transpose(1, 2).flatten(2))


class PaperStack(nn.Module):
    """Mamba, mixture, Transformer, mixture, Mamba, mixture; layers of a kind have the same weights.

    Every layer is a pre-norm residual one; the Transformer's has a feed-forward part of 4 D, too.

    Args:
        d_model: width D.
        num_heads, d_state, d_conv, expand, experts, rank: see the layers.
        dropout: probability on residual branches.
    """

    def __init__(
        self,
        d_model: int = 512,
        num_heads: int = 8,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        experts: int = 2,
        rank: int = 16,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.mixers = nn.ModuleDict(
            {
                "mamba": Mamba(d_model, d_state, d_conv, expand),
                "moe": MambaMixture(d_model, experts, d_state, d_conv, expand),
                "attention": RotaryAttention(d_model, num_heads, rank, dropout),
            }
        )
        self.norms = nn.ModuleDict({kind: nn.LayerNorm(d_model) for kind in self.mixers})
        self.ffn = nn.Sequential(
            *(nn.LayerNorm(d_model), nn.Linear(d_model, 4 * d_model), nn.GELU()),
            *(nn.Dropout(dropout), nn.Linear(4 * d_model, d_model)),
        )
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(d_model)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """x: (B, T, D); mask: (B, T) with 1 for frames that exist. Returns (B, T, D)."""
        for kind in LAYERS:
            x = x + self.dropout(self.mixers[kind](self.norms[kind](x), mask))
            if kind == "attention":
                x = x + self.dropout(self.ffn(x))
        return self.norm(x)
