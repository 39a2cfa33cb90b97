"""Gentle motion of the whole head: it wanders slowly, more in speech than in silence, and nods where speech is loud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from sedtalker_cli.motion.expression import prominence
from sedtalker_cli.motion.temper import Temper

PIVOT = np.array([0.0, -0.075, -0.055])  # where the neck carries the head, from the middle of the eyes [m]
TURN = np.array([2.2, 1.3, 1.2])  # largest wandering in speech: yaw, pitch, roll [degrees]
SHIFT = np.array([0.0015, 0.001, 0.002])  # and of the place: x, y, z [m]
NOD = 3.0  # pitch of a syllable that stands out [degrees]
STILL = 0.35  # share of the wandering that is left in silence
SETTLE = 1.2  # length of the change between speech and silence [s]
PERIODS = ((2.9, 5.1), (5.3, 9.1), (9.7, 17.0))  # of the three waves that make up a wandering [s]


def head_motion(
    frames: int,
    fps: float,
    seed: int,
    loudness: np.ndarray,
    speech_activity: np.ndarray,
    eye_middle: np.ndarray | None = None,
    temper: Temper | None = None,
) -> np.ndarray:
    """Rigid motion of the head.

    Args:
        frames: T.
        fps: frames a second.
        seed: any integer not below 0.
        loudness: of the speech (T,), 0 to 1.
        speech_activity: 1 where there is speech (T,), 0 in silence.
        eye_middle: (3,) middle between the eyes [m]; None is the origin.
        temper: how the emotion holds the head, arrays (T,); None holds it upright.

    Returns:
        (T, 4, 4) float32; a vertex x in the head's frame is at M x, in homogeneous coordinates, metres.
    """
    rng = np.random.default_rng([seed, 5])
    low, high = np.array(PERIODS).T
    periods, phases = rng.uniform(low, high, (6, 3)), rng.uniform(0, 2 * np.pi, (6, 3))
    time = np.arange(frames)[:, None, None] / fps
    wander = np.sin(2 * np.pi * time / periods + phases).mean(-1)  # (T, 6) within -1..1
    window = np.hanning(2 * max(1, round(SETTLE * fps)) + 3)
    reach = len(window) // 2
    lively = np.convolve(np.pad(speech_activity, reach, mode="edge"), window / window.sum(), "valid")
    wander *= (STILL + (1 - STILL) * lively)[:, None]
    angles = wander[:, :3] * TURN
    mood = Temper() if temper is None else temper
    angles[:, 1] += NOD * mood.nods * prominence(loudness, fps) * speech_activity + mood.pitch
    angles[:, 2] += mood.roll
    shifts = wander[:, 3:] * SHIFT
    shifts[:, 2] += mood.forward
    motion = np.tile(np.eye(4), (frames, 1, 1))
    motion[:, :3, :3] = Rotation.from_euler("YXZ", angles, degrees=True).as_matrix()
    pivot = neck(eye_middle)
    motion[:, :3, 3] = pivot - motion[:, :3, :3] @ pivot + shifts
    return motion.astype(np.float32)


def neck(eye_middle: np.ndarray | None = None) -> np.ndarray:
    """Where the neck carries the head (3,) in metres, from the middle between its eyes; None is the origin."""
    return PIVOT if eye_middle is None else PIVOT + eye_middle


@dataclass(frozen=True)
class NeckTracks:
    """A rigid motion as turns about a point and the path of that point, as scene formats want it.

    Attributes:
        pivot: (3,) the point at rest [m].
        places: (T, 3) float32, where it is [m].
        turns: (T, 4) float32 unit quaternions x, y, z, w with w >= 0; a vertex x is at turn(x - pivot) + place.
    """

    pivot: np.ndarray
    places: np.ndarray
    turns: np.ndarray


def neck_tracks(motion: np.ndarray, pivot: np.ndarray) -> NeckTracks:
    """Split rigid motions (T, 4, 4) [m] into turns about `pivot` (3,) [m] and its path."""
    motion = np.asarray(motion, np.float64)
    turns = Rotation.from_matrix(motion[:, :3, :3]).as_quat(canonical=True)
    places = motion[:, :3, :3] @ pivot + motion[:, :3, 3]
    return NeckTracks(np.asarray(pivot, np.float64), places.astype(np.float32), turns.astype(np.float32))


def head_angles(motion: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll (T, 3) in radians of rigid motions (T, 4, 4): turns about y, then x, then z."""
    return Rotation.from_matrix(np.asarray(motion, np.float64)[:, :3, :3]).as_euler("YXZ")
