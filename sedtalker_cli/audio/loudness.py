"""How loud a recording is, every 20 ms, measured block by block."""

from dataclasses import dataclass

import numpy as np

from sedtalker_cli.clock import HOP, SAMPLE_RATE

SPAN = 35.0  # dB from the softest that counts up to the recording's loud frames
LOUD = 95  # percentile of the levels that stands for loud frames
FULL = 0.99  # of full scale; samples from there on count as cut off
FRAME = round(HOP * SAMPLE_RATE)


class LevelMeter:
    """Level of every frame of 20 ms; blocks may be of any length."""

    def __init__(self) -> None:
        self._rest, self._levels = np.empty(0, np.float32), []

    def __call__(self, block: np.ndarray) -> None:
        """Take the next samples (n,)."""
        samples = np.concatenate([self._rest, block])
        whole = len(samples) // FRAME * FRAME
        self._levels.append(_level(samples[:whole].reshape(-1, FRAME)))
        self._rest = samples[whole:]

    def levels(self) -> np.ndarray:
        """(T50,) float64 in dB of full scale; an incomplete last frame counts."""
        return np.concatenate([*self._levels, _level(self._rest[None])] if len(self._rest) else self._levels)

    def loudness(self) -> np.ndarray:
        """(T50,) float64, 0 to 1 from `SPAN` below the loud frames up to them."""
        levels = self.levels()
        return np.clip((levels - np.percentile(levels, LOUD)) / SPAN + 1.0, 0.0, 1.0)


@dataclass(frozen=True)
class SoundFacts:
    """What a recording's samples tell of how it was made.

    Attributes:
        peak: highest absolute sample, full scale 1.
        clipped: share of the samples at or above `FULL`.
        level: dB of full scale of its loud frames.
    """

    peak: float
    clipped: float
    level: float


class SoundMeter(LevelMeter):
    """Level of every frame, and facts about the whole; blocks may be of any length."""

    def __init__(self) -> None:
        super().__init__()
        self._peak, self._full, self._samples = 0.0, 0, 0

    def __call__(self, block: np.ndarray) -> None:
        super().__call__(block)
        height = np.abs(block)
        self._peak = max(self._peak, float(height.max(initial=0.0)))
        self._full += int(np.count_nonzero(height >= FULL))
        self._samples += len(block)

    def facts(self) -> SoundFacts:
        """Of what has passed by; nothing at all is silence."""
        level = float(np.percentile(self.levels(), LOUD)) if self._samples else -100.0
        return SoundFacts(self._peak, self._full / max(1, self._samples), level)


def _level(frames: np.ndarray) -> np.ndarray:
    """Level (T,) of frames (T, n) in dB of full scale."""
    return 10.0 * np.log10(np.square(frames, dtype=np.float64).mean(1) + 1e-10)
