"""What a voice articulates: sounds heard in encoder features, and two plain ways from them to the mouth.

All is linear in the features but the softmax over sounds, and solved once before the network is trained: what has so
few ways to learn one voice by heart carries over to others.
"""

import torch
from torch import nn
from torch.nn import functional as F

LEAST = -8.0  # logits of sounds this far below the likeliest say nothing
SETTLED = 50.0  # frames of speech after which a recording's own mean counts as much as the usual one


class Articulation(nn.Module):
    """Features to sounds, and sounds to the mouth.

    Args:
        dim: size of a frame's features, layers joined.
        voice_dim: size V of the whitened features.
        units: names of the sounds U, as in `data.coarticulation.visemes`; the first is silence. None at all is allowed.
        outputs: coefficients M of the mouth.
        reach: further frames that the linear path hears to either side, every second one.
        phone_reach: the same of the phone path.

    Buffers, which `training.animator.paths` sets: mean (dim,), whiten (V, dim), probe (U, dim) and probe_bias (U,),
    linear (M, V, reach + 1), table (M, U, phone_reach + 1), linear_bias and table_bias (M,).
    """

    def __init__(
        self, dim: int, voice_dim: int, units: tuple[str, ...], outputs: int, reach: int = 8, phone_reach: int = 12
    ):
        super().__init__()
        self.units = units
        sizes = {
            "mean": (dim,),
            "whiten": (voice_dim, dim),
            "probe": (len(units), dim),
            "probe_bias": (len(units),),
            "linear": (outputs, voice_dim, reach + 1),
            "linear_bias": (outputs,),
            "table": (outputs, len(units), phone_reach + 1),
            "table_bias": (outputs,),
        }
        for name, shape in sizes.items():
            self.register_buffer(name, torch.eye(*shape) if name == "whiten" else torch.zeros(shape))

    def hear(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (B, T, L, D) to whitened ones (B, T, V) and relative logits of sounds (B, T, U), at most 0."""
        frames = features.flatten(-2)
        logits = frames @ self.probe.T + self.probe_bias
        if len(self.units):
            logits = (logits - logits.amax(-1, keepdim=True)).clamp(min=LEAST)
        return (frames - self.mean) @ self.whiten.T, logits

    def spoken(self, logits: torch.Tensor) -> torch.Tensor:
        """Probability (B, T) that a frame is speech, of relative logits."""
        return 1 - logits.softmax(-1)[..., 0] if len(self.units) else torch.ones_like(logits.sum(-1))

    def usual_voice(self, pieces) -> torch.Tensor:
        """Mean (V,) of a recording's whitened features where it speaks, drawn to 0 where it says little.

        Args:
            pieces: its features, one (t, L, D) after the other.
        """
        total, weight = self.mean.new_zeros(len(self.whiten)), SETTLED
        for piece in pieces:
            voice, logits = self.hear(piece.to(self.mean)[None])
            spoken = self.spoken(logits)
            total = total + (voice * spoken.unsqueeze(-1)).sum((0, 1))
            weight = weight + spoken.sum()
        return total / weight

    def paths(self, voice: torch.Tensor, logits: torch.Tensor, usual: torch.Tensor) -> torch.Tensor:
        """Mouth by both paths (B, T, 2, M), linear one first, of what `hear` gives and of `usual_voice` (V,)."""
        own = -torch.einsum("mvk,v->m", self.linear, usual) + self.linear_bias
        linear = _over_time(voice, self.linear) + own
        table = _over_time(logits, self.table) + self.table_bias
        return torch.stack([linear, table], -2)


def _over_time(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Every second frame around each, by a kernel (M, V, K): (B, T, V) to (B, T, M); the ends are held."""
    if not kernel.shape[1]:
        return x.new_zeros(*x.shape[:2], len(kernel))
    reach = kernel.shape[-1] - 1
    padded = F.pad(x.transpose(1, 2), (reach, reach), mode="replicate")
    return F.conv1d(padded, kernel, dilation=2).transpose(1, 2)
