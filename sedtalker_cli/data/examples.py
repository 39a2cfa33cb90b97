"""What the animator learns from: sound with the motion of its mouth."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Example:
    """A stretch of speech with the motion of its mouth.

    Attributes:
        waveform: (N,) at 16 kHz.
        mouth: (T, 52) coefficients of neutral speech.
        fps: of `mouth`; frame k is at k / fps s.
        known: (52,) bool, mouth channels that were measured; others carry no target.
        style: name of the speaking style.
    """

    waveform: np.ndarray
    mouth: np.ndarray
    fps: float
    known: np.ndarray
    style: str
