"""Samples of any scale, level, offset and phase: put right, and named."""

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.audio.levelling import HEARD_AT, level_gain, levelled
from sedtalker_cli.audio.loudness import LevelMeter, speech_level
from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.audio.recording import Recording
from tests.audio.sounds import bursts
from tests.conftest import tone


def heard(path) -> tuple[np.ndarray, list[str]]:
    recording = Recording(path)
    return np.concatenate(list(recording.blocks())), recording.notes


@pytest.mark.parametrize(("bits", "name"), [(15, "16-bit"), (23, "24-bit"), (31, "32-bit")])
def test_floats_on_the_scale_of_integers_are_scaled_and_named(tmp_path, bits, name):
    sf.write(tmp_path / "a.wav", tone(1.0).astype(np.float64) * 2**bits, 16000, subtype="DOUBLE")
    sound, notes = heard(tmp_path / "a.wav")
    assert np.abs(sound - tone(1.0)).max() < 1e-5
    assert len(notes) == 1 and f"{name} integers" in notes[0] and "scaled" in notes[0]


def test_floats_that_exceed_full_scale_now_and_then_stay(tmp_path):
    loud = tone(1.0) * 6
    sf.write(tmp_path / "a.wav", loud, 16000, subtype="FLOAT")
    sound, notes = heard(tmp_path / "a.wav")
    assert np.array_equal(sound, loud) and notes == []


@pytest.mark.parametrize("other", [-1.0, -0.96, -0.8])
def test_channels_that_cancel_out_leave_the_louder_one(tmp_path, other):
    sf.write(tmp_path / "a.wav", np.stack([tone(2.0), other * tone(2.0)], 1), 16000, subtype="FLOAT")
    sound, notes = heard(tmp_path / "a.wav")
    assert np.abs(sound - tone(2.0)).max() < 1e-6
    assert notes == ["its channels cancel each other out: only channel 1 is heard"]
    sf.write(tmp_path / "b.wav", np.stack([other * tone(2.0), tone(2.0)], 1), 16000, subtype="FLOAT")
    assert np.abs(np.abs(load_audio(tmp_path / "b.wav")) - np.abs(tone(2.0))).max() < 1e-6


def test_channels_that_cancel_out_for_a_while(tmp_path):
    one = np.concatenate([tone(3.0), tone(3.0, frequency=300)])
    other = np.concatenate([tone(3.0), -tone(3.0, frequency=300)])
    sf.write(tmp_path / "a.wav", np.stack([one, other], 1), 16000, subtype="FLOAT")
    sound, notes = heard(tmp_path / "a.wav")
    assert np.abs(sound - one).max() < 1e-6 and len(notes) == 1


@pytest.mark.parametrize("channels", [2, 4])
def test_speakers_on_channels_of_their_own_are_all_heard(tmp_path, channels):
    """What is quiet or unrelated on the others does not cancel anything."""
    one = np.zeros((16000 * channels, channels), np.float32)
    for k in range(channels):
        one[16000 * k : 16000 * (k + 1), k] = tone(1.0, frequency=200 + 50 * k)
    sf.write(tmp_path / "a.wav", one, 16000, subtype="FLOAT")
    sound, notes = heard(tmp_path / "a.wav")
    assert np.abs(sound - one.mean(1)).max() < 1e-6 and notes == []


def test_a_constant_offset_is_left_out_and_named(tmp_path):
    sf.write(tmp_path / "a.wav", tone(1.0) * 0.1 + 0.25, 16000, subtype="FLOAT")
    sound, notes = heard(tmp_path / "a.wav")
    assert abs(float(sound.mean())) < 1e-6 and np.abs(sound - tone(1.0) * 0.1).max() < 1e-3
    assert len(notes) == 1 and "offset of 0.25" in notes[0]
    assert Recording(tmp_path / "a.wav").facts.level == pytest.approx(levels_of(tone(1.0) * 0.1), abs=0.05)


def levels_of(sound: np.ndarray) -> float:
    meter = LevelMeter()
    meter(sound)
    return speech_level(meter.levels())


def test_models_hear_every_recording_at_one_level():
    sound = bursts()
    for gain in (1.0, 0.01, 1.6):
        assert levels_of(levelled(sound * np.float32(gain))) == pytest.approx(HEARD_AT, abs=0.05)
    assert 20 * np.log10(level_gain(-100.0)) == pytest.approx(60)  # digital silence is not turned up to a roar


def test_the_level_is_that_of_speech_among_silence_and_clicks():
    speech = tone(2.0)
    alone = levels_of(speech)
    assert levels_of(np.concatenate([np.zeros(16000 * 600, np.float32), speech])) == pytest.approx(alone, abs=0.5)
    clicked = np.concatenate([0.01 * speech, np.zeros(16000, np.float32)])
    clicked[40000:40100] = 1.0
    assert levels_of(clicked) == pytest.approx(alone - 40, abs=0.5)
