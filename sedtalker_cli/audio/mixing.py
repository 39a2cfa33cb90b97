"""Several channels as one, unless they cancel each other out; and how large the samples are."""

import numpy as np

CANCELS = 0.1  # of the power that unrelated channels keep in their mean; stretches below it cancel out
LOST = 0.2  # of all power; if more of it lies in stretches that cancel out, one channel is better than the mean


class ChannelMeter:
    """Powers of channels and of their mean, second by second; blocks may be of any length.

    Args:
        channels: C.
        rate: Hz.
    """

    def __init__(self, channels: int, rate: int):
        self._channels, self._rate = channels, rate
        self._power = np.zeros(channels + 1)  # of the second that is being measured, the mean last
        self._filled = 0
        self._total, self._lost = np.zeros(channels), 0.0
        self.peak, self.samples = 0.0, 0

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples (n, C) and give their mean (n,)."""
        self.samples += block.size
        self.peak = max(self.peak, float(block.max(initial=0.0)), -float(block.min(initial=0.0)))
        if self._channels == 1:
            mono = block[:, 0]
            self._total += float(np.dot(mono, mono))
            return mono
        mean = block.mean(axis=1, dtype=np.float32)
        for start in range(0, len(block), self._rate):
            piece = slice(start, start + self._rate)
            self._power[:-1] += np.einsum("nc,nc->c", block[piece], block[piece])
            self._power[-1] += float(np.dot(mean[piece], mean[piece]))
            self._filled += len(mean[piece])
            if self._filled >= self._rate:
                self._close()
        return mean

    def _close(self) -> None:
        power, whole = self._power[:-1], float(self._power[:-1].sum())
        if self._power[-1] < CANCELS * whole / self._channels**2:
            self._lost += whole
        self._total += power
        self._power, self._filled = np.zeros(self._channels + 1), 0

    def better_channel(self) -> int | None:
        """The loudest channel where much of the sound cancels out in the mean, else None."""
        self._close()
        whole = float(self._total.sum())
        return int(self._total.argmax()) if self._channels > 1 and self._lost > LOST * whole else None

    @property
    def rms(self) -> float:
        """Root of the mean square of all samples."""
        return float(np.sqrt((self._total.sum() + self._power[:-1].sum()) / max(1, self.samples)))
