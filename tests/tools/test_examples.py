"""The recordings for newcomers, how they are made, and what the demo says of them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tools.resynthesis import Prosody, move_pitch, resynthesise, tilt_spectrum
from tools.show_heard import heard

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RATE = 16000


def test_examples_are_small_and_named_in_their_readme():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    recordings = sorted(EXAMPLES.glob("*.flac"))
    assert len(recordings) >= 6
    for path in recordings:
        assert path.stat().st_size < 150_000 and f"`{path.name}`" in text
        assert soundfile.info(path).samplerate == RATE


def test_pitch_moves_in_semitones():
    f0, times = np.array([0.0, 100.0, 120.0, 144.0, 0.0]), np.arange(5) * 0.005
    assert np.allclose(move_pitch(f0, times, Prosody(pitch=2.0)), 2 * f0)
    assert np.allclose(move_pitch(f0, times, Prosody(range=2.0)), [0, 120 / 1.44, 120, 120 * 1.44, 0])
    sloped = move_pitch(f0, times, Prosody(slope=12.0))
    assert np.allclose(sloped, [0, 100 / 2**0.5, 120, 144 * 2**0.5, 0])
    assert not move_pitch(np.zeros(3), times[:3], Prosody(pitch=2.0)).any()


def test_tilt_is_in_decibels_an_octave():
    envelope = tilt_spectrum(np.ones((1, 513)), RATE, 4.0)[0]
    bins = [int(f / (RATE / 2) * 512) for f in (125, 1000, 2000, 4000)]
    low, one, two, four = 10 * np.log10(envelope[bins])
    assert low == 0 and np.allclose([two - one, four - two], 4.0)


def test_resynthesis_moves_pitch_and_tempo():
    pytest.importorskip("pyworld", reason="tools/make_examples.py needs pyworld")
    time = np.arange(RATE) / RATE
    sound = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 12)) * 0.1
    changed = resynthesise(sound.astype(np.float32), RATE, Prosody(pitch=2.0, tempo=1.25))
    assert abs(len(changed) / RATE - 0.8) < 0.02
    middle = changed[4000:8096]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert abs(spectrum.argmax() * RATE / len(middle) - 300) < 8


def test_shares_of_what_was_heard(tmp_path):
    rows = ["frame,time,emotion,intensity,confidence"]
    rows += [f"{k},{k * 0.02:.2f},{'angry' if k < 30 else 'sad' if k < 38 else 'fear'},0.5,0.9" for k in range(40)]
    (tmp_path / "a.emotion.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    words, intensity = heard(tmp_path / "a.emotion.csv")
    assert words == "angry 75%, sad 20%, fear 5%" and intensity == pytest.approx(0.5)
