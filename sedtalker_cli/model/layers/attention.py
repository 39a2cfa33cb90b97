"""Self-attention within a sliding window, linear in the length of the recording."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F


def rotate(x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Rotary position embedding (Su et al. 2021, arXiv 2104.09864).

    Args:
        x: (..., T, d) with even d.
        positions: (..., T) frame numbers.
    """
    half = x.shape[-1] // 2
    frequency = 10_000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angle = positions[..., None].float() * frequency
    cos, sin = angle.cos(), angle.sin()
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class WindowedAttention(nn.Module):
    """Multi-head attention of every frame to the frames at most `window` away.

    Args:
        d_model: width D.
        num_heads: heads; D / num_heads must be even.
        window: reach in frames to either side.
    """

    def __init__(self, d_model: int, num_heads: int, window: int, dropout: float = 0.0):
        super().__init__()
        self.num_heads, self.window, self.dropout = num_heads, window, dropout
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out = nn.Linear(d_model, d_model)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """
        Args:
            x: (B, T, D).
            mask: (B, T) with 1 for frames that exist.

        Returns:
            (B, T, D).
        """
        batch, length, width = x.shape
        window, heads = self.window, self.num_heads
        blocks = -(-length // window)
        padded = blocks * window
        valid = x.new_ones(batch, length, dtype=torch.bool) if mask is None else mask.bool()
        q, k, v = self.qkv(x).view(batch, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        positions = torch.arange(length, device=x.device)
        q, k = rotate(q, positions), rotate(k, positions)

        # Queries in blocks of `window`; keys of a block are its own and both neighbours', then cut to the band.
        q = F.pad(q, (0, 0, 0, padded - length)).view(batch, heads, blocks, window, -1)
        k, v = (
            F.pad(t, (0, 0, window, padded - length + window)).unfold(2, 3 * window, window).transpose(-1, -2)
            for t in (k, v)
        )
        offset = torch.arange(3 * window, device=x.device)[None] - window
        near = (offset - torch.arange(window, device=x.device)[:, None]).abs() <= window
        exists = F.pad(valid, (window, padded - length + window)).unfold(1, 3 * window, window)
        allowed = near & exists[:, None, :, None, :]
        # A padded query may see nothing; letting it see itself keeps softmax finite and is cut off below.
        allowed = allowed | (offset == torch.arange(window, device=x.device)[:, None])
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, dropout_p=self.dropout if self.training else 0.0)
        y = y.reshape(batch, heads, padded, -1)[:, :, :length].transpose(1, 2).reshape(batch, length, width)
        return self.out(y)

    def in_pieces(self, read: Callable[[int, int], torch.Tensor], out: torch.Tensor, size: int) -> None:
        """As `forward`, over a recording of any length; arguments as in `BiMamba.in_pieces`."""
        total = out.shape[1]
        for start in range(0, total, size):
            stop = min(start + size, total)
            begin, end = max(0, start - self.window), min(total, stop + self.window)
            out[:, start:stop] = self(read(begin, end))[:, start - begin : stop - begin]
