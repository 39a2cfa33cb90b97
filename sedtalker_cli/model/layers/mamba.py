"""Mamba block whose parameters have the names and shapes of `mamba_ssm.Mamba`."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.model.layers.kernels import Kernels, fused_kernels
from sedtalker_cli.model.layers.scan import resume_scan, softplus_inverse

# Last inputs of the convolution (B, E, d_conv - 1) and state of the scan (B, E, N).
Past = tuple[torch.Tensor, torch.Tensor]


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
        return self._run(x, mask, None, fused_kernels() if x.is_cuda else None)[0]

    def resume(self, x: torch.Tensor, past: Past | None = None) -> tuple[torch.Tensor, Past]:
        """The next piece (B, T, D) of a sequence, and the state that the piece after it needs."""
        return self._run(x, None, past, None)

    def _run(self, x: torch.Tensor, mask: torch.Tensor | None, past: Past | None, fused: Kernels | None):
        hidden, gate = self.in_proj(x).chunk(2, dim=-1)
        if mask is not None:
            hidden = hidden * mask.unsqueeze(-1).to(hidden.dtype)
        tail, state = past or (hidden.new_zeros(len(x), self.d_inner, self.d_conv - 1), None)
        hidden, tail = self.convolve(hidden, tail, fused.convolve if fused else None)
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
                y, state = resume_scan(u, dt, a, b, c, self.D, state)
        return self.out_proj(y.to(hidden.dtype) * F.silu(gate)), (tail, state)

    def convolve(
        self, hidden: torch.Tensor, tail: torch.Tensor, kernel: Callable | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Causal depthwise convolution and SiLU of (B, T, E), and the last inputs (B, E, d_conv - 1).

        Args:
            hidden: inputs.
            tail: the inputs before them.
            kernel: causal-conv1d's, for whole sequences; None for our own.
        """
        time_last = hidden.transpose(1, 2)
        if kernel is not None:
            weight, bias = (t.to(hidden.dtype) for t in (self.conv1d.weight.squeeze(1), self.conv1d.bias))
            return kernel(time_last.contiguous(), weight, bias, activation="silu").transpose(1, 2), tail
        known = torch.cat([tail, time_last], dim=2)
        convolved = F.conv1d(known, self.conv1d.weight, self.conv1d.bias, groups=self.d_inner)
        return F.silu(convolved.transpose(1, 2)), known[..., hidden.shape[1] :].clone()


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

    def in_pieces(self, read: Callable[[int, int], torch.Tensor], out: torch.Tensor, size: int) -> None:
        """As `forward`, over a recording of any length: each direction hands its state from piece to piece.

        Args:
            read: gives the input (1, t, D) of a range of frames.
            out: (1, T, D) to fill.
            size: frames of a piece.
        """
        pieces = [(start, min(start + size, out.shape[1])) for start in range(0, out.shape[1], size)]
        past = None
        for start, stop in pieces:
            out[:, start:stop], past = self.forward_scan.resume(read(start, stop), past)
        past = None
        for start, stop in reversed(pieces):
            y, past = self.backward_scan.resume(read(start, stop).flip(1), past)
            out[:, start:stop] += y.flip(1)
