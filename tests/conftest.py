"""Fixtures that several test modules share: small sounds, fake models with exact answers, the command line."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.progress import silent
from sedtalker_cli.render.libraries import load_triton_first
from tests import needs

load_triton_first()  # tests of films and of models share a process

ROOT = Path(__file__).resolve().parent.parent
needs_weights, needs_animator = pytest.mark.needs("weights"), pytest.mark.needs("animator")


def pytest_configure(config):
    needs.required()  # a wrong name is said at once


def pytest_runtest_setup(item):
    needs.check(item)


def tone(seconds: float, rate: int = 16000, frequency: float = 220.0) -> np.ndarray:
    """(N,) a tone with a slow swell, well below full scale."""
    time = np.arange(round(seconds * rate)) / rate
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * time)
    return (0.3 * swell * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def write_sound(path: Path, seconds: float = 1.0, rate: int = 16000, **options) -> Path:
    """Write a tone to a file of whatever kind the suffix says."""
    sf.write(path, tone(seconds, rate), rate, **options)
    return path


@pytest.fixture
def sound(tmp_path) -> Path:
    return write_sound(tmp_path / "speech.wav", 1.5)


class FakeEncoder:
    """Mean level of every 20 ms as the only feature."""

    sha256 = "encoder"
    precision = "fp32"

    def store(self, blocks, progress=silent, expected=0):
        samples = np.concatenate(list(blocks))
        frames = math.ceil(len(samples) / 320)
        padded = np.pad(np.abs(samples), (0, frames * 320 - len(samples)))
        progress("listening", frames, expected)
        return padded.reshape(frames, 1, 320).mean(axis=2, keepdims=True)

    encode = store


class FakeDiarizer:
    """Happy in the first half, sad in the second, intensity 0.5.

    With a voice: happy throughout if the recording is louder than its speaker's mean, else sad throughout.
    """

    sha256 = "diarizer"
    adapts, encoder = True, None
    classes = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    trained_on = ()

    def __init__(self):
        self.decoding = {"min_duration": 0.2, "switch_cost": 1.0}

    def voice(self, features):
        import torch

        from sedtalker_cli.model.diarizer import Voice

        levels = torch.as_tensor(features)[:, 0].float()
        return Voice(levels.sum(0), (levels**2).sum(0), len(features), torch.zeros(7), 1)

    def speech(self, features):
        return np.ones(len(features), np.float32)

    def predict(self, features, voice=None):
        posteriors = np.full((len(features), 7), 0.05, np.float32)
        half = len(features) // 2
        if voice is not None:
            half = len(features) if np.mean(features) > float(voice.total) / voice.frames else 0
        posteriors[:half, 3] = posteriors[half:, 5] = 0.7
        return posteriors, np.full(len(features), 0.5, np.float32)


class FakeAnimator:
    """Jaw from the level, smile from p(happy) x intensity."""

    kind = "animator"
    sha256 = "animator"
    encoder = None
    classes = FakeDiarizer.classes

    def map_posteriors(self, posteriors, classes):
        assert tuple(classes) == FakeDiarizer.classes
        return posteriors

    def predict(self, features, posteriors, intensity, duration, fps):
        frames = max(1, round(duration * fps))
        place = np.minimum((np.arange(frames) / fps / 0.02).astype(int), len(features) - 1)
        weights = np.zeros((frames, 52), np.float32)
        weights[:, 17] = np.clip(np.asarray(features)[place, 0, 0] * 3, 0, 1)
        weights[:, 23] = posteriors[place, 3] * intensity[place]
        return weights

    def perform(self, features, posteriors, intensities, duration, fps):
        return [self.predict(features, posteriors, intensity, duration, fps) for intensity in intensities]


@pytest.fixture
def fake_models(monkeypatch):
    """Let `Pipeline.load` give a pipeline of fakes; everything around the models is real."""
    from sedtalker_cli import pipeline

    def load(options=None, **changes):
        return pipeline.Pipeline(FakeEncoder(), FakeDiarizer(), FakeAnimator, "cpu")

    monkeypatch.setattr(pipeline.Pipeline, "load", staticmethod(load))
    monkeypatch.setattr("sedtalker_cli.model.weights.known_emotions", lambda diarizer=None: FakeDiarizer.classes)
    return load()


def run_cli(*arguments, cwd: Path | None = None, environment: dict | None = None) -> subprocess.CompletedProcess:
    """The command in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2", **(environment or {})}
    command = [sys.executable, "-m", "sedtalker_cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)


def tree(folder: Path) -> list[str]:
    """All files below a folder, hidden ones included."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) if folder.exists() else []


@pytest.fixture
def heard_as_loud_as_recorded(monkeypatch):
    """For fakes that tell emotions by loudness: models hear all at one level, and no frame of theirs is like speech."""
    monkeypatch.setattr("sedtalker_cli.pipeline.level_gain", lambda level: 1.0)
    monkeypatch.setattr("sedtalker_cli.evaluation.diarization.listening.levelled", lambda waveform: waveform)
    monkeypatch.setattr("sedtalker_cli.model.diarizer.is_speech", lambda *_: True)
