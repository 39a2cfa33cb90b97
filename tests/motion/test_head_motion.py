"""Head motion: rigid, small, smooth, from the seed, livelier in speech, nodding on what is loud."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sedtalker_cli.motion.head_motion import NOD, PIVOT, TURN, head_angles, head_motion
from tests.motion.speech import syllables


def move(seconds: float = 60.0, fps: float = 30.0, seed: int = 0, loudness=None, activity=1.0) -> np.ndarray:
    frames = round(seconds * fps)
    loudness = np.full(frames, 0.5) if loudness is None else loudness
    return head_motion(frames, fps, seed, loudness, np.full(frames, activity))


def degrees(motion: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll (T, 3)."""
    return Rotation.from_matrix(motion[:, :3, :3]).as_euler("YXZ", degrees=True)


def test_motion_is_rigid():
    motion = move()
    assert motion.shape == (1800, 4, 4) and motion.dtype == np.float32
    turns = motion[:, :3, :3]
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(3), turns.shape), atol=1e-5)
    assert (np.linalg.det(turns) > 0.999).all()
    assert np.array_equal(motion[:, 3], np.broadcast_to([0, 0, 0, 1], (1800, 4)))


@pytest.mark.parametrize("seed", range(4))
def test_motion_is_a_few_degrees_and_smooth(seed):
    angles = degrees(move(seed=seed, loudness=np.tile(syllables(), 6)))
    assert (np.abs(angles).max(0) <= TURN + NOD * np.array([0, 1, 0])).all()
    assert (angles.std(0) > 0.3).all()
    assert (np.abs(np.diff(angles, axis=0)) * 30).max() < 30  # degrees a second
    shift = move(seed=seed)[:, :3] @ np.append(PIVOT, 1)  # where the neck carries the head
    assert 0 < np.linalg.norm(shift - PIVOT, axis=1).max() < 0.003


def test_speech_is_livelier_than_silence():
    assert (degrees(move(activity=0.0)).std(0) < 0.5 * degrees(move(activity=1.0)).std(0)).all()


def test_loud_syllables_are_nodded():
    loudness = syllables()
    nods = degrees(move(10, loudness=loudness))[:, 1] - degrees(move(10))[:, 1]
    by_second = nods[30:270].reshape(8, 30).mean(0)  # without the ends
    assert 0.3 < by_second.max() < NOD
    assert by_second[:10].max() > 4 * by_second[14:24].max()
    # The face looks to +z: nodding takes it down.
    assert (Rotation.from_euler("YXZ", [0, 5, 0], degrees=True).apply([0, 0, 1]))[1] < 0
    quiet = degrees(move(10, loudness=loudness, activity=0.0))
    np.testing.assert_allclose(quiet, degrees(move(10, activity=0.0)), atol=1e-4)


def test_seed_and_frame_rate():
    assert np.array_equal(move(seed=3), move(seed=3))
    assert np.abs(degrees(move(seed=3)) - degrees(move(seed=4))).max() > 0.5
    slow, fast = move(10, 25, loudness=syllables(25)), move(10, 50, loudness=syllables(50))
    assert np.abs(degrees(slow) - degrees(fast)[::2]).max() < 0.1 * NOD


def test_angles_are_those_of_the_turns():
    motion = move()
    assert np.allclose(np.degrees(head_angles(motion)), degrees(motion), atol=1e-4)
