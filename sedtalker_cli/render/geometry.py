"""Normals of moving vertices and the camera that frames a head; numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

FIELD_OF_VIEW = np.radians(17.0)  # vertical; a portrait lens, which does not swell the nose


class VertexNormals:
    """Area-weighted vertex normals (Gouraud), vectorised over faces.

    Args:
        faces: (F, 3) vertex indices.
        vertex_count: V.
    """

    def __init__(self, faces: np.ndarray, vertex_count: int) -> None:
        from scipy.sparse import csr_matrix

        self._a, self._b, self._c = (np.ascontiguousarray(faces[:, corner]) for corner in range(3))
        count = len(faces)
        rows = faces.T.ravel()
        columns = np.tile(np.arange(count), 3)
        self._gather = csr_matrix((np.ones(3 * count, np.float32), (rows, columns)), shape=(vertex_count, count))

    def __call__(self, vertices: np.ndarray) -> np.ndarray:
        """Compute normals.

        Args:
            vertices: (V, 3) float32.

        Returns:
            (V, 3) float32 of length 1 (0 where a vertex has no face).
        """
        origin = vertices.take(self._a, axis=0)
        u = vertices.take(self._b, axis=0) - origin
        v = vertices.take(self._c, axis=0) - origin
        cross = np.empty_like(u)
        cross[:, 0] = u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
        cross[:, 1] = u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2]
        cross[:, 2] = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        normals = self._gather @ cross
        length = np.sqrt(np.einsum("ij,ij->i", normals, normals))
        normals /= np.maximum(length, 1e-20)[:, None]
        return normals


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
    """A camera in front of the head that looks along -z.

    Args:
        target: (3,) point in the middle of the picture [m].
        distance: From the target to the camera [m].
        near, far: Depths that are drawn [m].
    """

    target: np.ndarray
    distance: float
    near: float
    far: float

    @property
    def eye(self) -> np.ndarray:
        """(3,) position of the camera [m]."""
        return self.target + np.array([0.0, 0.0, self.distance])

    def project(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Project points onto the picture.

        Args:
            points: (N, 3) [m].
            width, height: Of the picture [pixels].

        Returns:
            (N, 2) x to the right, y down [pixels].
        """
        offset = points - self.eye
        scale = height / 2 / np.tan(FIELD_OF_VIEW / 2) / np.maximum(-offset[:, 2], self.near)
        return np.stack([width / 2 + offset[:, 0] * scale, height / 2 - offset[:, 1] * scale], axis=1)


def frame_head(head: Head, aspect: float) -> Framing:
    """Place the camera so that the face fills the picture, nothing of it is cut, and the neck runs out below.

    Args:
        head: Its neutral shape decides, so that the camera stands still for a whole film.
        aspect: Width / height of the picture.
    """
    points = head.neutral
    low, high = points.min(0), points.max(0)
    eyes = find_eyes(head)
    if eyes is not None:
        # Eyes lie half-way between crown and chin; from there down, what is wider than the head is shoulder.
        level = float(eyes.centres[:, 1].mean())
        half = float(high[1]) - level
        low = np.maximum(low, [-np.inf, level - 1.2 * half, -np.inf])
        top = points[points[:, 1] > level - 0.6 * half]
        low[0], high[0] = top[:, 0].min(), top[:, 0].max()
        margin = (0.16 * half, 0.0)
    else:
        margin = (0.08 * float(high[1] - low[1]),) * 2
    height = float(high[1] - low[1]) + sum(margin)
    width = float(high[0] - low[0]) * 1.16
    target = np.array([(low[0] + high[0]) / 2, (low[1] - margin[1] + high[1] + margin[0]) / 2, (low[2] + high[2]) / 2])
    needed = max(height, width / aspect)
    distance = needed / 2 / np.tan(FIELD_OF_VIEW / 2) + 0.35 * float(high[2] - low[2])
    reach = float(np.abs(points - target).max()) * 2
    return Framing(target, distance, max(distance - reach, 0.02 * distance), distance + reach)
