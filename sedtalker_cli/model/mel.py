"""Whisper's log-mel spectrogram of a waveform of any length."""

import torch
from torch import nn

SAMPLE_RATE = 16_000
N_FFT = 400
MEL_HOP = 160


class LogMel(nn.Module):
    """Log10 mel power, floored 8 below the window's maximum and scaled, as Whisper was trained (Radford et al. 2022).

    Args:
        n_mels: mel bands.
    """

    def __init__(self, n_mels: int = 80):
        super().__init__()
        from transformers.audio_utils import mel_filter_bank

        filters = mel_filter_bank(
            num_frequency_bins=1 + N_FFT // 2,
            num_mel_filters=n_mels,
            min_frequency=0.0,
            max_frequency=8000.0,
            sampling_rate=SAMPLE_RATE,
            norm="slaney",
            mel_scale="slaney",
        )
        self.register_buffer("filters", torch.from_numpy(filters).float().T.contiguous(), persistent=False)
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
