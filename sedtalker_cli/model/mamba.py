"""Mamba block whose parameters have the names and shapes of `mamba_ssm.Mamba`."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.model.kernels import fused_kernels
from sedtalker_cli.model.scan import selective_scan, softplus_inverse


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
        fused = fused_kernels() if x.is_cuda else None
        hidden, gate = self.in_proj(x).chunk(2, dim=-1)
        if mask is not None:
            hidden = hidden * mask.unsqueeze(-1).to(hidden.dtype)
        hidden = self.convolve(hidden, fused.convolve if fused else None)
        dt, b, c = self.x_proj(hidden).split([self.dt_rank, self.d_state, self.d_state], dim=-1)
        dt = F.softplus(self.dt_proj(dt))
        if mask is not None:
            dt = dt * mask.unsqueeze(-1)
        a = -torch.exp(self.A_log.float())
        if fused:
            u, dt, b, c = (t.to(hidden.dtype).transpose(1, 2).contiguous() for t in (hidden, dt, b, c))
            y = fused.scan(u, dt, a, b, c, self.D.float()).transpose(1, 2)
        else:
            # The recurrence adds up over time: half precision would not do.
            with torch.autocast(x.device.type, enabled=False):
                u, dt, b, c = (t.float() if t.itemsize < 4 else t for t in (hidden, dt, b, c))
                y = selective_scan(u, dt, a, b, c, self.D)
        return self.out_proj(y.to(hidden.dtype) * F.silu(gate))

    def convolve(self, hidden: torch.Tensor, kernel: Callable | None = None) -> torch.Tensor:
        """Causal depthwise convolution and SiLU of (B, T, E), by causal-conv1d's `kernel` where it is given."""
        time_last = hidden.transpose(1, 2)
        if kernel is None:
            return F.silu(self.conv1d(time_last)[..., : hidden.shape[1]].transpose(1, 2))
        weight, bias = (t.to(hidden.dtype) for t in (self.conv1d.weight.squeeze(1), self.conv1d.bias))
        return kernel(time_last.contiguous(), weight, bias, activation="silu").transpose(1, 2)


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
