"""How loud a recording is, every 20 ms, measured block by block."""

import numpy as np

from sedtalker_cli.clock import HOP, SAMPLE_RATE

SPAN = 35.0  # dB from the softest that counts up to the recording's loud frames
LOUD = 95  # percentile of the levels that stands for loud frames
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

    def loudness(self) -> np.ndarray:
        """(T50,) float64, 0 to 1 from `SPAN` below the loud frames up to them; an incomplete last frame counts."""
        levels = np.concatenate([*self._levels, _level(self._rest[None])] if len(self._rest) else self._levels)
        return np.clip((levels - np.percentile(levels, LOUD)) / SPAN + 1.0, 0.0, 1.0)


def _level(frames: np.ndarray) -> np.ndarray:
    """Level (T,) of frames (T, n) in dB of full scale."""
    return 10.0 * np.log10(np.square(frames, dtype=np.float64).mean(1) + 1e-10)
