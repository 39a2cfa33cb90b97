"""Named regions of the head and the lip measures taken on them.

Regions (vertex indices in `Head.regions`): lips, inner_lips_upper and inner_lips_lower (where the lips touch, at the
middle), mouth_corners, mouth_corner_points and eye_corner_points (one vertex each for left, right), jaw, upper_face
(forehead, brows and lids), brows, eyes (lids), lid_upper_left ... lid_lower_right (lid margins, ordered outwards),
nose, cheeks, teeth, tongue.
"""

from __future__ import annotations

import numpy as np

from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import Head

CLOSED = 0.02  # lips closer than this count as closed, in units of the outer eye-corner distance


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=-1)


def eye_distance(vertices: np.ndarray, head: Head) -> np.ndarray:
    """Distance of the outer eye corners (T,) in metres, the scale of the lip measures."""
    left, right = head.regions["eye_corner_points"]
    return _distance(vertices[..., left, :], vertices[..., right, :])


def opening_direction(head: Head) -> np.ndarray:
    """Unit vector (3,) along which jawOpen parts the inner lips at their middle: down and a little back."""
    upper, lower = head.regions["inner_lips_upper"], head.regions["inner_lips_lower"]
    jaw = head.deltas[ARKIT_INDEX["jawOpen"]]
    parting = jaw[upper].mean(0) - jaw[lower].mean(0)
    return parting / np.linalg.norm(parting)


def lip_gap(vertices: np.ndarray, head: Head) -> np.ndarray:
    """Opening of the inner lips at their middle in units of the outer eye-corner distance; 0 where they touch.

    The counterpart of face-mesh landmarks 13 and 14 over 33 and 263. It is measured along `opening_direction`: lips
    that are pressed together or rolled in slide past each other, which moves the two points apart but opens nothing.

    Args:
        vertices: posed vertices (T, V, 3).
        head: the head that they belong to.

    Returns:
        Gap (T,).
    """
    upper = vertices[..., head.regions["inner_lips_upper"], :].mean(-2)
    lower = vertices[..., head.regions["inner_lips_lower"], :].mean(-2)
    return np.maximum((upper - lower) @ opening_direction(head), 0) / eye_distance(vertices, head)


def lip_opening(head: Head) -> tuple[float, np.ndarray]:
    """`lip_gap` as a linear function of the coefficients, before its negative part (lips pressed) is cut off.

    Returns:
        Value at rest, a little below 0, and change with each coefficient (52,), over the resting eye-corner distance.
    """
    upper, lower = head.regions["inner_lips_upper"], head.regions["inner_lips_lower"]
    direction = opening_direction(head) / eye_distance(head.neutral, head)
    rest = head.neutral[upper].mean(0) - head.neutral[lower].mean(0)
    change = head.deltas[:, upper].mean(1) - head.deltas[:, lower].mean(1)
    return float(rest @ direction), change @ direction


def lip_width(vertices: np.ndarray, head: Head) -> np.ndarray:
    """Distance of the mouth's corners in units of the outer eye-corner distance (landmarks 61, 291 over 33, 263).

    Args:
        vertices: posed vertices (T, V, 3).
        head: the head that they belong to.

    Returns:
        Width (T,).
    """
    left, right = head.regions["mouth_corner_points"]
    return _distance(vertices[..., left, :], vertices[..., right, :]) / eye_distance(vertices, head)


def lid_gap(vertices: np.ndarray, head: Head, side: str) -> np.ndarray:
    """Height of the open eye at its middle in metres, negative where the upper lid lies below the lower one.

    Args:
        vertices: posed vertices (T, V, 3).
        head: the head that they belong to.
        side: "left" or "right".

    Returns:
        Gap (T,).
    """
    upper = head.regions[f"lid_upper_{side}"]
    lower = head.regions[f"lid_lower_{side}"]
    middle = head.neutral[np.concatenate([upper, lower]), 0].mean()
    pick = [lid[np.abs(head.neutral[lid, 0] - middle).argmin()] for lid in (upper, lower)]
    return vertices[..., pick[0], 1] - vertices[..., pick[1], 1]
