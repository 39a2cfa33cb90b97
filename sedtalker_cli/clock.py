"""The two clocks that everything runs by: samples of sound, and frames of emotion."""

import numpy as np

HOP = 0.02  # s from one frame of emotion to the next
SAMPLE_RATE = 16000


def frame_count(duration: float) -> int:
    """T50 = ceil(duration / 0.02), robust to the last bit of a division by 16,000."""
    return int(np.ceil(round(duration / HOP, 6)))
