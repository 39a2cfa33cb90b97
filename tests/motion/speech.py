"""How lively somebody speaks, made up."""

import numpy as np


def syllables(fps: float = 30.0, seconds: float = 10.0) -> np.ndarray:
    """Loud for 0.2 s at the beginning of every second."""
    time = np.arange(round(seconds * fps)) / fps
    return np.where(time % 1 < 0.2, 1.0, 0.4)
