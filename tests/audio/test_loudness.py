"""Loudness of a recording that passes by in blocks."""

import numpy as np
import pytest

from sedtalker_cli.audio.loudness import SPAN, LevelMeter
from tests.conftest import tone


def measure(waveform: np.ndarray, *cuts: int) -> np.ndarray:
    meter = LevelMeter()
    for block in np.split(waveform, cuts):
        meter(block)
    return meter.loudness()


def test_blocks_leave_no_trace():
    waveform = tone(1.01)  # the last frame is half
    whole = measure(waveform)
    assert whole.shape == (51,)
    np.testing.assert_allclose(measure(waveform, 1, 77, 320, 321, 9000), whole)


def test_scale_follows_the_recording():
    steps = np.repeat([1.0, 10 ** (-SPAN / 40), 10 ** (-SPAN / 20), 0.0], 3200)
    for size in (1.0, 0.01):
        loudness = measure((size * 0.3 * steps * np.sin(0.5 * np.arange(len(steps)))).astype(np.float32))
        assert loudness[[5, 15, 25, 35]] == pytest.approx([1, 0.5, 0, 0], abs=0.02)


def test_silence_has_one_level():
    loudness = measure(np.zeros(16_000, np.float32))
    assert len(loudness) == 50 and np.ptp(loudness) == 0
