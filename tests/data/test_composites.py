"""Joined recordings: whose clips, in which order, with which boundaries; changes to the sound that keep the label."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sedtalker_cli.data import augment as sound
from sedtalker_cli.data.composites import PATTERNS, Composite, CompositeSampler, join, rms
from sedtalker_cli.data.corpora import Utterance

RATE = 16_000
EMOTIONAL = ("angry", "happy", "sad")


def utterance(corpus="ravdess", speaker="01", emotion="happy", number=0) -> Utterance:
    return Utterance(Path(f"{corpus}/{speaker}/{emotion}-{number}.wav"), corpus, speaker, emotion)


def corpus_of(sizes: dict[str, int], speakers=2, emotions=("neutral", *EMOTIONAL)) -> list[Utterance]:
    """`sizes[corpus]` recordings of every emotion of every speaker."""
    return [
        utterance(corpus, str(speaker), emotion, number)
        for corpus, size in sizes.items()
        for speaker in range(speakers)
        for emotion in emotions
        for number in range(size)
    ]


def noise_of(u: Utterance) -> np.ndarray:
    """Half a second to a second of noise, the same for the same recording."""
    rng = np.random.default_rng(sum(str(u.path).encode()))
    return (0.1 * rng.standard_normal(rng.integers(RATE // 2, RATE))).astype(np.float32)


def sampler(utterances=None, load=noise_of, **options) -> CompositeSampler:
    return CompositeSampler(utterances or corpus_of({"ravdess": 2, "emodb": 3}), load, **options)


def emotions_of(composite: Composite) -> tuple[str, ...]:
    return tuple(turn.utterance.emotion for turn in composite.turns)


def assert_tiled(composite: Composite) -> None:
    assert composite.turns[0].onset == 0
    for first, second in pairwise(composite.turns):
        assert first.duration > 0
        assert first.onset + first.duration == pytest.approx(second.onset, abs=1e-9)
    last = composite.turns[-1]
    assert last.duration > 0 and last.onset + last.duration == pytest.approx(composite.duration, abs=1e-9)
    assert composite.duration == len(composite.waveform) / RATE


# --- the sampler


def test_same_numbers_same_composite():
    first, second = sampler(seed=3), sampler(seed=3)
    second.draw(5, 5)  # what was drawn before does not matter
    for epoch, index in ((0, 0), (0, 1), (7, 123)):
        a, b = first.draw(epoch, index), second.draw(epoch, index)
        assert np.array_equal(a.waveform, b.waveform) and a.turns == b.turns


def test_other_numbers_other_composite():
    drawn = [sampler(seed=s).draw(e, i).waveform for s, e, i in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert len({x.tobytes() for x in drawn}) == 4


@pytest.mark.parametrize("augmentation", [0, 1])
def test_turns_tile_the_recording_and_belong_to_one_speaker(augmentation):
    source = sampler(augmentation=augmentation)
    for index in range(60):
        composite = source.draw(0, index)
        assert_tiled(composite)
        assert composite.waveform.dtype == np.float32 and np.abs(composite.waveform).max() <= 1
        assert len({(t.utterance.corpus, t.utterance.speaker) for t in composite.turns}) == 1


@pytest.mark.parametrize(("kind", "shape"), [("single", "?"), ("NE", "NE"), ("EN", "EN"), ("NEN", "NEN"), ("EE", "E?")])
def test_patterns_give_their_order(kind, shape):
    source = sampler(augmentation=0, patterns={kind: 1.0})
    seen = set()
    for index in range(60):
        emotions = emotions_of(source.draw(0, index))
        seen.add(emotions)
        assert len(emotions) == len(shape)
        for emotion, letter in zip(emotions, shape, strict=True):
            assert letter == "?" or (letter == "N") == (emotion == "neutral")
        assert all(a != b for a, b in pairwise(emotions))
    assert {e for emotions in seen for e in emotions} == {"neutral", *EMOTIONAL}


def test_chains_change_at_every_join_and_have_the_asked_number_of_clips():
    source = sampler(augmentation=0, patterns={"chain": 1.0}, chain=(3, 5))
    drawn = [emotions_of(source.draw(0, index)) for index in range(80)]
    assert {len(e) for e in drawn} == {3, 4, 5}
    assert all(a != b for emotions in drawn for a, b in pairwise(emotions))


def test_patterns_come_in_their_proportion():
    source = sampler(augmentation=0, load=lambda u: np.full(RATE // 2, 0.1, np.float32))
    counts = Counter(len(source.draw(0, index).turns) for index in range(600))
    assert counts[1] / 600 == pytest.approx(PATTERNS["single"], abs=0.06)
    assert counts[2] / 600 == pytest.approx(PATTERNS["NE"] + PATTERNS["EN"] + PATTERNS["EE"], abs=0.06)


def test_speakers_without_emotion_or_without_neutral():
    neutral_only = sampler(corpus_of({"librispeech": 3}, emotions=("neutral",)), augmentation=0)
    assert {emotions_of(neutral_only.draw(0, i)) for i in range(40)} == {("neutral",), ("neutral", "neutral")}
    no_neutral = sampler(corpus_of({"ravdess": 3}, emotions=EMOTIONAL), augmentation=0, patterns={"NEN": 1.0})
    for index in range(20):
        first, second, third = emotions_of(no_neutral.draw(0, index))
        assert first == third != second
    single = sampler(corpus_of({"ravdess": 3}, emotions=("sad",)), augmentation=0, patterns={"EE": 1.0, "chain": 1.0})
    assert {e for i in range(20) for e in emotions_of(single.draw(0, i))} == {"sad"}


def test_calm_and_bored_count_as_neutral():
    source = sampler(corpus_of({"ravdess": 2}, emotions=("calm", "sad")), augmentation=0, patterns={"NE": 1.0})
    assert {emotions_of(source.draw(0, i)) for i in range(10)} == {("calm", "sad")}


@pytest.mark.parametrize(("temperature", "share"), [(0.0, 0.5), (0.5, 0.75), (1.0, 0.9)])
def test_corpora_are_drawn_by_tempered_size(temperature, share):
    source = sampler(corpus_of({"tess": 9, "emodb": 1}), temperature=temperature)
    assert dict(zip(source.corpora, source.corpus_weights, strict=True))["tess"] == pytest.approx(share)
    source = sampler(
        corpus_of({"tess": 9, "emodb": 1}),
        lambda u: np.full(RATE // 2, 0.1, np.float32),
        temperature=temperature,
        augmentation=0,
        patterns={"single": 1.0},
    )
    drawn = Counter(source.draw(0, i).turns[0].utterance.corpus for i in range(400))
    assert drawn["tess"] / 400 == pytest.approx(share, abs=0.07)


@pytest.mark.parametrize("limit", [0.7, 1.5, 3.0])
def test_longest_recording(limit):
    source = sampler(augmentation=0, patterns={"chain": 1.0}, max_seconds=limit)
    for index in range(30):
        composite = source.draw(0, index)
        assert composite.duration <= limit
        assert_tiled(composite)
        if len(composite.turns) > 1:
            assert composite.turns[-1].duration >= 0.2  # a shorter rest of a clip is no turn of its own


def test_sampling_does_not_change_the_clips():
    clips = {}

    def load(u):
        clips.setdefault(u.path, noise_of(u))
        return clips[u.path]

    source = sampler(load=load)
    for index in range(20):
        source.draw(0, index)
    assert len(clips) > 5
    for path, clip in clips.items():
        u = next(u for u in corpus_of({"ravdess": 2, "emodb": 3}) if u.path == path)
        assert np.array_equal(clip, noise_of(u))


# --- joins


def constant(level: float, seconds: float) -> np.ndarray:
    return np.full(round(seconds * RATE), level, np.float32)


def three(levels=(0.1, 0.5, 0.2)):
    clips = [constant(level, seconds) for level, seconds in zip(levels, (1.0, 0.6, 0.8), strict=True)]
    return clips, [utterance(emotion=e) for e in ("neutral", "happy", "sad")]


def test_boundaries_lie_in_the_middle_of_the_fades():
    clips, utterances = three()
    composite = join(clips, utterances, np.random.default_rng(0), 60, match_loudness=False, pauses=0)
    fade = round(0.02 * RATE)
    assert len(composite.waveform) == sum(map(len, clips)) - 2 * fade
    assert_tiled(composite)
    assert emotions_of(composite) == ("neutral", "happy", "sad")
    for turn, level in zip(composite.turns, (0.1, 0.5, 0.2), strict=True):
        start, stop = round(turn.onset * RATE), round((turn.onset + turn.duration) * RATE)
        inside = slice(start + fade // 2 + 1 if start else 0, stop - fade // 2 - 1 if turn.onset < 1.4 else stop)
        np.testing.assert_allclose(composite.waveform[inside], level, atol=1e-6)
    for (first, second), (a, b) in zip(pairwise(composite.turns), ((0.1, 0.5), (0.5, 0.2)), strict=True):
        edge = round(second.onset * RATE)
        assert first.utterance != second.utterance
        assert composite.waveform[edge] == pytest.approx((a + b) / 2, abs=0.01)
        assert np.abs(np.diff(composite.waveform[edge - fade : edge + fade])).max() < 2 * abs(a - b) / fade


def test_boundaries_lie_in_the_middle_of_pauses():
    clips, utterances = three()
    composite = join(clips, utterances, np.random.default_rng(0), 60, match_loudness=False, pauses=1)
    assert_tiled(composite)
    quiet = np.flatnonzero(np.abs(composite.waveform) < 0.01)
    groups = np.split(quiet, np.flatnonzero(np.diff(quiet) > RATE // 10) + 1)
    assert len(groups) == 2
    for group, turn in zip(groups, composite.turns[1:], strict=True):
        length = (group[-1] - group[0]) / RATE
        assert 0.05 <= length <= 0.45
        assert (group[0] + group[-1]) / 2 / RATE == pytest.approx(turn.onset, abs=0.01)
        assert rms(composite.waveform[group]) > 1e-5  # never digital silence, which gives joins away


@pytest.mark.parametrize("level", [0.1, 0.02])
def test_loudness_is_matched_to_the_first_clip(level):
    clips, utterances = three((level, 0.5, 0.01))
    matched = join(clips, utterances, np.random.default_rng(0), 60, match_loudness=True, pauses=0).waveform
    expected = [level, max(level, 0.05), min(level, 0.1)]  # by a factor of ten at most
    for place, wanted in zip((0.5, 1.3, 2.0), expected, strict=True):
        assert matched[round(place * RATE)] == pytest.approx(wanted, rel=1e-4)


def test_very_short_and_silent_clips_can_be_joined():
    clips = [constant(0.0, 0.5), constant(0.3, 0.3), np.full(1, 0.2, np.float32)]
    composite = join(clips, three()[1], np.random.default_rng(0), 60)
    assert np.isfinite(composite.waveform).all()
    assert_tiled(composite)


def test_root_mean_square():
    assert rms(np.array([3.0, -4.0], np.float32)) == pytest.approx(np.sqrt(12.5))
    assert rms(np.zeros(10, np.float32)) > 0


# --- changes to the sound


def tone(frequency: float, seconds: float = 1.0, level: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def peak_frequency(x: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    return float(spectrum.argmax() * RATE / len(x))


def level_db(x: np.ndarray) -> float:
    return 20 * np.log10(rms(x))


def test_augmentation_keeps_length_and_range():
    changed = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = noise_of(utterance(number=seed))
        y = sound.augment(x, rng)
        assert y.shape == x.shape and y.dtype == np.float32
        assert np.isfinite(y).all() and np.abs(y).max() <= 1
        changed += not np.array_equal(x, y)
    assert changed > 30


def test_augmentation_of_strength_zero_changes_nothing():
    for seed in range(10):
        x = tone(200)
        assert np.array_equal(sound.augment(x, np.random.default_rng(seed), 0.0), x)


def test_augmentation_keeps_the_timing():
    """A burst in silence stays where it is."""
    x = np.zeros(2 * RATE, np.float32)
    x[RATE : RATE + 800] = tone(1000, 0.05)
    for seed in range(40):
        y = sound.augment(x, np.random.default_rng(seed))
        energy = np.convolve(y.astype(np.float64) ** 2, np.ones(800), "valid")
        assert abs(int(energy.argmax()) - RATE) < RATE // 50, seed


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.18])
def test_speed_changes_length_and_pitch(factor):
    y = sound.change_speed(tone(400), factor)
    assert len(y) == pytest.approx(RATE / round(factor, 2), rel=0.001)
    assert peak_frequency(y) == pytest.approx(400 * factor, rel=0.01)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_another_voice_keeps_the_length_and_shifts_the_pitch(factor):
    x = tone(400) * np.repeat([0, 1, 0, 1], RATE // 4).astype(np.float32)
    y = sound.shift_voice(x, factor)
    assert y.shape == x.shape and y.dtype == np.float32
    assert peak_frequency(y) == pytest.approx(400 * factor, rel=0.03)
    quarters = [rms(part[800:-800]) for part in np.split(y, 4)]
    assert min(quarters[1], quarters[3]) > 5 * max(quarters[0], quarters[2])


@pytest.mark.parametrize("snr", [0, 20])
def test_noise_comes_at_its_ratio(snr):
    x = tone(500)
    noise = sound.add_noise(x, snr, np.random.default_rng(0)) - x
    assert level_db(x) - level_db(noise) == pytest.approx(snr, abs=0.01)


def test_reverberation_rings_after_the_sound_and_not_before():
    x = np.zeros(RATE, np.float32)
    x[4000] = 1
    y = sound.reverberate(x, 0.4, 6.0, np.random.default_rng(0))
    assert len(y) == len(x)
    assert np.abs(y[:4000]).max() < 1e-6 and y[4000] == pytest.approx(1)
    tail = y[4001:]
    assert 10 * np.log10(1 / np.sum(tail**2)) == pytest.approx(6.0, abs=0.01)
    early, late = np.sum(tail[:1600] ** 2), np.sum(tail[4800:6400] ** 2)
    assert early > 100 * late > 0


def test_band_limit_takes_away_what_lies_outside():
    inside, below, above = (rms(sound.band_limit(tone(f), 300, 3000)) / rms(tone(f)) for f in (1000, 60, 7000))
    assert inside > 0.9 and below < 0.1 and above < 0.2


def test_mu_law_adds_little_noise():
    x = tone(300)
    y = sound.mu_law(x)
    assert 25 < level_db(x) - level_db(y - x) < 50
    assert np.array_equal(sound.mu_law(np.zeros(10, np.float32)), np.zeros(10))


# --- marked spans, and recordings without an emotion


def marked(*segments) -> Utterance:
    return Utterance(Path("zed/1_1.wav"), "zed", "1", "angry", segments=segments)


def spans_of(composite: Composite) -> list[tuple[float, float, str | None]]:
    return [(round(t.onset, 3), round(t.onset + t.duration, 3), t.utterance.emotion) for t in composite.turns]


def test_marked_spans_become_turns_and_the_rest_is_neutral():
    rng, clip = np.random.default_rng(0), constant(0.1, 3.0)
    alone = join([clip], [marked((0.5, 1.25, "angry"), (2.0, 9.0, "angry"))], rng, 60)
    assert spans_of(alone) == [(0, 0.5, "neutral"), (0.5, 1.25, "angry"), (1.25, 2.0, "neutral"), (2.0, 3.0, "angry")]
    assert_tiled(alone)
    assert all(turn.utterance.segments == () for turn in alone.turns)
    calm = utterance("zed", "1", "neutral")
    after = join([constant(0.1, 1.0), clip], [calm, marked((0.5, 1.25, "angry"))], rng, 60, pauses=0)
    assert spans_of(after) == [
        (0, 0.99, "neutral"),
        (0.99, 1.48, "neutral"),
        (1.48, 2.23, "angry"),
        (2.23, 3.98, "neutral"),
    ]
    fast = join([constant(0.1, 1.5)], [marked((0.5, 1.25, "angry"))], rng, 60, speed=2.0)
    assert spans_of(fast) == [(0, 0.25, "neutral"), (0.25, 0.625, "angry"), (0.625, 1.5, "neutral")]
    cut = join([clip], [marked((0.5, 1.25, "angry"))], rng, 1.0)
    assert spans_of(cut) == [(0, 0.5, "neutral"), (0.5, 1.0, "angry")]


def test_spans_follow_the_speed_that_was_drawn():
    """A recording whose marked half is loud: whatever the speed, the loud part is labelled."""
    clip = np.concatenate([constant(0.01, 1.0), constant(0.4, 1.0)])
    source = sampler([marked((1.0, 2.0, "angry"))], lambda u: clip, patterns={"single": 1.0}, augmentation=1e-9)
    lengths = set()
    for index in range(12):
        composite = source.draw(0, index)
        lengths.add(len(composite.waveform))
        quiet, loud = composite.turns
        assert loud.onset == pytest.approx(composite.duration / 2, abs=0.01) and loud.utterance.emotion == "angry"
        assert quiet.utterance.emotion == "neutral"
    assert len(lengths) > 4


def test_spans_that_overlap_or_are_empty():
    parts = marked((1.0, 2.0, "angry"), (1.5, 2.5, "sad"), (0.2, 0.2, "happy")).parts(2.5)
    assert [(a, b, u.label) for a, b, u in parts] == [(0, 1, "neutral"), (1, 2, "angry"), (2, 2.5, "sad")]
    assert utterance().parts(2.5) == [(0.0, 2.5, utterance())]


def test_recordings_without_an_emotion_are_joined_with_their_like():
    words = [Utterance(Path(f"{n}.wav"), "baved", "1", None, intensity=n / 2) for n in range(3)]
    scream = Utterance(Path("s.wav"), "nonverbal", "2", None, any_of=("fear", "angry"))
    laugh = Utterance(Path("l.wav"), "nonverbal", "2", "happy")
    source = sampler([*words, scream, laugh], augmentation=0)
    drawn = [source.draw(0, index).turns for index in range(80)]
    assert {len(turns) for turns in drawn} > {1, 2, 3}
    assert {turn.utterance.path.stem for turns in drawn for turn in turns} == {"0", "1", "2", "s", "l"}
    assert all(len({turn.utterance.speaker for turn in turns}) == 1 for turns in drawn)
