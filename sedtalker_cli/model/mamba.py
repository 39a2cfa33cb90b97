"""Mamba block whose parameters have the names and shapes of `mamba_ssm.Mamba`."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.model.scan import selective_scan, softplus_inverse


def cuda_scan():
    """mamba-ssm's fused scan if the package is installed, else None."""
    try:
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
    except ImportError:
        return None
    return selective_scan_fn


class Mamba(nn.Module):
    """Selective state-space layer (Gu and Dao 2023, arXiv 2312.00752).

    Args:
        d_model: width D of input and output.
        d_state: state size N per channel.
        d_conv: taps of the causal depthwise convolution.
        expand: inner width E = expand x D.
    """

    def __init__(self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2):
        super().__init__()
        self.d_inner, self.d_state, self.d_conv = expand * d_model, d_state, d_conv
        self.dt_rank = math.ceil(d_model / 16)
        self.in_proj = nn.Linear(d_model, 2 * self.d_inner, bias=False)
        self.conv1d = nn.Conv1d(self.d_inner, self.d_inner, d_conv, groups=self.d_inner, padding=d_conv - 1)
        self.x_proj = nn.Linear(self.d_inner, self.dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, self.d_inner)
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False)
        states = torch.arange(1, d_state + 1, dtype=torch.float32)
        self.A_log = nn.Parameter(torch.empty(self.d_inner, d_state))
        self.D = nn.Parameter(torch.ones(self.d_inner))
        # Step sizes start log-uniform in [0.001, 0.1], as in the paper's section 3.6.
        steps = torch.exp(torch.rand(self.d_inner) * math.log(100) + math.log(1e-3)).clamp(min=1e-4)
        nn.init.uniform_(self.dt_proj.weight, -(self.dt_rank**-0.5), self.dt_rank**-0.5)
        with torch.no_grad():
            self.A_log.copy_(states.log())
            self.dt_proj.bias.copy_(softplus_inverse(steps))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """
        Args:
            x: (B, T, D).
            mask: (B, T) with 1 for frames that exist and 0 for padding; padding leaves the state alone.

        Returns:
            (B, T, D).
        """
        length = x.shape[1]
        hidden, gate = self.in_proj(x).chunk(2, dim=-1)
        if mask is not None:
            hidden = hidden * mask.unsqueeze(-1)
        hidden = F.silu(self.conv1d(hidden.transpose(1, 2))[..., :length].transpose(1, 2))
        dt, b, c = self.x_proj(hidden).split([self.dt_rank, self.d_state, self.d_state], dim=-1)
        dt = F.softplus(self.dt_proj(dt))
        if mask is not None:
            dt = dt * mask.unsqueeze(-1)
        a = -torch.exp(self.A_log.float())
        fused = cuda_scan() if x.is_cuda else None
        if fused is not None:
            y = fused(
                hidden.transpose(1, 2), dt.transpose(1, 2), a, b.transpose(1, 2), c.transpose(1, 2), self.D.float()
            ).transpose(1, 2)
        else:
            y = selective_scan(hidden, dt, a, b, c, self.D)
        return self.out_proj(y * F.silu(gate))


class BiMamba(nn.Module):
    """Two Mamba layers, one over each direction of time, added; for work on whole recordings."""

    def __init__(self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2):
        super().__init__()
        self.forward_scan = Mamba(d_model, d_state, d_conv, expand)
        self.backward_scan = Mamba(d_model, d_state, d_conv, expand)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """As `Mamba.forward`."""
        flipped_mask = None if mask is None else mask.flip(1)
        return self.forward_scan(x, mask) + self.backward_scan(x.flip(1), flipped_mask).flip(1)
