"""At which level models hear: always the same, as a person turns the volume up or down first."""

import numpy as np

from sedtalker_cli.audio.loudness import LevelMeter, speech_level

HEARD_AT = -20.0  # dB of full scale of loud frames; recordings of speech lie around it
MOST_GAIN = 60.0  # dB; what is fainter than this makes up for is noise of the converter


def level_gain(level: float) -> float:
    """Factor that brings loud frames of `level` dB to where models hear them."""
    return float(10.0 ** (min(HEARD_AT - level, MOST_GAIN) / 20.0))


def levelled(waveform: np.ndarray) -> np.ndarray:
    """A waveform (N,) at 16 kHz as models hear it."""
    meter = LevelMeter()
    meter(waveform)
    return waveform * np.float32(level_gain(speech_level(meter.levels())))
