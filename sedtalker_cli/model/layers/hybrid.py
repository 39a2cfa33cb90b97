"""The hybrid stack: Mamba and windowed attention in turn, with feed-forward layers, conditioned at every frame."""

import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.model.layers.attention import WindowedAttention
from sedtalker_cli.model.layers.mamba import BiMamba


class FiLM(nn.Module):
    """Feature-wise scale and shift by a condition at every frame (Perez et al. 2018, arXiv 1709.07871)."""

    def __init__(self, condition_dim: int, d_model: int):
        super().__init__()
        self.to_scale_shift = nn.Linear(condition_dim, 2 * d_model)
        nn.init.zeros_(self.to_scale_shift.weight)
        nn.init.zeros_(self.to_scale_shift.bias)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """x: (B, T, D); condition: (B, T, K)."""
        scale, shift = self.to_scale_shift(condition).chunk(2, dim=-1)
        return x * (1 + scale) + shift


class CrossAttention(nn.Module):
    """Attention of every frame to a few tokens made of its own condition; the peer of `FiLM` in ablations.

    Args:
        condition_dim: size K of the condition.
        d_model: width D.
        tokens: made of each condition.
        num_heads: attention heads.
    """

    def __init__(self, condition_dim: int, d_model: int, tokens: int = 4, num_heads: int = 4):
        super().__init__()
        self.tokens, self.num_heads = tokens, num_heads
        self.query = nn.Linear(d_model, d_model)
        self.key_value = nn.Linear(condition_dim, 2 * tokens * d_model)
        self.out = nn.Linear(d_model, d_model)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """x: (B, T, D); condition: (B, T, K)."""
        heads = (self.num_heads, x.shape[-1] // self.num_heads)
        query = self.query(x).unflatten(-1, heads).unsqueeze(-2)  # (B, T, H, 1, d)
        shape = (2, self.tokens, *heads)
        key, value = self.key_value(condition).unflatten(-1, shape).transpose(-2, -3).unbind(2)  # (B, T, H, M, d)
        return x + self.out(F.scaled_dot_product_attention(query, key, value).flatten(2))


CONDITIONINGS = {"film": FiLM, "cross": CrossAttention}


class HybridBlock(nn.Module):
    """Pre-norm residual pair of a time mixer and a feed-forward layer."""

    def __init__(self, mixer: nn.Module, d_model: int, condition_dim: int, dropout: float, conditioning: str = "film"):
        super().__init__()
        self.mixer = mixer
        self.norm_mixer, self.norm_ffn = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.film = CONDITIONINGS[conditioning](condition_dim, d_model) if condition_dim else None
        self.ffn = nn.Sequential(
            nn.Linear(d_model, 2 * d_model), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * d_model, d_model)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, condition: torch.Tensor | None, mask: torch.Tensor | None) -> torch.Tensor:
        """x: (B, T, D); condition: (B, T, K) or None; mask: (B, T) or None."""
        x = x + self.dropout(self.mixer(self._conditioned(x, condition), mask))
        return x + self.dropout(self.ffn(self.norm_ffn(x)))

    def in_pieces_(self, x: torch.Tensor, condition: torch.Tensor | None, size: int) -> None:
        """As `forward` without dropout, in place, with pieces of `size` frames for what is in between."""

        def read(start: int, stop: int) -> torch.Tensor:
            return self._conditioned(x[:, start:stop], None if condition is None else condition[:, start:stop])

        mixed = torch.empty_like(x)
        self.mixer.in_pieces(read, mixed, size)
        x += mixed
        for piece in x.split(size, dim=1):
            piece += self.ffn(self.norm_ffn(piece))

    def _conditioned(self, x: torch.Tensor, condition: torch.Tensor | None) -> torch.Tensor:
        """Input of the mixer: normalised frames, conditioned."""
        y = self.norm_mixer(x)
        return y if self.film is None else self.film(y, condition)


class HybridStack(nn.Module):
    """Time mixers as named by `layout`, one character a block: `m` bidirectional Mamba, `a` windowed attention.

    Args:
        layout: such as "mam".
        d_model: width D.
        num_heads: attention heads.
        window: attention reach in frames to either side.
        condition_dim: size K of the per-frame condition, 0 for none.
        conditioning: one of `CONDITIONINGS`.
        d_state, d_conv, expand: Mamba's sizes.
        dropout: probability on residual branches.
    """

    def __init__(
        self,
        layout: str,
        d_model: int,
        num_heads: int = 4,
        window: int = 50,
        condition_dim: int = 0,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        dropout: float = 0.1,
        conditioning: str = "film",
    ):
        super().__init__()
        if conditioning not in CONDITIONINGS:
            raise ValueError(f"conditioning {conditioning!r}: only {', '.join(CONDITIONINGS)} are known")
        if not layout or set(layout) - set("ma"):
            raise ValueError(f"layout {layout!r}: only 'm' (Mamba) and 'a' (attention) are known")

        def mixer(kind: str) -> nn.Module:
            if kind == "m":
                return BiMamba(d_model, d_state, d_conv, expand)
            return WindowedAttention(d_model, num_heads, window, dropout)

        self.blocks = nn.ModuleList(
            HybridBlock(mixer(kind), d_model, condition_dim, dropout, conditioning) for kind in layout
        )
        self.norm = nn.LayerNorm(d_model)

    def forward(
        self, x: torch.Tensor, condition: torch.Tensor | None = None, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """x: (B, T, D); condition: (B, T, K); mask: (B, T). Returns (B, T, D)."""
        for block in self.blocks:
            x = block(x, condition, mask)
        return self.norm(x)

    def in_pieces(self, x: torch.Tensor, condition: torch.Tensor | None = None, size: int = 1000) -> torch.Tensor:
        """As `forward`, for a recording of any length without gradients; frames are the same up to rounding.

        Mixers have long memories: windows with context would leave seams. Here one block after the other goes over the
        whole recording, and only what is within a block is in pieces.

        Args:
            x: (1, T, D), which is overwritten.
            condition: (1, T, K).
            size: frames of a piece.
        """
        for block in self.blocks:
            block.in_pieces_(x, condition, size)
        return self.norm(x)
