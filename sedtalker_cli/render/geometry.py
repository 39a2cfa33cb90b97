"""Parts, eyes and the cameras that frame a head; numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.face.normals import VertexNormals

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

__all__ = [
    "FIELD_OF_VIEW",
    "EyeBalls",
    "Framing",
    "VertexNormals",
    "camera_basis",
    "find_eyes",
    "frame_head",
    "part_range",
    "part_vertices",
]
THREE_QUARTER = np.radians(30.0)
FIELD_OF_VIEW = np.radians(17.0)  # vertical; a portrait lens, which does not swell the nose


def part_range(head: Head, name: str) -> tuple[int, int]:
    """Faces of a part as (start, stop); (0, 0) where the head has no such part."""
    part = head.parts.get(name, (0, 0))
    return (part.start or 0, part.stop) if isinstance(part, slice) else (int(part[0]), int(part[1]))


def part_vertices(head: Head, *names: str) -> np.ndarray:
    """Sorted vertex indices used by the faces of the named parts."""
    ranges = [part_range(head, name) for name in names]
    return np.unique(np.concatenate([head.faces[start:stop].ravel() for start, stop in ranges]))


@dataclass(frozen=True)
class EyeBalls:
    """Where the eyes are in the neutral shape.

    Args:
        centres: (2, 3) left, right [m].
        radius: Mean radius [m].
        vertices: Vertex indices of the left and of the right eye.
    """

    centres: np.ndarray
    radius: float
    vertices: tuple[np.ndarray, np.ndarray]


def find_eyes(head: Head) -> EyeBalls | None:
    """Measure the eyes from their parts; None for a head without eyes."""
    sides = tuple(part_vertices(head, name) for name in ("eye_left", "eye_right"))
    if not all(len(side) for side in sides):
        return None
    low = np.array([head.neutral[side].min(0) for side in sides])
    high = np.array([head.neutral[side].max(0) for side in sides])
    # Height rather than depth: a cornea may bulge, and the back may be open.
    radius = float(np.mean(high[:, 1] - low[:, 1]) / 2)
    return EyeBalls((low + high) / 2, radius, sides)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Framing:
    """A level camera that looks at a head.

    Args:
        target: (3,) point in the middle of the picture [m].
        distance: From the target to the camera [m].
        near, far: Depths that are drawn [m].
        yaw: How far the camera is moved around the head, to the person's left [radians].
    """

    target: np.ndarray
    distance: float
    near: float
    far: float
    yaw: float = 0.0

    @property
    def basis(self) -> np.ndarray:
        """(3, 3) rows: to the right of the picture, up, towards the camera."""
        return camera_basis(self.yaw)

    @property
    def eye(self) -> np.ndarray:
        """(3,) position of the camera [m]."""
        return self.target + self.distance * self.basis[2]

    def project(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Project points onto the picture.

        Args:
            points: (N, 3) [m].
            width, height: Of the picture [pixels].

        Returns:
            (N, 2) x to the right, y down [pixels].
        """
        offset = (points - self.eye) @ self.basis.T
        scale = height / 2 / np.tan(FIELD_OF_VIEW / 2) / np.maximum(-offset[:, 2], self.near)
        return np.stack([width / 2 + offset[:, 0] * scale, height / 2 - offset[:, 1] * scale], axis=1)


def camera_basis(yaw: float) -> np.ndarray:
    """(3, 3) rows: right, up and back of a level camera moved by `yaw` [radians] to the person's left."""
    sine, cosine = np.sin(yaw), np.cos(yaw)
    return np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])


def frame_head(head: Head, aspect: float, camera: str = "front") -> Framing:
    """Place the camera so that the face fills the picture, nothing of it is cut, and the neck runs out below.

    Args:
        head: Its neutral shape decides, so that the camera stands still for a whole film.
        aspect: Width / height of the picture.
        camera: `front`, `three-quarter`, or `close`, which shows eyes to chin; see `view.CAMERAS`.
    """
    yaw = THREE_QUARTER if camera == "three-quarter" else 0.0
    basis = camera_basis(yaw)
    points = head.neutral @ basis.T
    low, high = points.min(0), points.max(0)
    level = _eye_level(head)
    if level is not None:
        # Eyes lie half-way between crown and chin; from there down, what is wider than the head is shoulder.
        half = float(high[1]) - level
        low = np.maximum(low, [-np.inf, level - 1.2 * half, -np.inf])
        top = points[points[:, 1] > level - 0.6 * half]
        low[[0, 2]], high[[0, 2]] = top[:, [0, 2]].min(0), top[:, [0, 2]].max(0)
        margin = (0.16 * half, 0.0)
    else:
        margin = (0.08 * float(high[1] - low[1]),) * 2
    if camera == "close" and level is not None and len(head.regions.get("lips", ())):
        drop = level - float(head.neutral[head.regions["lips"], 1].mean())
        low[1], high[1] = level - 1.95 * drop, level + 0.85 * drop
        eyes = np.ptp(head.neutral[head.regions["eyes"], 0]) if len(head.regions.get("eyes", ())) else 2 * drop
        middle = (low[0] + high[0]) / 2
        low[0], high[0] = middle - 0.6 * eyes, middle + 0.6 * eyes
        margin = (0.0, 0.0)
    height = float(high[1] - low[1]) + sum(margin)
    width = float(high[0] - low[0]) * 1.16
    target = np.array([(low[0] + high[0]) / 2, (low[1] - margin[1] + high[1] + margin[0]) / 2, (low[2] + high[2]) / 2])
    needed = max(height, width / aspect)
    distance = needed / 2 / np.tan(FIELD_OF_VIEW / 2) + 0.35 * float(high[2] - low[2])
    reach = float(np.abs(points - target).max()) * 2
    return Framing(target @ basis, distance, max(distance - reach, 0.02 * distance), distance + reach, yaw)


def _eye_level(head: Head) -> float | None:
    """Height of the eyes [m]: from the eyeballs, else from the lids; None where neither is known."""
    eyes = find_eyes(head)
    if eyes is not None:
        return float(eyes.centres[:, 1].mean())
    lids = head.regions.get("eyes", ())
    return float(head.neutral[lids, 1].mean()) if len(lids) else None


def depth_matrix(centre: np.ndarray, radius: float, direction: np.ndarray) -> np.ndarray:
    """Parallel projection of a ball onto a map as seen from a direction, for maps of depth.

    Args:
        centre: (3,) of the ball [m].
        radius: of the ball [m]; it just fits in.
        direction: (3,) from the ball to the eye, of length 1.

    Returns:
        Matrix (4, 4) float32 from the world to -1..1; depth grows away from the eye.
    """
    side = np.cross([0.0, 1.0, 0.0] if abs(direction[1]) < 0.9 else [1.0, 0.0, 0.0], direction)
    side /= np.linalg.norm(side)
    basis = np.stack([side, np.cross(direction, side), -direction])
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, :3] = basis / radius
    matrix[:3, 3] = -(basis @ centre) / radius
    return matrix
