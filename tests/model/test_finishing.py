"""Finished mouths: the range of a head, closures at b, m, p and nowhere else in speech, nothing faster than a face."""

import numpy as np
import pytest

from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import load_head
from sedtalker_cli.face.lips import opening
from sedtalker_cli.face.regions import CLOSED
from sedtalker_cli.model.finishing import APART, SHOWN, WIDE, Sounds, close_and_part, full_range, slow

JAW, CLOSE, ROLL = (ARKIT_INDEX[name] for name in ("jawOpen", "mouthClose", "mouthRollLower"))
FRAMES = 200


@pytest.fixture(scope="module")
def head():
    return load_head()


def sounds(spoken: float = 1.0, moving: float = 1.0, **groups) -> Sounds:
    """Speech, in which `groups` name frames that surely are of a group of sounds."""
    found = {name: np.zeros(FRAMES) for name in ("closing", "teeth", "tongue")}
    for name, frames in groups.items():
        found[name][frames] = 1
    return Sounds(**found, spoken=np.full(FRAMES, spoken), moving=np.full(FRAMES, moving))


def mouth(jaw) -> np.ndarray:
    weights = np.zeros((FRAMES, 52))
    weights[:, JAW] = jaw
    return weights


def test_groups_of_sounds_are_picked_by_name():
    units = ("sil", "p", "b", "m", "f", "v", "θ", "ð")
    found = Sounds.of(np.arange(8)[None] / 28, units, np.ones(1))
    assert found.closing == pytest.approx(6 / 28) and found.teeth == pytest.approx(9 / 28)
    assert found.tongue == pytest.approx(13 / 28) and found.spoken == 1
    nothing = Sounds.of(np.zeros((3, 0)), (), np.ones(3))
    assert nothing.spoken.tolist() == [1, 1, 1] and not nothing.closing.any()


@pytest.mark.parametrize("size", [0.2, 0.3, 0.5])
def test_soft_and_loud_talkers_open_as_wide(head, size):
    jaw = size * (0.5 + 0.5 * np.sin(np.arange(FRAMES)))
    widest = np.percentile(opening(full_range(mouth(jaw), sounds(), head), head), 95)
    assert widest == pytest.approx(WIDE, rel=0.3)
    assert abs(widest - WIDE) <= abs(np.percentile(opening(mouth(jaw), head), 95) - WIDE) + 1e-6


def test_what_does_not_speak_keeps_its_size(head):
    motion = mouth(0.9)
    calm = full_range(motion, sounds(spoken=0.0), head)
    assert calm[:, JAW].max() / 0.9 == pytest.approx(WIDE / 0.145, rel=0.01)  # the usual factor, whatever it does
    motion[:, ARKIT_INDEX["browInnerUp"]] = 0.4
    assert (full_range(motion, sounds(), head)[:, ARKIT_INDEX["browInnerUp"]] == 0.4).all()


def test_lips_close_at_bilabials(head):
    frames = slice(100, 105)
    found = opening(close_and_part(mouth(0.4), sounds(closing=frames), head), head)
    assert found[101:104].max() < CLOSED < found[:90].min()
    assert (np.delete(found, np.s_[94:112]) > 0.15).all()


def test_lips_are_apart_at_other_sounds(head):
    least = APART * WIDE
    shut = mouth(0.3)
    shut[:, CLOSE] = 0.3
    heard = sounds(closing=slice(100, 105))
    found = opening(close_and_part(shut, heard, head), head)
    assert found[10:90].min() >= least - 1e-6 and found[101:104].max() < CLOSED
    for calm in (sounds(spoken=0.0), sounds(moving=0.0)):
        np.testing.assert_allclose(close_and_part(shut, calm, head), shut, atol=1e-9)


def test_lower_lip_is_at_the_teeth_in_f_and_v_and_the_tongue_shows_in_th(head):
    shut = mouth(0.3)
    shut[:, CLOSE] = 0.3
    found = close_and_part(shut, sounds(teeth=slice(50, 60), tongue=slice(120, 130)), head)
    assert found[55, ROLL] > 0.4 and found[20, ROLL] == 0 and opening(found, head)[55] > CLOSED
    assert found[125, ARKIT_INDEX["tongueOut"]] == pytest.approx(SHOWN) and found[55, ARKIT_INDEX["tongueOut"]] == 0


@pytest.mark.parametrize(("hertz", "kept"), [(2, 1.0), (5, 1.0), (16, 0.0), (25, 0.0)])
def test_what_is_too_fast_for_a_mouth_goes(hertz, kept):
    wave = 0.2 * np.cos(2 * np.pi * hertz * np.arange(FRAMES) / 50)
    found = slow(mouth(0.5 + wave))
    assert np.ptp(found[40:-40, JAW]) / np.ptp(wave) == pytest.approx(kept, abs=0.08)
    assert found[40:-40, JAW].mean() == pytest.approx(0.5, abs=0.01)
