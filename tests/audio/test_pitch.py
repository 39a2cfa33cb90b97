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


@pytest.mark.parametrize("frequency", [67, 98, 123.4, 187.3, 253.7, 333.3])
def test_pitch_is_right_between_samples_and_on_an_offset(frequency):
    """To a third of a percent, a twentieth of a semitone; a period is 12 to 60 samples long."""
    voice = sum(np.sin(2 * np.pi * frequency * k * TIME) / k for k in range(1, 9)) * 0.1
    for samples in (voice, voice + 0.3):
        pitch = SEMITONES_ABOVE * 2 ** (heard(samples) / 12)
        assert pitch[2:-2] == pytest.approx(frequency, rel=0.0033)


def test_frames_are_centred():
    """A voice in the middle third has as much of the silence before it as of that behind it."""
    voice = sum(np.sin(2 * np.pi * 200 * k * TIME[:8000]) / k for k in range(1, 9)) * 0.1
    voiced = np.flatnonzero(np.isfinite(heard(np.concatenate([np.zeros(8000), voice, np.zeros(8000)]))))
    assert voiced[0] - 25 == 49 - voiced[-1] and abs(voiced[0] - 25) <= 1 and len(voiced) == voiced[-1] - voiced[0] + 1
