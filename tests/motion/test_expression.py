"""Emotion to expression: sizes, directions, dynamics, and lips that close whatever the face feels."""

import numpy as np
import pytest

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.motion.expression import (
    articulation_gain,
    blend_expression,
    closure,
    expressed_intensity,
    expression_curves,
    keep_rhythm,
    lip_gap,
)

CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
FEELINGS = tuple(name for name in CLASSES if name != "neutral")
FPS = 30.0
# leading units with the sign of the measured difference from neutral
LEADING = {
    "angry": {"browDownLeft": 1, "noseSneerLeft": 1, "eyeWideLeft": 1},
    "disgust": {"noseSneerLeft": 1, "mouthUpperUpLeft": 1, "browDownLeft": 1, "mouthFrownLeft": 1},
    "fear": {"browInnerUp": 1, "eyeWideLeft": 1, "mouthStretchLeft": 1},
    "happy": {"mouthSmileLeft": 1, "cheekSquintLeft": 1},
    "sad": {"browInnerUp": 1, "browDownLeft": 1, "mouthFrownLeft": 1},
    "surprise": {"browInnerUp": 1, "browOuterUpLeft": 1, "eyeWideLeft": 1, "jawOpen": 1},
}


def steady(emotion: str, intensity: float, frames: int = 40) -> np.ndarray:
    posteriors = np.zeros((frames, len(CLASSES)))
    posteriors[:, CLASSES.index(emotion)] = 1.0
    return expression_curves(posteriors, np.full(frames, intensity), CLASSES, FPS)


def speech(jaw: np.ndarray) -> np.ndarray:
    mouth = np.zeros((len(jaw), len(ARKIT_NAMES)), np.float32)
    mouth[:, ARKIT_INDEX["jawOpen"]] = jaw
    return mouth


@pytest.mark.parametrize("emotion", FEELINGS)
def test_strength_grows_with_intensity(emotion):
    poses = np.stack([steady(emotion, x)[20] for x in np.linspace(0, 1, 11)])
    assert not poses[0].any()
    assert (np.diff(poses, axis=0) > -1e-6).all()
    for name in LEADING[emotion]:
        assert (np.diff(poses[:, ARKIT_INDEX[name]]) > 1e-3).all(), name


@pytest.mark.parametrize("emotion", FEELINGS)
def test_leading_units_move_as_measured(emotion):
    pose = steady(emotion, 1.0)[20]
    for name, sign in LEADING[emotion].items():
        assert sign * pose[ARKIT_INDEX[name]] > 0.05, name
    strongest = ARKIT_NAMES[int(pose.argmax())]
    assert strongest.replace("Right", "Left") in LEADING[emotion]


def test_neutral_is_zero_even_when_loud():
    posteriors = np.zeros((60, 7))
    posteriors[:, CLASSES.index("neutral")] = 1.0
    loudness = np.abs(np.sin(np.arange(60)))
    assert not expression_curves(posteriors, np.ones(60), CLASSES, FPS, loudness).any()


@pytest.mark.parametrize("intensity", [0.5, 1.0])
def test_emotions_differ_from_each_other(intensity):
    poses = [steady(name, intensity)[20] for name in FEELINGS]
    for a in range(len(poses)):
        for b in range(a):
            cosine = poses[a] @ poses[b] / np.linalg.norm(poses[a]) / np.linalg.norm(poses[b])
            assert cosine < 0.9, (FEELINGS[a], FEELINGS[b], cosine)


@pytest.mark.parametrize("emotion", FEELINGS)
def test_sides_differ_by_less_than_a_tenth(emotion):
    pose = steady(emotion, 1.0)[20]
    for name in ARKIT_NAMES:
        if name.endswith("Left") and pose[ARKIT_INDEX[name]] > 0:
            right = pose[ARKIT_INDEX[name.replace("Left", "Right")]]
            assert abs(right / pose[ARKIT_INDEX[name]] - 1.0) < 0.1


@pytest.mark.parametrize("fps", [25.0, 60.0])
def test_class_change_is_smooth_timely_and_without_overshoot(fps):
    half = round(2 * fps)
    posteriors = np.zeros((2 * half, 7))
    posteriors[:half, CLASSES.index("happy")] = 1.0
    posteriors[half:, CLASSES.index("angry")] = 1.0
    curves = expression_curves(posteriors, np.ones(2 * half), CLASSES, fps)
    assert np.abs(np.diff(curves, axis=0)).max() * fps < 6.0  # coefficient units a second
    smile, brow = curves[:, ARKIT_INDEX["mouthSmileLeft"]], curves[:, ARKIT_INDEX["browDownLeft"]]
    assert (np.diff(smile) < 1e-6).all() and (np.diff(brow) > -1e-6).all()  # no overshoot
    rise = np.searchsorted(brow, 0.9 * brow[-1]) - np.searchsorted(brow, 0.1 * brow[-1])
    assert 0.2 <= rise / fps <= 0.45
    assert abs(np.searchsorted(brow, 0.5 * brow[-1]) - half) <= 1  # no delay


def test_loud_syllables_raise_the_brows():
    loudness = np.full(120, 0.3)
    loudness[55:65] = 1.0
    posteriors = np.zeros((120, 7))
    posteriors[:, CLASSES.index("happy")] = 1.0
    with_accents = expression_curves(posteriors, np.ones(120), CLASSES, FPS, loudness)
    accent = (with_accents - steady("happy", 1.0, 120))[:, ARKIT_INDEX["browOuterUpLeft"]]
    assert 50 <= accent.argmax() <= 69 and accent.max() > 0.05
    assert accent[:20].max() < 0.02
    posteriors = posteriors[:, [CLASSES.index(n) for n in ("happy", *CLASSES[:3], *CLASSES[4:])]]
    half = expression_curves(posteriors, np.full(120, 0.5), ("happy", *CLASSES[:3], *CLASSES[4:]), FPS, loudness)
    assert (half - steady("happy", 0.5, 120))[:, ARKIT_INDEX["browOuterUpLeft"]].max() < 0.75 * accent.max()


@pytest.mark.parametrize("emotion", FEELINGS)
def test_closed_lips_stay_closed(emotion):
    jaw = np.full(90, 0.3)
    jaw[43:48] = 0.01
    mouth = speech(jaw)
    blended = blend_expression(mouth, steady(emotion, 1.0, 90), FPS)
    assert lip_gap(blended)[44:47].max() < 0.02
    assert np.corrcoef(lip_gap(blended), lip_gap(mouth))[0, 1] > 0.95
    bare = np.clip(mouth + steady(emotion, 1.0, 90), 0, 1)
    if emotion in ("fear", "surprise", "disgust"):
        assert lip_gap(bare)[45] > 0.04  # the protection had work to do


@pytest.mark.parametrize("emotion", FEELINGS)
def test_mouth_closure_of_the_shipped_head(emotion):
    from sedtalker_cli.face.head import load_head

    head = load_head()
    upper, lower = head.regions["inner_lips_upper"], head.regions["inner_lips_lower"]
    jaw = np.full(90, 0.3)
    jaw[42:49] = 0.0
    blended = blend_expression(speech(jaw), steady(emotion, 1.0, 90), FPS)

    def gap(weights):
        points = head.vertices(weights)
        return float((points[upper] - points[lower])[:, 1].max())

    open_gap = gap(speech(jaw)[10])
    assert gap(blended[45]) < gap(np.zeros(52, np.float32)) + 0.05 * open_gap
    assert gap(blended[10]) > 0.6 * open_gap


def test_expression_returns_in_silence():
    jaw = np.zeros(150)
    jaw[:40] = 0.3
    surprise = steady("surprise", 1.0, 150)
    blended = blend_expression(speech(jaw), surprise, FPS)
    assert np.allclose(blended[100:], surprise[100:], atol=1e-5)
    assert blended[43, ARKIT_INDEX["jawOpen"]] < 0.05
    assert np.abs(np.diff(blended[40:, ARKIT_INDEX["jawOpen"]])).max() < 0.06
    assert closure(speech(np.zeros(60))).max() < 1e-6


@pytest.mark.parametrize("emotion", FEELINGS)
def test_lips_keep_the_rhythm_of_words(emotion):
    """Openings of many sizes: in every emotion they differ from neutral's by little more than their size."""
    jaw = 0.35 * np.abs(np.sin(np.arange(200) / 4)) * (1 + 0.8 * np.sin(np.arange(200) / 17))
    expression = steady(emotion, 1.0, 200)
    blended = keep_rhythm(blend_expression(speech(jaw), expression, FPS), speech(jaw), FPS)
    assert np.corrcoef(lip_gap(blended), lip_gap(speech(jaw)))[0, 1] > 0.985
    silence = speech(np.zeros(60))
    assert np.allclose(keep_rhythm(steady(emotion, 1.0, 60), silence, FPS), steady(emotion, 1.0, 60), atol=1e-6)


def test_rounded_lips_win_over_a_smile():
    mouth = speech(np.full(40, 0.2))
    smile = blend_expression(mouth, steady("happy", 1.0))[20, ARKIT_INDEX["mouthSmileLeft"]]
    mouth[:, ARKIT_INDEX["mouthPucker"]] = 0.8
    blended = blend_expression(mouth, steady("happy", 1.0))[20]
    assert blended[ARKIT_INDEX["mouthSmileLeft"]] < 0.6 * smile
    assert blended[ARKIT_INDEX["mouthPucker"]] >= 0.8 - 1e-6


def test_blend_stays_in_range_and_keeps_speech_of_neutral():
    rng = np.random.default_rng(0)
    mouth = rng.uniform(0, 1, (50, 52)).astype(np.float32)
    blended = blend_expression(mouth, rng.uniform(0, 1, (50, 52)), FPS, np.full(50, 1.3))
    assert blended.min() >= 0 and blended.max() <= 1
    assert np.allclose(blend_expression(mouth, np.zeros((50, 52))), mouth, atol=1e-6)


def test_quiet_emotions_show():
    levels = np.linspace(0, 1, 21)
    for emotion in CLASSES:
        posteriors = np.zeros((21, 7))
        posteriors[:, CLASSES.index(emotion)] = 1.0
        shown = expressed_intensity(posteriors, levels, CLASSES)
        if emotion == "neutral":
            assert not shown.any()
            continue
        assert shown[0] == 0 and shown[-1] == 1 and (np.diff(shown) > 0).all()
        assert (shown[1:-1] > levels[1:-1] + 0.01).all() == (emotion in ("fear", "sad"))
    half = np.zeros((1, 7))
    half[0, [CLASSES.index("sad"), CLASSES.index("neutral")]] = 0.5
    assert expressed_intensity(half, np.array([0.2]), CLASSES) == pytest.approx(0.2**0.33)


def test_size_of_articulation():
    def gain(emotion, intensity):
        posteriors = np.zeros((40, 7))
        posteriors[:, CLASSES.index(emotion)] = 1.0
        return articulation_gain(posteriors, np.full(40, intensity), CLASSES, FPS)[20]

    assert gain("neutral", 1.0) == pytest.approx(1.0)
    assert gain("angry", 1.0) > gain("angry", 0.5) >= 1.0
    assert gain("happy", 1.0) > 1.0 > gain("sad", 0.5) > gain("sad", 1.0)
    blended = blend_expression(speech(np.full(40, 0.4)), np.zeros((40, 52)), FPS, np.full(40, 1.25))
    assert blended[20, ARKIT_INDEX["jawOpen"]] == pytest.approx(0.5)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="bored"):
        expression_curves(np.ones((3, 1)), np.ones(3), ("bored",), FPS)
    with pytest.raises(InputError, match="posteriors"):
        expression_curves(np.ones((3, 2)), np.ones(4), ("happy", "sad"), FPS)
    with pytest.raises(InputError, match="loudness"):
        expression_curves(np.ones((3, 1)), np.ones(3), ("happy",), FPS, np.ones(2))
    with pytest.raises(InputError, match="mouth"):
        blend_expression(np.ones((3, 52)), np.ones((4, 52)))
