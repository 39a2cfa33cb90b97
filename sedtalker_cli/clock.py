"""The two clocks that everything runs by: samples of sound, and frames of emotion."""

import numpy as np

SAMPLE_RATE = 16000  # Hz, of all sound once it is read
HOP_SAMPLES = 320  # from one frame of emotion, or of features, to the next
HOP = HOP_SAMPLES / SAMPLE_RATE  # the same in s
FRAME_RATE = SAMPLE_RATE / HOP_SAMPLES  # frames a second


def frame_count(duration: float) -> int:
    """T50 = ceil(duration / 0.02), robust to the last bit of a division by 16,000."""
    return int(np.ceil(round(duration / HOP, 6)))
