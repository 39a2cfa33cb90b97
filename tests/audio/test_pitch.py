"""Pitch of a voice: right on tones, silent where nothing is voiced, and the same in blocks of any length."""

import numpy as np
import pytest

from sedtalker_cli.audio.pitch import SEMITONES_ABOVE, PitchMeter

TIME = np.arange(16000) / 16000


def heard(samples: np.ndarray, blocks: int = 1) -> np.ndarray:
    meter = PitchMeter()
    for block in np.array_split(samples.astype(np.float32), blocks):
        meter(block)
    return meter.semitones(-(-len(samples) // 320))


@pytest.mark.parametrize("frequency", [75, 120, 210, 400])
def test_a_voice_of_many_harmonics_has_its_fundamental(frequency):
    voice = sum(np.sin(2 * np.pi * frequency * k * TIME) / k for k in range(1, 9)) * 0.1
    pitch = SEMITONES_ABOVE * 2 ** (heard(voice) / 12)
    assert np.isfinite(pitch).mean() > 0.95
    assert np.nanmedian(pitch) == pytest.approx(frequency, rel=0.01)


def test_noise_and_silence_have_none():
    noise = np.random.default_rng(0).standard_normal(16000) * 0.1
    assert np.isfinite(heard(noise)).mean() < 0.1
    assert np.isnan(heard(np.zeros(16000))).all()


def test_blocks_may_have_any_length():
    voice = sum(np.sin(2 * np.pi * 150 * k * TIME) / k for k in range(1, 9)) * 0.1
    np.testing.assert_allclose(heard(voice), heard(voice, 37), atol=1e-4)


def test_a_recording_shorter_than_a_window():
    assert len(heard(np.zeros(100))) == 1
