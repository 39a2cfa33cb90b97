"""Measures of mouth motion on tracks with known answers; the plain baselines they are compared with."""

import math
from pathlib import Path

import numpy as np
import pytest

from sedtalker_cli.data.captures import Capture
from sedtalker_cli.evaluation.lipsync.animator import Ridge, loudness_envelope
from sedtalker_cli.evaluation.lipsync.tracks import captured_track
from sedtalker_cli.evaluation.metrics.lipsync import (
    BILABIALS,
    ROUNDED,
    SPREAD,
    Track,
    best_lag,
    closures,
    correlation,
    jitter,
    rounding_contrast,
    score_tracks,
    spoken_frames,
)
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.regions import CLOSED


def curve(frames: int, seed: int = 0) -> np.ndarray:
    """A smooth random track in 0..1."""
    x = np.convolve(np.random.default_rng(seed).standard_normal(frames + 8), np.hanning(9), "valid")
    return (x - x.min()) / np.ptp(x)


# --- correlation and lag


def test_correlation():
    a = curve(100)
    assert correlation(a, a) == pytest.approx(1)
    assert correlation(a, 3 * a + 7) == pytest.approx(1)
    assert correlation(a, -a) == pytest.approx(-1)
    b = curve(100, 1)
    assert correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert correlation(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])) == pytest.approx(0.8)


def test_correlation_with_a_constant_is_zero():
    assert correlation(curve(50), np.full(50, 0.3)) == pytest.approx(0, abs=1e-12)
    assert correlation(np.zeros(50), curve(50)) == 0
    assert correlation(np.full(5, 0.25), np.full(5, 0.5)) == 0


@pytest.mark.parametrize("lag", [-4, -1, 0, 2, 5])
def test_lag_is_positive_where_the_second_comes_late(lag):
    whole = curve(220)
    reference, late = whole[10:210], whole[10 - lag : 210 - lag]
    found, r = best_lag(reference, late, 6)
    assert found == lag and r == pytest.approx(1)


def test_lag_stays_within_reach():
    whole = curve(220)
    found, r = best_lag(whole[10:210], whole[2:202], 3)
    assert abs(found) <= 3 and r < 0.9


# --- jitter, closures


@pytest.mark.parametrize("fps", [25, 30, 60])
def test_jitter_is_the_third_derivative(fps):
    t = np.arange(40) / fps
    assert jitter(t**3, fps) == pytest.approx(6, rel=1e-6)
    assert jitter(-2 * t**3 + t**2, fps) == pytest.approx(12, rel=1e-6)
    assert jitter(t**2, fps) == pytest.approx(0, abs=1e-6)


WORDS = (("sil", 0.0, 0.5), ("bin", 0.5, 0.8), ("red", 0.8, 1.2), ("by", 1.2, 1.5), ("sil", 1.5, 2.0))


def test_closures_are_looked_for_at_words_that_begin_with_closed_lips():
    gap = np.full(100, 0.3)
    gap[20], gap[40], gap[60] = 0.01, 0.0, 0.1  # at 50 fps: .4 s is 100 ms before bin, .8 s red, 1.2 s by
    assert closures(gap, 50, WORDS) == pytest.approx([0.3, 0.1])
    gap[21] = 0.02  # 80 ms before bin
    gap[66], gap[67] = 0.05, 0.0  # 120 and 140 ms after by
    assert closures(gap, 50, WORDS) == pytest.approx([0.02, 0.05])


def test_closures_at_the_edges_of_a_recording():
    gap = np.array([0.05, 0.2, 0.2])
    assert closures(gap, 25, (("place", 0.0, 0.1),)) == pytest.approx([0.05])
    assert closures(gap, 25, (("place", 9.0, 9.5),)) == []
    assert closures(gap, 25, ()) == []
    assert all(word[0] in "bp" for word in BILABIALS)


# --- scores


def track(jaw, gap=None, words=WORDS, fps=25.0) -> Track:
    return Track({"jawOpen": jaw} | ({} if gap is None else {"lip_gap": gap}), fps, words)


def test_scores_of_a_perfect_prediction():
    gap = np.full(50, 0.2)
    gap[12], gap[30] = 0.0, 0.0
    tracks = [track(curve(50, seed), gap) for seed in range(3)]
    scores = score_tracks(tracks, tracks)
    assert scores["jawOpen_r"] == pytest.approx(1) and scores["lag_r"] == pytest.approx(1)
    assert scores["lip_gap_r"] == pytest.approx(1)
    assert scores["lag_ms"] == 0 and scores["closure_rate"] == 1 and scores["jitter_ratio"] == pytest.approx(1)


@pytest.mark.parametrize("lag", [-2, 3])
def test_late_predictions_have_a_positive_lag_in_ms(lag):
    whole = curve(120)
    scores = score_tracks([track(whole[10:110])], [track(whole[10 - lag : 110 - lag])])
    assert scores["lag_ms"] == pytest.approx(lag * 40) and scores["lag_r"] == pytest.approx(1)
    assert scores["lag_frames"] == lag
    assert scores["jawOpen_r"] < 0.99


def test_correlation_pools_recordings():
    """Two recordings, each flat, at two levels: only together do they agree."""
    low, high = np.full(20, 0.1), np.full(20, 0.6)
    scores = score_tracks([track(low), track(high)], [track(low / 2), track(high / 2)])
    assert scores["jawOpen_r"] == pytest.approx(1)


def test_closure_rate_counts_words_with_lips_of_the_prediction():
    open_lips, one = np.full(50, 0.2), np.full(50, 0.2)
    one[12] = CLOSED / 2  # at bin, not at by
    reference = [track(curve(50), open_lips)] * 2
    scores = score_tracks(reference, [track(curve(50), one, words=()), track(curve(50), open_lips, words=())])
    assert scores["closure_rate"] == 0.25
    assert "closure_rate" not in score_tracks([track(curve(50), one, words=())], [track(curve(50), one)])


def test_jitter_is_given_against_the_captured():
    x = curve(60)
    assert score_tracks([track(x)], [track(2 * x)])["jitter_ratio"] == pytest.approx(2)
    assert math.isnan(score_tracks([track(np.zeros(60))], [track(x)])["jitter_ratio"])


def test_only_common_channels_are_scored():
    a = Track({"jawOpen": curve(30), "lip_width": curve(30, 1)}, 25)
    b = Track({"jawOpen": curve(30), "mouthPucker": curve(30, 2)}, 25)
    assert set(score_tracks([a], [b])) == {"jawOpen_r", "lag_r", "lag_ms", "lag_frames", "jitter_ratio"}


def test_recordings_must_be_paired():
    with pytest.raises(ValueError):
        score_tracks([track(curve(30))], [track(curve(30))] * 2)


def test_a_channel_that_never_moves_in_the_reference_has_no_correlation():
    still = Track({"jawOpen": curve(30), "mouthPucker": np.zeros(30)}, 25)
    moving = Track({"jawOpen": curve(30), "mouthPucker": curve(30, 2)}, 25)
    assert "mouthPucker_r" not in score_tracks([still], [moving])
    assert score_tracks([moving], [still])["mouthPucker_r"] == 0


SENTENCE = (("sil", 0.0, 0.4), ("blue", 0.4, 0.8), ("white", 0.8, 1.2), ("three", 1.2, 1.6), ("sil", 1.6, 2.0))


def test_rounding_contrast():
    pucker = np.full(100, 0.9)  # at 50 fps
    pucker[20:41], pucker[41:60], pucker[60:81] = 0.5, 1.0, 0.1  # blue, white, three
    tracks = [Track({"mouthPucker": pucker}, 50, SENTENCE)]
    assert rounding_contrast(tracks, "mouthPucker") == pytest.approx(0.4)
    quiet = Track({"mouthPucker": 0 * pucker}, 50, SENTENCE)
    assert rounding_contrast([*tracks, quiet], "mouthPucker") == pytest.approx(0.2)
    assert rounding_contrast([quiet], "mouthPucker") == 0
    assert rounding_contrast(tracks, "mouthFunnel") is None
    assert rounding_contrast([Track({"mouthPucker": pucker}, 50, SENTENCE[:2])], "mouthPucker") is None
    # The words are those of the reference.
    reference = Track({"jawOpen": pucker}, 50, SENTENCE)
    found = Track({"jawOpen": pucker, "mouthPucker": pucker}, 50)
    assert score_tracks([reference], [found])["mouthPucker_contrast"] == pytest.approx(0.4)


def test_words_of_the_contrast_are_apart():
    assert not ROUNDED & SPREAD
    assert "white" not in ROUNDED | SPREAD


def test_spoken_frames():
    x = np.arange(100)
    assert x[spoken_frames(Track({}, 50, SENTENCE))][[0, -1]].tolist() == [20, 80]
    assert len(x[spoken_frames(Track({}, 50))]) == 100
    assert len(x[spoken_frames(Track({}, 50, (("sil", 0.0, 2.0),)))]) == 100


# --- baselines


def made_up(seed: int, seconds: float = 6.0, fps: float = 25.0) -> tuple[np.ndarray, Capture]:
    """Two tones whose levels go their own ways; the jaw follows the level (in dB) of the low, quieter one."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * 16_000)) / 16_000
    knots = np.arange(0, seconds + 0.3, 0.3)
    low, high = (np.interp(time, knots, rng.uniform(-40, 0, len(knots))) for _ in range(2))
    waveform = 0.3 * 10 ** (low / 20) * np.sin(2 * np.pi * 300 * time) + 10 ** (high / 20) * np.sin(
        2 * np.pi * 3000 * time
    )
    waveform += 1e-4 * rng.standard_normal(len(time))
    frames = round(seconds * fps)
    weights = np.zeros((frames, len(ARKIT_NAMES)), np.float32)
    jaw = 1 + np.interp(np.arange(frames) / fps, time, low) / 40
    weights[:, ARKIT_INDEX["jawOpen"]] = jaw
    weights[:, ARKIT_INDEX["mouthPucker"]] = 0.5 - 0.4 * jaw
    channels = np.ones(len(ARKIT_NAMES), bool)
    return (0.3 * waveform).astype(np.float32), Capture("x", "grid", "train", Path("x"), fps, weights, channels)


def test_ridge_finds_a_linear_mapping_that_loudness_does_not_show():
    pairs = [made_up(seed) for seed in range(6)]
    sounds = {id(capture): sound for sound, capture in pairs}
    ridge = Ridge([capture for _, capture in pairs], lambda c: sounds[id(c)], penalty=1.0)
    sound, capture = made_up(99)
    truth = [captured_track(capture)]
    linear, envelope = (
        score_tracks(truth, [ridge(sound, capture)]),
        score_tracks(truth, [loudness_envelope(sound, capture)]),
    )
    assert linear["jawOpen_r"] > 0.9 > 0.8 > envelope["jawOpen_r"]
    assert linear["mouthPucker_r"] > 0.9
    assert abs(linear["lag_ms"]) <= 40
    assert ridge(sound, capture).channels["jawOpen"].mean() == pytest.approx(
        truth[0].channels["jawOpen"].mean(), abs=0.1
    )


@pytest.mark.parametrize("fps", [25.0, 30.0])
def test_envelope_is_loud_where_the_sound_is(fps):
    frames = round(3 * fps)
    capture = Capture("x", "grid", "val", Path("x"), fps, np.zeros((frames, 52)), np.ones(52, bool))
    sound = np.zeros(48_000, np.float32)
    sound[24_000 - 400 : 24_000 + 400] = 0.5
    level = loudness_envelope(sound, capture).channels["jawOpen"]
    assert level.shape == (frames,)
    loud = np.flatnonzero(level > level.max() - 1) / fps
    assert loud.mean() == pytest.approx(1.5, abs=0.5 / fps + 0.001)
    assert level.min() == -60


def test_envelope_of_a_sound_shorter_than_the_motion():
    capture = Capture("x", "grid", "val", Path("x"), 25.0, np.zeros((75, 52)), np.ones(52, bool))
    level = loudness_envelope(np.full(16_000, 0.1, np.float32), capture).channels["jawOpen"]
    assert level.shape == (75,) and level[10] == pytest.approx(-20, abs=0.1) and level[-1] == -60
