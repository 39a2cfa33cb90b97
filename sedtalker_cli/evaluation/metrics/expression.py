"""Measures of expressions: how steady a pose is, whether it grows with intensity, which way it moves the face."""

from collections.abc import Mapping, Sequence

import numpy as np

from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES

UPPER_FACE = tuple(
    name
    for name in ARKIT_NAMES
    if name.startswith(("brow", "cheekSquint", "eyeSquint", "eyeWide", "noseSneer"))  # no gaze, no blinks
)


def coefficient(weights: np.ndarray, name: str) -> np.ndarray:
    """Track (...,) of a coefficient of (..., 52); a name without side stands for the mean of both sides."""
    names = [name] if name in ARKIT_INDEX else [f"{name}Left", f"{name}Right"]
    return weights[..., [ARKIT_INDEX[n] for n in names]].mean(-1)


def upper_face_pose(weights: np.ndarray) -> np.ndarray:
    """Mean (13,) of the coefficients `UPPER_FACE` over the frames of a motion (T, 52)."""
    return weights[:, [ARKIT_INDEX[name] for name in UPPER_FACE]].mean(0)


def pose_spread(poses: Mapping[str, Sequence[np.ndarray]]) -> tuple[float, float]:
    """Spread of poses within an emotion and between emotions.

    Args:
        poses: emotion -> pose (P,) of every recording, the same recordings for each.

    Returns:
        within: root mean square distance of a pose from the mean pose of its emotion; between: that of the emotions'
        mean poses from the mean of them all.
    """
    stacked = np.array([list(rows) for rows in poses.values()])  # (E, R, P)
    means = stacked.mean(1)
    within = np.sqrt(((stacked - means[:, None]) ** 2).sum(-1).mean())
    between = np.sqrt(((means - means.mean(0)) ** 2).sum(-1).mean())
    return float(within), float(between)


def is_rising(values: Sequence[float]) -> bool:
    """Whether every value is larger than the one before."""
    return bool((np.diff(values) > 0).all())
