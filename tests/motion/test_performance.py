"""Acted expression on a synthetic voice: it moves with the voice as real faces do, and never stands still."""

import tracemalloc

import numpy as np
import pytest

from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.expression.ranges import LEADING, WANTED
from sedtalker_cli.evaluation.metrics.dynamics import measure_dynamics
from sedtalker_cli.evaluation.metrics.expression import coefficient
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.motion.performance import Delivery, act, perform
from sedtalker_cli.motion.temper import temper_of

FPS = 30
SECONDS = 40


def voice(seconds: float = SECONDS, fps: float = FPS) -> Delivery:
    """Phrases of two to four seconds with pauses of half a second between them, four syllables a second."""
    time = np.arange(round(seconds * fps)) / fps
    rng = np.random.default_rng(1)
    activity, start = np.zeros(len(time)), 0.6
    while start < seconds:
        end = start + rng.uniform(2.0, 4.0)
        activity[(time >= start) & (time < end)] = 1.0
        start = end + 0.5
    knots = np.arange(0, seconds + 1, 0.3)  # some syllables are stressed, most are not
    sizes = np.interp(time, knots, rng.choice([0.4, 0.55, 1.0], len(knots), p=[0.35, 0.35, 0.3]))
    loudness = activity * sizes * (0.85 + 0.15 * np.cos(2 * np.pi * 4 * time) ** 2)
    pitch = np.where(loudness > 0.15, 12 + 8 * sizes, np.nan)
    return Delivery(loudness, pitch, activity)


def mood(emotion: str, frames: int, intensity: float = 1.0) -> tuple:
    posteriors = np.zeros((frames, len(EMOTIONS)))
    posteriors[:, EMOTIONS.index(emotion)] = 1.0
    return posteriors, np.full(frames, 0.0 if emotion == "neutral" else intensity), EMOTIONS, FPS


def acted(emotion: str, seed: int = 0, intensity: float = 1.0, delivery: Delivery | None = None) -> np.ndarray:
    delivery = delivery or voice()
    return perform(*mood(emotion, len(delivery.activity), intensity), delivery, seed)


@pytest.mark.parametrize("emotion", LEADING)
def test_leading_coefficients_move_as_those_of_real_faces(emotion):
    delivery = voice()
    speaking = delivery.activity > 0.5
    for name in LEADING[emotion]:
        runs = [
            measure_dynamics(coefficient(acted(emotion, seed), name), FPS, delivery.loudness, speaking)
            for seed in range(6)
        ]
        for measure, (least, most) in WANTED.items():
            value = np.mean([getattr(run, measure) for run in runs])
            assert least <= value <= most, (name, measure, value)
        assert np.mean([run.apex for run in runs]) > 0.65


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_no_coefficient_that_takes_part_is_constant_over_speech(emotion):
    delivery = voice()
    curves = acted(emotion)[delivery.activity > 0.5]
    used = curves.max(0) > 0.01
    assert used.any()
    assert (curves.std(0)[used] > 0.1 * curves.mean(0)[used]).all()


def test_long_silence_sinks_to_a_rest_of_the_same_emotion():
    speech, still = voice(8), np.zeros(FPS * 12)
    delivery = Delivery(*(np.concatenate([x, still]) for x in (speech.loudness, speech.pitch, speech.activity)))
    brow = np.mean([coefficient(acted("angry", s, delivery=delivery), "browDown") for s in range(6)], axis=0)
    spoken, silent = brow[30 : 8 * FPS].mean(), brow[-5 * FPS :].mean()
    assert 0.4 * spoken < silent < 0.9 * spoken


def test_stress_raises_the_brows_and_sharpens_the_sneer():
    delivery = voice()
    stress = delivery.prominence(FPS)
    for emotion, name in (("neutral", "browOuterUp"), ("happy", "browOuterUp"), ("angry", "noseSneer")):
        curve = coefficient(acted(emotion), name)
        assert curve[stress > 0.3].mean() > curve[(stress < 0.05) & (delivery.activity > 0.5)].mean()


def test_intensity_scales_and_normal_acting_lies_between():
    sizes = [coefficient(acted("sad", intensity=i), "mouthFrown").mean() for i in (0.0, 0.25, 0.5, 1.0)]
    assert sizes[0] == 0
    assert (np.diff(sizes) > 0).all()


def test_left_and_right_differ_a_little():
    curves = acted("happy")
    left, right = curves[:, ARKIT_INDEX["mouthSmileLeft"]], curves[:, ARKIT_INDEX["mouthSmileRight"]]
    share = np.abs(left - right) / left
    assert 0.005 < share.mean() < 0.2
    assert (left - right).std() > 0.002  # and the difference drifts


def test_seed_decides_and_what_comes_much_later_does_not_matter():
    assert np.array_equal(acted("fear", 3), acted("fear", 3))
    assert np.abs(acted("fear", 3) - acted("fear", 4)).max() > 0.1
    whole = voice()
    cut = Delivery(*(x[: 20 * FPS] for x in (whole.loudness, whole.pitch, whole.activity)))
    early = 12 * FPS
    assert np.abs(acted("fear", delivery=cut)[:early] - acted("fear", delivery=whole)[:early]).max() < 0.01


def test_frame_rate_samples_the_same_performance():
    slow, fast = voice(10, 30), voice(10, 60)
    posteriors = np.tile(np.eye(len(EMOTIONS))[EMOTIONS.index("angry")], (600, 1))
    curves = perform(posteriors, np.ones(600), EMOTIONS, 60, fast)[::2]
    assert np.abs(curves - acted("angry", delivery=slow)).mean() < 0.02


def test_closed_lips_stay_closed_and_pauses_part_them():
    delivery = voice()
    speech = np.zeros((len(delivery.activity), len(ARKIT_NAMES)), np.float32)
    jaw = ARKIT_INDEX["jawOpen"]
    speech[:, jaw] = 0.3 * (delivery.activity > 0.5)
    stop = slice(5 * FPS, 5 * FPS + 3)
    speech[stop, jaw] = 0.0
    weights = act(speech, *mood("happy", len(speech)), delivery)
    assert weights[stop, jaw].max() < 0.03
    assert weights.min() >= 0 and weights.max() <= 1


def test_an_unknown_class_is_named():
    delivery = voice(2)
    frames = len(delivery.activity)
    with pytest.raises(InputError, match="'bored'"):
        perform(np.ones((frames, 1)), np.ones(frames), ("bored",), FPS, delivery)
    with pytest.raises(InputError, match="do not fit"):
        perform(np.ones((9, 7)) / 7, np.ones(9), EMOTIONS, FPS, delivery)


def test_temper_knows_the_emotion_and_neutral_changes_nothing():
    tempers = {emotion: temper_of(*mood(emotion, 60)) for emotion in EMOTIONS}
    assert np.allclose(tempers["neutral"].blinks, 1) and np.allclose(tempers["neutral"].pitch, 0)
    assert tempers["fear"].blinks.max() < 0.5 > tempers["surprise"].blinks.max()
    assert tempers["sad"].slowness.min() > 1.3 and tempers["sad"].lowered.min() > 0.1 and tempers["sad"].pitch.min() > 3
    assert tempers["angry"].wandering.max() < 0.6 and tempers["angry"].forward.min() > 0.005


def test_a_long_recording_takes_little_memory_a_frame():
    frames = 5000
    delivery = Delivery(np.full(frames, 0.5), np.full(frames, 10.0), np.ones(frames))
    speech = np.full((frames, len(ARKIT_NAMES)), 0.1, np.float32)
    posteriors, intensity, classes, fps = mood("angry", frames)
    tracemalloc.start()
    try:
        act(speech, posteriors, intensity, classes, fps, delivery)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most / frames < 10 * 8 * len(ARKIT_NAMES)  # ten times what its coefficients take
