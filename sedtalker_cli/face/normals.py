"""Normals of moving vertices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head


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


def shape_normals(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Normals of the neutral face (V, 3), and how each shape at weight 1 changes them (K, V, 3), float32."""
    compute = VertexNormals(head.faces, len(head.neutral))
    neutral = compute(head.neutral)
    changes = [compute(head.neutral + delta) - neutral for delta in head.deltas]
    return neutral, np.stack(changes) if changes else np.zeros_like(head.deltas)
