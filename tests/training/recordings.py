"""Sounds like voices for the tests of training."""

import numpy as np

RATE = 16_000


def buzz(frequency: float, seconds: float, seed: int) -> np.ndarray:
    """A voice-like sound: harmonics with syllables, and a little noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    rng = np.random.default_rng(seed)
    voice = sum(np.sin(2 * np.pi * frequency * h * time) / h for h in range(1, 6))
    syllables = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * time)
    return (0.15 * syllables * voice + 0.003 * rng.standard_normal(len(time))).astype(np.float32)
