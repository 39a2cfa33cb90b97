"""Tones, chords, hum, noise and silence are nothing like speech, at any level: said everywhere, and the face rests."""

import csv
import json

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.emotion.silence import NO_SPEECH, voiced_frames
from sedtalker_cli.face.arkit import ARKIT_INDEX
from tests.conftest import ROOT, needs_animator, needs_weights, run_cli

TIME = np.arange(4 * 16000) / 16000
NOISE = np.random.default_rng(0).standard_normal(len(TIME))


def sine(*frequencies):
    return 0.1 * sum(np.sin(2 * np.pi * f * TIME) for f in frequencies)


SOUNDS = {
    "silence": 0 * TIME,
    "tone": sine(440),
    "swell": sine(220) * (1 + 0.6 * np.sin(2 * np.pi * 3 * TIME)),
    "chord": sine(220, 277, 330),
    "hum": sine(*(50 * k for k in range(1, 9))),
    "noise": 0.1 * NOISE,
    "rumble": np.cumsum(NOISE - NOISE.mean()) * 1e-3,
    "beeps": sine(1000) * (TIME % 1 < 0.3),
    "sweep": np.sin(2 * np.pi * (100 * TIME + 150 * TIME**2)) * 0.3,
}


@pytest.fixture(scope="module")
def pipeline():
    from sedtalker_cli.pipeline import Pipeline

    return Pipeline.load(device="cpu")


@needs_weights
@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("gain", [1.0, 0.01])
def test_what_is_not_speech(pipeline, tmp_path, name, gain):
    sf.write(tmp_path / "a.wav", (SOUNDS[name] * gain).astype(np.float32), 16000, subtype="FLOAT")
    found = pipeline.diarize(tmp_path / "a.wav")
    assert NO_SPEECH in found.notes and not found.timeline.intensity.any()
    assert {segment.emotion for segment in found.timeline.segments()} == {"neutral"}


@needs_weights
@pytest.mark.parametrize("name", ["angry", "party", "sad"])
def test_speech_is_heard_the_same_at_any_level(pipeline, tmp_path, name):
    """40 dB quieter is as neutral, as afraid and as intense as before."""
    sound = load_audio(ROOT / f"examples/{name}.flac")
    found = []
    for gain in (1.0, 0.01):
        sf.write(tmp_path / "a.wav", sound * np.float32(gain), 16000, subtype="FLOAT")
        found.append(pipeline.diarize(tmp_path / "a.wav"))
    loud, quiet = (one.timeline for one in found)
    assert np.array_equal(loud.labels, quiet.labels)
    assert np.abs(loud.posteriors - quiet.posteriors).max() < 0.01
    assert np.abs(loud.intensity - quiet.intensity).max() < 0.01
    assert NO_SPEECH not in [*found[0].notes, *found[1].notes]


@needs_weights
def test_speech_in_noise_and_through_a_telephone_is_speech(pipeline, tmp_path):
    from scipy.signal import butter, sosfilt

    sound = load_audio(ROOT / "examples/sad.flac")
    noise = np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32)
    telephone = sosfilt(butter(4, (300, 3400), "bandpass", fs=16000, output="sos"), sound)
    music = np.resize(SOUNDS["chord"], len(sound)) * 0.3
    for kind in (sound + noise * np.std(sound), telephone, sound + music, np.clip(20 * sound, -0.5, 0.5)):
        sf.write(tmp_path / "a.wav", kind.astype(np.float32), 16000, subtype="FLOAT")
        found = pipeline.diarize(tmp_path / "a.wav")
        assert NO_SPEECH not in found.notes and voiced_frames(found.timeline.speech).any()


@needs_animator
def test_it_is_said_everywhere_and_the_face_rests(tmp_path):
    sf.write(tmp_path / "a.wav", SOUNDS["swell"], 16000)
    options = ("--idle", "off", "--json", "--summary", "s.csv", "--out", "o")
    result = run_cli("animate", "a.wav", *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert f"a.wav: {NO_SPEECH}" in result.stderr
    assert json.loads(result.stdout)["notes"] == [NO_SPEECH]
    assert json.loads((tmp_path / "o/a.json").read_text())["notes"] == [NO_SPEECH]
    with (tmp_path / "s.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert row["note"] == NO_SPEECH and row["speech"] == "0.0000"
    weights = np.load(tmp_path / "o/a.weights.npy")
    assert weights[:, ARKIT_INDEX["jawOpen"]].max() < 0.05
    assert np.ptp(weights, axis=0).max() < 0.05
