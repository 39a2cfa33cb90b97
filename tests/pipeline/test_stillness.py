"""The bundled animator on what is not speech: the mouth rests, and does not chatter."""

import numpy as np
import pytest

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.face.head import load_head
from sedtalker_cli.face.regions import CLOSED, lip_gap
from sedtalker_cli.motion.lips import speech_activity
from tests.conftest import ROOT, needs_animator

SECONDS = 6
TIME = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE


def noise(low: float, high: float, seed: int = 0) -> np.ndarray:
    """Noise of deviation 1 between two frequencies in Hz."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(TIME)))
    frequency = np.fft.rfftfreq(len(TIME), 1 / SAMPLE_RATE)
    sound = np.fft.irfft(spectrum * ((frequency >= low) & (frequency < high)), len(TIME))
    return sound / sound.std()


def chords() -> np.ndarray:
    """Two struck chords a second, six partials a tone."""
    rng, sound = np.random.default_rng(0), np.zeros(len(TIME))
    for onset in np.arange(0, SECONDS, 0.5):
        since = np.maximum(TIME - onset, 0)
        root = 110 * 2 ** (rng.integers(12) / 12)
        for pitch in root * 2 ** (np.array([0, 4, 7, 12]) / 12):
            for k in range(1, 7):
                sound += (since > 0) * np.exp(-since / 0.6) * np.sin(2 * np.pi * k * pitch * since) / k
    return 0.3 * sound / np.abs(sound).max()


def breath() -> np.ndarray:
    """Three breaths: noise of 1.2 s that swells and fades, every 2 s."""
    return 0.05 * noise(500, 4000) * np.sin(np.pi * TIME / 1.2) ** 2 * (TIME % 2 < 1.2)


def laughter() -> np.ndarray:
    """Twenty voiced bursts, five a second, with breath between them."""
    inside = ((TIME > 0.5) & (TIME < 2.5)) | ((TIME > 3.5) & (TIME < 5.5))
    beat = (TIME - 0.5) % 0.2
    voiced = inside & (beat < 0.1)
    pulses = sum(np.sin(2 * np.pi * 240 * k * TIME) / k for k in (1, 2, 3, 4, 5, 8, 11))
    return 0.2 * pulses * voiced * np.sin(np.pi * beat / 0.1) + 0.02 * noise(500, 4000) * inside


def openings(gap: np.ndarray) -> int:
    """How often the lips come clearly apart, each time from being closed."""
    wide, shut = np.flatnonzero(gap > 2 * CLOSED), np.flatnonzero(gap < CLOSED)
    return len(np.unique(np.searchsorted(shut, wide)))


@pytest.fixture(scope="module")
def animate():
    from sedtalker_cli.model.animator import Animator
    from sedtalker_cli.model.encoder import SpeechEncoder

    encoder = SpeechEncoder.load(ROOT / "weights" / "encoder")
    animator = Animator.load(ROOT / "weights" / "animator")

    def run(waveform: np.ndarray) -> np.ndarray:
        """Neutral motion (T, 52) at 50 frames a second."""
        features = encoder.encode([np.asarray(waveform, np.float32)])
        posteriors = np.zeros((len(features), len(animator.classes)), np.float32)
        posteriors[:, animator.classes.index("neutral")] = 1
        return animator.predict(features, posteriors, posteriors[:, 0] * 0, len(waveform) / SAMPLE_RATE, 50)

    return run


SOUNDS = {
    "silence": np.zeros_like(TIME),
    "low noise": 0.001 * noise(20, 8000),
    "noise": 0.05 * noise(20, 2000),
    "chords": chords(),
}


@needs_animator
@pytest.mark.parametrize("name", SOUNDS)
def test_mouth_rests(animate, name):
    head, weights = load_head(), animate(SOUNDS[name])
    assert lip_gap(head.vertices(weights), head).max() < CLOSED
    assert speech_activity(weights, 50, head).mean() < 0.1


@needs_animator
@pytest.mark.parametrize(("sound", "most"), [(breath, 3), (laughter, 10)])
def test_mouth_may_open_and_does_not_chatter(animate, sound, most):
    """At most once a breath; in laughter not for every burst."""
    head = load_head()
    assert openings(lip_gap(head.vertices(animate(sound())), head)) <= most


@needs_animator
def test_speech_moves_the_mouth(animate):
    """What rests in noise does speak."""
    head, weights = load_head(), animate(load_audio(ROOT / "examples" / "party.flac")[: SECONDS * SAMPLE_RATE])
    gap = lip_gap(head.vertices(weights), head)
    assert openings(gap) >= 5
    assert speech_activity(weights, 50, head).mean() > 0.7
