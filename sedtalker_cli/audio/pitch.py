"""How high a voice is, every 20 ms, gathered while a recording passes by in blocks."""

import numpy as np

from sedtalker_cli.clock import HOP, SAMPLE_RATE

REDUCTION = 4  # samples that are averaged into one: a voice's pitch lies far below 2 kHz
RATE = SAMPLE_RATE // REDUCTION  # [Hz]
STEP = round(HOP * RATE)  # samples from frame to frame
WINDOW = 3 * STEP  # 60 ms hold four periods of the lowest voice
LOWEST, HIGHEST = 65.0, 500.0  # of speech, angry children and whispering aside [Hz]
VOICED = 0.55  # least height of the peak of a voiced frame's autocorrelation
OCTAVE_COST = 0.08  # of a period twice as long: without it, half the pitch is heard as often as the pitch
SEMITONES_ABOVE = 55.0  # [Hz]
_FFT = 512


class PitchMeter:
    """Fundamental frequency by the autocorrelation of windowed frames, corrected by that of the window.

    The method of Boersma (1993), without his search for the best path: what reads it is smoothed anyway. Blocks may
    be of any length.
    """

    def __init__(self) -> None:
        self._window = np.hanning(WINDOW + 2)[1:-1]
        self._lags = np.arange(int(RATE / HIGHEST), int(RATE / LOWEST) + 1)
        self._bias = self._correlate(self._window[None])[0]
        self._cost = OCTAVE_COST * np.log2(self._lags * LOWEST / RATE)
        self._samples = np.empty(0, np.float32)
        self._rest = np.zeros(WINDOW // 2 - STEP // 2, np.float32)  # frame k is centred at (k + 0.5) x 20 ms
        self._found: list[np.ndarray] = []

    def __call__(self, block: np.ndarray) -> None:
        """Take the next samples (n,)."""
        samples = np.concatenate([self._samples, block])
        whole = len(samples) // REDUCTION * REDUCTION
        self._samples = samples[whole:]
        self._take(samples[:whole].reshape(-1, REDUCTION).mean(1))

    def semitones(self, frames: int) -> np.ndarray:
        """Pitch (frames,) float64 in semitones above 55 Hz; nan where no voice sounds."""
        self._take(np.zeros(WINDOW, np.float32))
        found = np.concatenate(self._found)[:frames]
        return np.concatenate([found, np.full(frames - len(found), np.nan)])

    def _take(self, samples: np.ndarray) -> None:
        samples = np.concatenate([self._rest, samples])
        count = max(0, (len(samples) - WINDOW) // STEP + 1)
        self._rest = samples[count * STEP :]
        if count:
            frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::STEP][:count]
            self._found.append(self._pitch(frames))

    def _correlate(self, frames: np.ndarray) -> np.ndarray:
        """Autocorrelation (n, lags) of windowed frames (n, WINDOW), 1 at lag 0."""
        spectrum = np.fft.rfft(frames, _FFT)
        full = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, _FFT)
        return full[:, self._lags] / np.maximum(full[:, :1], 1e-9)

    def _pitch(self, frames: np.ndarray) -> np.ndarray:
        frames = frames - frames.mean(1, keepdims=True)
        heights = self._correlate(frames * self._window) / self._bias
        best = (heights - self._cost).argmax(1)
        inner = np.clip(best, 1, len(self._lags) - 2)
        rows = np.arange(len(frames))
        before, at, after = (heights[rows, inner + shift] for shift in (-1, 0, 1))
        bend = np.minimum(before - 2 * at + after, -1e-9)
        lag = self._lags[inner] + np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
        pitch = 12.0 * np.log2(RATE / lag / SEMITONES_ABOVE)
        return np.where((at > VOICED) & (frames.std(1) > 1e-4), pitch, np.nan)
