"""Voice activity: synthetic bursts with known edges, and hand-labelled speech where the data lies here."""

import os
from pathlib import Path

import numpy as np
import pytest

from sedtalker_cli.audio.vad import frame_levels, speech_activity, speech_bounds
from sedtalker_cli.clock import HOP_SAMPLES
from sedtalker_cli.errors import InputError

DATA = Path(os.environ.get("SEDTALKER_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
EMODB = DATA / "speech" / "emodb"
RATE = 16000


def syllables(seconds, seed=0):
    """Something like a voice: harmonics of 140 Hz in syllables of 160 ms with closures of 60 ms between."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 140 * k * time + rng.uniform(0, 6)) / k for k in range(1, 20))
    gate = (time % 0.22 < 0.16) * np.clip((time % 0.22) / 0.02, 0, 1)
    return (0.1 * voice * gate).astype(np.float32)


def padded(speech, before, after, noise=0.0, seed=1):
    wave = np.concatenate([np.zeros(int(before * RATE)), speech, np.zeros(int(after * RATE))])
    return (wave + noise * np.random.default_rng(seed).standard_normal(len(wave))).astype(np.float32)


@pytest.mark.parametrize("gain", [1.0, 0.01])
@pytest.mark.parametrize("noise", [0.0, 1e-5, 1e-3])
def test_bounds_of_padded_speech(noise, gain):
    wave = gain * padded(syllables(1.92), 0.85, 1.13, noise)
    start, end = speech_bounds(wave)
    assert 0.77 <= start / RATE <= 0.87
    assert 2.73 <= end / RATE <= 2.86  # the last syllable ends at 2.77


def test_soft_ending_is_kept():
    speech = syllables(2.2)
    speech[int(1.3 * RATE) :] *= 10 ** (-22 / 20)  # a voice that fades, as in sadness
    _, end = speech_bounds(padded(speech, 0.5, 0.8, noise=1e-5))
    assert end / RATE > 0.5 + 2.1


def test_padding_does_not_stand_for_the_noise_of_the_room():
    room = padded(syllables(1.5), 0.6, 0.3, noise=2e-3)
    wave = np.concatenate([room, np.zeros(2 * RATE, np.float32)])
    start, end = speech_bounds(wave)
    assert start / RATE > 0.5
    assert end / RATE < 2.2


def test_click_and_hum_are_no_speech():
    wave = padded(syllables(1.5), 1.0, 1.0, noise=1e-4)
    wave += 0.03 * np.sin(2 * np.pi * 50 * np.arange(len(wave)) / RATE).astype(np.float32)
    wave[4000:4100] += 0.5
    start, end = speech_bounds(wave)
    assert 0.9 < start / RATE < 1.03 and end / RATE < 2.65


def test_activity_closes_short_pauses_and_keeps_long_ones():
    first, second = syllables(1.0), syllables(1.0)
    wave = padded(np.concatenate([first, np.zeros(RATE, np.float32), second]), 0.5, 0.5, noise=1e-4)
    active = speech_activity(wave)
    assert active[30:70].all()  # across the closures of the syllables
    assert not active[85:115].any() and active[130:170].all()


@pytest.mark.parametrize("samples", [0, 1, 319, 320, 321, 5000])
def test_one_value_every_20_ms(samples):
    wave = syllables(1)[:samples]
    assert len(speech_activity(wave)) == len(frame_levels(wave)) == -(-samples // HOP_SAMPLES)
    start, end = speech_bounds(wave)
    assert 0 <= start <= end <= samples


def test_nothing_found_loses_nothing():
    silence = np.zeros(RATE, np.float32)
    assert not speech_activity(silence).any() and speech_bounds(silence) == (0, RATE)
    steady = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1
    assert speech_activity(steady).all() and speech_bounds(steady) == (0, RATE)


def test_bad_waveforms():
    with pytest.raises(InputError, match="one channel"):
        speech_bounds(np.zeros((2, 100), np.float32))
    with pytest.raises(InputError, match="NaN"):
        speech_activity(np.array([0, np.nan], np.float32))


@pytest.mark.skipif(not (EMODB / "lablaut").is_dir(), reason="no speech data (set SEDTALKER_DATA)")
def test_bounds_of_hand_labelled_speech():
    soundfile = pytest.importorskip("soundfile")
    onsets, endings = [], []
    for path in sorted((EMODB / "lablaut").glob("*.lablaut"))[::8]:
        rows = [line.split() for line in path.read_text("latin-1").split("#", 1)[1].splitlines() if line.strip()]
        marks = [(float(row[0]), row[2] if len(row) > 2 else "") for row in rows]
        first = next(time for time, label in marks if label not in ("", ".", "(", "_"))
        last = [time for time, label in marks if label in (".", "(")]
        sound = EMODB / "wav" / f"{path.stem[:7]}.ogg"
        if not last or not sound.is_file():
            continue
        wave, _ = soundfile.read(sound, dtype="float32")
        start, end = speech_bounds(padded(wave, 0.85, 0.85))
        onsets.append(start / RATE - 0.85 - first)
        endings.append(end / RATE - 0.85 - last[-1])
    assert len(onsets) > 30
    assert abs(np.median(onsets)) < 0.05 and abs(np.median(endings)) < 0.05
    # at most one recording in ten loses more than 40 ms at either end
    assert np.percentile(onsets, 90) < 0.04 and np.percentile(endings, 10) > -0.04
