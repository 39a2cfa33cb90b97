"""Whisper's log-mel spectrogram of a waveform of any length."""

import math

import torch
from torch import nn

from sedtalker_cli.clock import SAMPLE_RATE

N_FFT = 400
MEL_HOP = 160


def slaney_filters(n_mels: int) -> torch.Tensor:
    """Triangles of equal area, (n_mels, 1 + N_FFT / 2), spaced evenly from 0 to 8 kHz on the mel scale of Slaney's
    Auditory Toolbox (1998): linear below 1 kHz, 27 steps to a factor of 6.4 above."""

    def mel(hertz):
        return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)

    mels = torch.linspace(0, mel(SAMPLE_RATE / 2), n_mels + 2, dtype=torch.float64)
    edges = torch.where(mels < 15, 200 * mels / 3, 1000 * torch.exp((mels - 15) * math.log(6.4) / 27))
    bins = torch.linspace(0, SAMPLE_RATE / 2, 1 + N_FFT // 2, dtype=torch.float64)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return (torch.minimum(rise, fall).clamp(min=0) * area[:, None]).float()


class LogMel(nn.Module):
    """Log10 mel power, floored 8 below the window's maximum and scaled, as Whisper was trained (Radford et al. 2022).

    Args:
        n_mels: mel bands.
    """

    def __init__(self, n_mels: int = 80):
        super().__init__()
        self.register_buffer("filters", slaney_filters(n_mels), persistent=False)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """
        Args:
            waveform: (B, N) samples in [-1, 1]; N a multiple of 160 and at least 320.

        Returns:
            (B, n_mels, N / 160).
        """
        spectrum = torch.stft(waveform, N_FFT, MEL_HOP, window=self.window, return_complex=True)
        power = spectrum[..., :-1].abs() ** 2
        log_mel = (self.filters @ power).clamp(min=1e-10).log10()
        floor = log_mel.amax(dim=(1, 2), keepdim=True) - 8.0
        return (torch.maximum(log_mel, floor) + 4.0) / 4.0
