"""Clips as people record them, silence at the ends of joined ones, and where speech is heard in clean sound."""

from pathlib import Path

import numpy as np
import pytest

from sedtalker_cli.data.augment import at_ratio, babble
from sedtalker_cli.data.composites import Composite, Turn, loud_frames, with_silent_ends
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.data.recorded import worn
from tests.training.recordings import RATE, buzz


def voice(seconds: float = 1.0, seed: int = 0) -> np.ndarray:
    return buzz(180, seconds, seed)


def test_loud_frames_are_within_reach_of_the_loudest():
    tone = np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE).astype(np.float32)
    levels = np.repeat([1.0, 0.1, 0.03, 0.01, 0.0], RATE // 5)  # 0, -20, -30, -40 dB, nothing
    assert loud_frames(levels * tone).tolist() == [True] * 30 + [False] * 20
    assert loud_frames(0.01 * levels * tone).tolist() == [True] * 30 + [False] * 20  # whatever the level
    assert len(loud_frames(tone[:321])) == 2
    assert not loud_frames(np.zeros(1000, np.float32)).any()
    assert not loud_frames(1e-6 * tone).any()  # a converter's dust


def test_worn_sound_is_reproducible_and_its_frames_fit():
    seen = {"longer": 0, "faster": 0, "louder": 0}
    for seed in range(40):
        found, speech = worn(voice(), np.random.default_rng(seed), [voice(0.3, 1)])
        again, _ = worn(voice(), np.random.default_rng(seed), [voice(0.3, 1)])
        np.testing.assert_array_equal(found, again)
        assert found.dtype == np.float32 and np.abs(found).max() <= 1 and np.isfinite(found).all()
        assert speech.dtype == bool and len(speech) == -(-len(found) // 320)
        assert 20 <= speech.sum() <= 60 or len(found) > 1.2 * RATE  # a second of speech at 0.87 to 1.15 of its speed
        seen["longer"] += len(found) > 1.2 * RATE
        seen["faster"] += len(found) < RATE
        seen["louder"] += np.abs(found).max() > np.abs(voice()).max()
    assert all(seen.values())


def test_worn_speech_is_where_it_was_in_the_clean_sound():
    """Noise and rooms over digital silence change nothing of what counts as speech."""
    sound = np.concatenate([np.zeros(RATE // 2, np.float32), voice()])

    class Still:
        """No change of speed, no edges, no telephone; a room and noise at 5 dB."""

        def __init__(self):
            self.noise, self.draws = np.random.default_rng(0), iter([1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0])

        def random(self):
            return next(self.draws)

        def uniform(self, low, high):
            return low

        def standard_normal(self, size):
            return self.noise.standard_normal(size)

    found, speech = worn(sound, Still())
    np.testing.assert_array_equal(speech, loud_frames(sound))
    assert not speech[:25].any() and np.std(found[: RATE // 2]) > 1e-3


def test_noise_at_a_ratio_to_speech():
    rng = np.random.default_rng(0)
    speech = np.arange(RATE) >= RATE // 2
    sound = np.where(speech, voice(), 0)
    added = at_ratio(sound, rng.standard_normal(RATE), 12.0, speech) - sound
    ratio = 10 * np.log10(np.mean(sound[speech] ** 2) / np.mean(added**2))
    assert ratio == pytest.approx(12, abs=0.01)
    whole = at_ratio(sound, rng.standard_normal(RATE), 12.0, np.zeros(RATE, bool)) - sound
    assert 10 * np.log10(np.mean(sound**2) / np.mean(whole**2)) == pytest.approx(12, abs=0.01)


@pytest.mark.parametrize("samples", [1, 500, 3 * RATE])
def test_babble_is_as_long_as_asked(samples):
    voices = [voice(0.4, 1), 10 * voice(0.7, 2)[:7000]]
    found = babble(samples, voices, np.random.default_rng(0))
    assert found.shape == (samples,) and np.isfinite(found).all() and found.any()
    assert np.array_equal(found, babble(samples, voices, np.random.default_rng(0)))


def joined() -> Composite:
    calm, glad = (Utterance(Path(f"{name}.wav"), "ravdess", "1", name) for name in ("neutral", "happy"))
    return Composite(voice(1.0), (Turn(0.0, 0.4, calm), Turn(0.4, 0.6, glad)))


def test_silent_ends_move_the_turns_with_the_sound():
    ends = []
    for seed in range(30):
        found = with_silent_ends(joined(), np.random.default_rng(seed), 1.5)
        start = found.turns[1].onset - 0.4
        first = round(start * RATE)
        np.testing.assert_array_equal(found.waveform[first : first + RATE], joined().waveform)
        assert found.turns[0].onset == 0 and found.turns[0].duration == pytest.approx(start + 0.4)
        assert found.turns[1].onset + found.turns[1].duration == pytest.approx(found.duration)
        assert [t.utterance.label for t in found.turns] == ["neutral", "happy"]
        tail = found.duration - start - 1
        assert 0 <= start <= 1.5 and -1e-9 <= tail <= 1.5
        silence = np.concatenate([found.waveform[:first], found.waveform[first + RATE :]])
        ends.append((start > 0, tail > 1e-9, bool(silence.any())))
    assert {one for one, _, _ in ends} == {other for _, other, _ in ends} == {True, False}
    assert {hiss for one, other, hiss in ends if one or other} == {True, False}  # of a room, and digital


def test_silent_ends_of_a_single_turn():
    whole = Composite(voice(1.0), (Turn(0.0, 1.0, joined().turns[0].utterance),))
    found = next(
        c for c in (with_silent_ends(whole, np.random.default_rng(seed), 1.0) for seed in range(30)) if c.duration > 1.5
    )
    (turn,) = found.turns
    assert (turn.onset, turn.duration) == (0, pytest.approx(found.duration))
