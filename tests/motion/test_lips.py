"""Size and smoothness of the mouth's motion: closed lips stay closed, expression stays as it is, nothing comes late."""

import numpy as np
import pytest

from sedtalker_cli.evaluation.metrics.lipsync import best_lag, jitter
from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import load_head
from sedtalker_cli.face.regions import CLOSED, lip_gap
from sedtalker_cli.motion.expression import blend_expression
from sedtalker_cli.motion.lips import limit_opening, opening, scale_speech, smooth_motion, speech_activity

JAW, CLOSE, FUNNEL = (ARKIT_INDEX[name] for name in ("jawOpen", "mouthClose", "mouthFunnel"))
SMILE, BROW, PRESS = (ARKIT_INDEX[name] for name in ("mouthSmileLeft", "browInnerUp", "mouthPressLeft"))


@pytest.fixture(scope="module", params=[None, "7"])
def head(request):
    return load_head(request.param)


def syllables(fps: float = 30.0, seconds: float = 4.0) -> np.ndarray:
    """Two seconds of syllables, four a second, lips shut by mouthClose between them, and rest before and after."""
    time = np.arange(round(seconds * fps)) / fps
    speaking = (time >= 1) & (time < 3)
    weights = np.zeros((len(time), 52), np.float32)
    weights[:, JAW] = np.where(speaking, 0.25 + 0.1 * np.sin(2 * np.pi * 1.3 * time), 0)
    shut = np.clip(1.5 * np.cos(2 * np.pi * 4 * (time - 1)) - 0.3, 0, 1)
    weights[:, CLOSE] = weights[:, JAW] * shut
    weights[:, FUNNEL] = np.where(speaking, 0.1 * (1 - shut), 0)
    return weights


def with_smile(speech: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Speech with a strong expression that parts nothing, and that expression."""
    expression = np.zeros_like(speech)
    expression[:, [SMILE, BROW]] = 0.8
    expression[:, PRESS] = 0.3
    return blend_expression(speech, expression), expression


# --- limit of the opening


def test_limit_opening(head):
    rng = np.random.default_rng(0)
    weights = rng.uniform(0, 0.6, (200, 52)) * (rng.uniform(size=(200, 52)) < 0.3)
    before = opening(weights, head)
    most = rng.uniform(0, 0.1, 200)
    limited = limit_opening(weights, most, head)
    above = before > most
    assert above.sum() > 20 and (~above).sum() > 20
    assert np.array_equal(limited[~above], weights[~above])
    np.testing.assert_allclose(opening(limited, head)[above], most[above], atol=1e-9)
    assert (limited >= 0).all() and (limited[:, JAW] == weights[:, JAW]).all()
    # The jaw's opening is taken back by mouthClose alone; funnelled lips need more than that.
    jaw = np.zeros((1, 52))
    jaw[:, [JAW, FUNNEL]] = 0.3, 0.05
    shut = limit_opening(jaw, np.zeros(1), head)
    assert 0 < shut[0, CLOSE] <= 0.3 and 0 < shut[0, FUNNEL] < 0.05
    assert lip_gap(head.vertices(shut), head)[0] < 1e-4


# --- gain


@pytest.mark.parametrize("gain", [0.0, 0.5, 1.5, 3.0])
def test_gain_scales_speech_and_keeps_closures(head, gain):
    speech = syllables()
    scaled = scale_speech(speech, speech, gain, head)
    np.testing.assert_allclose(scaled[:, JAW], np.minimum(gain * speech[:, JAW], 1), atol=1e-5)
    before, after = opening(speech, head), opening(scaled, head)
    shut = before < CLOSED
    assert 20 < shut.sum() < len(shut) - 20
    assert (after[shut] <= np.maximum(before[shut], 0) + 1e-6).all()
    if gain > 1 and gain * speech[:, JAW].max() < 1:
        wide = before > 0.05
        np.testing.assert_allclose(after[wide] - CLOSED, gain * (before[wide] - CLOSED), atol=2e-3)


def test_gain_keeps_lips_closed_that_only_a_funnel_parts(head):
    speech = np.zeros((3, 52), np.float32)
    speech[:, FUNNEL] = 0.1
    assert 0 < opening(speech, head)[0] < CLOSED
    for gain in (1.5, 4.0):
        assert opening(scale_speech(speech, speech, gain, head), head)[0] < CLOSED


@pytest.mark.parametrize("gain", [0.0, 0.5, 2.0])
def test_gain_leaves_expression_alone(head, gain):
    speech = syllables()
    weights, expression = with_smile(speech)
    scaled = scale_speech(weights, speech, gain, head)
    silent = np.abs(speech).max(1) == 0
    assert silent.any()
    np.testing.assert_allclose(scaled[silent], weights[silent], atol=1e-6)
    np.testing.assert_allclose(scaled[:, [SMILE, BROW]], weights[:, [SMILE, BROW]], atol=1e-6)
    if gain == 0:
        np.testing.assert_allclose(scaled[:, JAW], expression[:, JAW], atol=1e-5)


def test_gain_one_changes_nothing(head):
    weights, _ = with_smile(syllables())
    np.testing.assert_allclose(scale_speech(weights, syllables(), 1.0, head), weights, atol=1e-6)


# --- smoothing


def test_no_smoothing_changes_nothing(head):
    weights = np.random.default_rng(0).uniform(0, 1, (50, 52)).astype(np.float32)
    assert np.array_equal(smooth_motion(weights, 30, 0.0, head), weights)


@pytest.mark.parametrize("fps", [25, 60])
@pytest.mark.parametrize("width", [0.1, 0.3])
def test_smoothing_keeps_closures_and_timing(head, fps, width):
    weights = syllables(fps)
    rng = np.random.default_rng(1)
    noisy = np.clip(weights + 0.02 * rng.standard_normal(weights.shape) * (weights > 0), 0, 1)
    smooth = smooth_motion(noisy, fps, width, head)
    before, after = opening(noisy, head), opening(smooth, head)
    shut = before < CLOSED
    assert (after[shut] <= np.maximum(before[shut], 0) + 1e-6).all()
    assert after.max() > 0.3 * before.max()  # it still speaks
    assert best_lag(before, after, 5)[0] == 0
    assert best_lag(noisy[:, JAW], smooth[:, JAW], 5)[0] == 0
    assert jitter(smooth[:, JAW], fps) < 0.7 * jitter(noisy[:, JAW], fps)


def test_smoothing_is_symmetric_in_time(head):
    pulse = np.zeros((41, 52), np.float32)
    pulse[18:23, BROW] = 1
    smooth = smooth_motion(pulse, 30, 0.15, head)[:, BROW]
    np.testing.assert_allclose(smooth, smooth[::-1], atol=1e-6)
    assert smooth.sum() == pytest.approx(5, abs=1e-4) and smooth.max() < 1
    held = np.full((30, 52), 0.25, np.float32)
    np.testing.assert_allclose(smooth_motion(held, 30, 0.5, head)[:, BROW], 0.25, atol=1e-6)


def test_smoothing_means_seconds(head):
    slow, fast = (smooth_motion(syllables(fps), fps, 0.12, head)[:, JAW] for fps in (60, 120))
    np.testing.assert_allclose(slow, fast[::2], atol=0.02)


# --- activity


@pytest.mark.parametrize("fps", [25, 60])
def test_activity_is_where_the_lips_move(head, fps):
    activity = speech_activity(syllables(fps), fps, head)
    time = np.arange(len(activity)) / fps
    assert (activity[(time >= 1.0) & (time < 3)] > 0.6).all()
    assert activity[(time >= 1.2) & (time < 2.8)].min() > 0.99
    assert activity[(time < 0.3) | (time > 3.7)].max() < 1e-9
    assert activity.min() >= 0 and activity.max() <= 1


def test_a_mouth_that_hangs_open_or_trembles_does_not_speak(head):
    still = np.zeros((90, 52))
    assert not speech_activity(still, 30, head).any()
    still[:, JAW] = 0.4
    assert not speech_activity(still, 30, head).any()
    still[:, JAW] += 0.01 * np.random.default_rng(0).uniform(size=90)
    assert not speech_activity(still, 30, head).any()
