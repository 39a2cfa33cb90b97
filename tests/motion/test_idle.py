"""Idle motion: natural blink statistics, lids that really close, and the same life from the same seed."""

import numpy as np
import pytest

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.motion.idle import BREATH, CLOSING, MIN_PAUSE, OPENING, add_idle, blink_times, blinks, breath, gaze

BLINK = ARKIT_INDEX["eyeBlinkLeft"]


def onsets(curve: np.ndarray) -> np.ndarray:
    return np.flatnonzero((curve[1:] > 0.5) & (curve[:-1] <= 0.5))


def test_blink_rate_in_speech_and_in_silence():
    frames = 30 * 600
    still = np.zeros((frames, 52))
    speaking = [len(onsets(add_idle(still, 30, s)[:, BLINK])) / 10 for s in range(8)]
    silent = [len(onsets(add_idle(still, 30, s, None, np.zeros(frames))[:, BLINK])) / 10 for s in range(8)]
    aroused = [len(onsets(add_idle(still, 30, s, np.ones(frames))[:, BLINK])) / 10 for s in range(8)]
    assert 15 <= np.mean(speaking) <= 20
    assert np.mean(silent) < np.mean(speaking) < np.mean(aroused)


def test_blink_shape():
    times = np.array(list(blink_times(3600, 7)))
    assert (np.diff(times[:, 0]) > MIN_PAUSE).all()
    assert (times[:, 1] >= CLOSING[0]).all() and (times[:, 1] <= CLOSING[1]).all()
    assert (times[:, 2] >= OPENING[0]).all() and (times[:, 2] <= OPENING[1]).all()
    pauses = np.diff(times[:, 0])
    assert np.mean(pauses) > np.median(pauses) * 1.05  # a long tail, as in people
    fine = blinks(200 * 60, 200, 7)
    peak = onsets(fine)[3]
    lobe = fine[peak - 60 : peak + 100]
    assert np.sum(lobe[: lobe.argmax()] > 0.02) < np.sum(lobe[lobe.argmax() :] > 0.02) * 0.8


@pytest.mark.parametrize("fps", [25, 30, 60])
def test_every_blink_reaches_full_closure(fps):
    curve = blinks(fps * 300, fps, 3)
    expected = [onset for onset, *_ in blink_times(299, 3)]
    starts = onsets(curve)
    assert abs(len(starts) - len(expected)) <= 1
    for start in starts[:-1]:
        assert curve[start : start + round(0.2 * fps)].max() > 0.999


def test_lids_close_over_wide_and_narrowed_eyes():
    frames = 30 * 20
    for name, left in (("eyeWideLeft", 0.35), ("eyeSquintLeft", 0.25)):
        weights = np.zeros((frames, 52), np.float32)
        weights[:, ARKIT_INDEX[name]] = 0.9
        idle = add_idle(weights, 30, 1)
        shut, open_ = idle[:, BLINK] > 0.99, idle[:, BLINK] == 0
        assert shut.any()
        assert idle[shut, ARKIT_INDEX[name]].max() < left
        assert np.allclose(idle[open_, ARKIT_INDEX[name]], 0.9)


def test_lids_of_the_shipped_head_meet():
    from sedtalker_cli.face.head import load_head

    head = load_head()
    weights = np.zeros((600, 52), np.float32)
    weights[:, [ARKIT_INDEX["eyeWideLeft"], ARKIT_INDEX["eyeWideRight"]]] = 0.9
    idle = add_idle(weights, 30, 1)
    upper, lower = head.regions["lid_upper_left"], head.regions["lid_lower_left"]

    def aperture(frame):
        points = head.vertices(frame)
        return points[upper, 1].max() - points[lower, 1].min()

    shut = idle[idle[:, BLINK].argmax()]
    assert aperture(shut) < 0.35 * aperture(np.zeros(52, np.float32)) < aperture(weights[0])


@pytest.mark.parametrize("frames", [150, 151, 600])
def test_beginning_does_not_depend_on_length(frames):
    rng = np.random.default_rng(0)
    weights = rng.uniform(0, 0.3, (900, 52))
    activity, feeling = rng.uniform(0, 1, (2, 900))
    long = add_idle(weights, 30, 11, feeling, activity)
    short = add_idle(weights[:frames], 30, 11, feeling[:frames], activity[:frames])
    assert np.array_equal(long[:frames], short)


def test_seed_decides():
    still = np.zeros((900, 52))
    assert np.array_equal(add_idle(still, 30, 4), add_idle(still, 30, 4))
    assert not np.array_equal(add_idle(still, 30, 4), add_idle(still, 30, 5))


def test_frame_rate_samples_the_same_events():
    slow, fast = blinks(30 * 60, 30, 9), blinks(60 * 60, 60, 9)
    assert np.allclose(onsets(slow) / 30, onsets(fast) / 60, atol=0.05)
    assert np.allclose(gaze(900, 30, 9), gaze(1800, 60, 9)[::2])


def test_gaze_is_small_conjugate_and_mostly_straight():
    idle = add_idle(np.zeros((9000, 52)), 30, 2)
    column = {n: idle[:, k] for n, k in ARKIT_INDEX.items()}
    assert np.array_equal(column["eyeLookOutLeft"], column["eyeLookInRight"])
    assert np.array_equal(column["eyeLookUpLeft"], column["eyeLookUpRight"])
    assert not (column["eyeLookInLeft"] * column["eyeLookOutLeft"]).any()
    assert 0.02 < column["eyeLookOutLeft"].max() <= 0.25
    assert np.mean(column["eyeLookOutLeft"] + column["eyeLookInLeft"] < 0.01) > 0.3


def test_breath_comes_in_pauses_and_leaves_with_the_first_word():
    fps, frames = 30, 30 * 60
    time = np.arange(frames) / fps
    speaking = ((time > 20) & (time < 22)) | (time > 40)
    short = (time > 42) & (time < 42.2)  # a closure, no pause
    idle = add_idle(np.zeros((frames, 52)), fps, 3, None, (speaking & ~short).astype(float))
    jaw = idle[:, ARKIT_INDEX["jawOpen"]]
    assert jaw[time < 20].max() > 0.9 * BREATH["jawOpen"]
    assert not jaw[speaking & ~short].any()
    assert jaw[short].max() < 0.25 * BREATH["jawOpen"]
    assert jaw[(time > 22) & (time < 22.3)].max() < 0.4 * BREATH["jawOpen"]
    assert np.abs(np.diff(jaw[time < 20])).max() * fps < 0.08  # slow: a breath, no tremble
    assert np.array_equal(idle[:, ARKIT_INDEX["noseSneerLeft"]], idle[:, ARKIT_INDEX["noseSneerRight"]])
    assert not add_idle(np.zeros((frames, 52)), fps, 3)[:, ARKIT_INDEX["jawOpen"]].any()  # speech throughout


def test_breath_has_a_natural_rate_and_depends_on_the_seed():
    curve = breath(30 * 600, 30, 0)
    assert 12 <= len(onsets(curve)) / 10 <= 20
    assert curve.min() >= 0 and 0.99 < curve.max() <= 1
    rising = np.mean(np.diff(curve) > 0)
    assert 0.3 < rising < 0.5  # in faster than out
    assert np.abs(curve - breath(30 * 600, 30, 1)).max() > 0.5
    assert np.allclose(curve[:900], breath(900, 30, 0))
    assert np.allclose(curve[:900], breath(1800, 60, 0)[::2])


def test_breath_keeps_the_lips_of_the_shipped_head_closed():
    from sedtalker_cli.face.head import load_head
    from sedtalker_cli.face.regions import lip_gap

    head = load_head()
    idle = add_idle(np.zeros((300, 52)), 30, 1, None, np.zeros(300))
    assert idle[:, ARKIT_INDEX["jawOpen"]].max() > 0.02
    assert lip_gap(head.vertices(idle), head).max() < 1e-3


def test_range_input_kept_and_other_channels_untouched():
    weights = np.random.default_rng(1).uniform(0, 1, (300, 52)).astype(np.float32)
    before = weights.copy()
    idle = add_idle(weights, 30, 0)
    assert np.array_equal(weights, before)
    assert idle.shape == weights.shape and idle.dtype == np.float32
    assert idle.min() >= 0 and idle.max() <= 1
    moved = [n for n, k in ARKIT_INDEX.items() if not np.array_equal(idle[:, k], weights[:, k])]
    assert all(name.startswith(("eye", "brow")) for name in moved)
    assert add_idle(np.zeros((0, 52)), 30, 0).shape == (0, 52)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="weights"):
        add_idle(np.zeros((5, 51)), 30, 0)
    with pytest.raises(InputError, match="fps"):
        add_idle(np.zeros((5, 52)), 0, 0)
    with pytest.raises(InputError, match="curve"):
        add_idle(np.zeros((5, 52)), 30, 0, np.zeros(4))
