"""Where skin folds: a tension map on the vertices, and the lines along which each part of a face creases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.render.geometry import find_eyes, part_vertices

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

EYES_APART = 62.0  # the places below are for a face whose eyes are this far apart [mm]
Field = "Callable[[np.ndarray, np.ndarray], np.ndarray]"


@dataclass(frozen=True)
class Crease:
    """A part of the face that folds.

    Attributes:
        where: (|x|, y) in mm from the middle between the eyes -> how much it is this part, 0 to 1.
        phase: (|x|, y) -> number that is whole along the creases.
        across: direction (x, y) in which the skin is pressed together; (0, 0) is any.
        gain: depth of the crease for each part that the skin is shorter than at rest.
    """

    where: Field
    phase: Field
    across: tuple[float, float]
    gain: float


def _blob(x: np.ndarray, y: np.ndarray, at: tuple[float, float], size: tuple[float, float]) -> np.ndarray:
    return np.exp(-((((x - at[0]) / size[0]) ** 2 + ((y - at[1]) / size[1]) ** 2) ** 2))


CREASES = (
    # forehead, between the brows, root of the nose, crow's feet, from the nose to the mouth's corner
    Crease(lambda x, y: _blob(x, y, (0, 42), (40, 17)), lambda x, y: (y + 0.004 * x**2) / 7.5, (0, 1), 5.0),
    Crease(lambda x, y: _blob(x, y, (4, 20), (8, 11)), lambda x, y: (x - 4.5) / 9.0, (1, 0), 2.6),
    Crease(lambda x, y: _blob(x, y, (0, -1), (11, 9)), lambda x, y: y / 5.0, (0, 1), 4.0),
    Crease(
        lambda x, y: _blob(x, y, (54, -2), (9, 12)),
        lambda x, y: np.arctan2(y + 1.0, np.maximum(x - 40.0, 2.0)) / 0.42,
        (0, 1),
        4.0,
    ),
    Crease(
        lambda x, y: _blob(x, y, (26, -46), (11, 17)),
        lambda x, y: (x - (19.0 + 0.55 * (-36.0 - y))) / 14.0,
        (1, 0),
        2.2,
    ),
)


class Folds:
    """Depth of the creases of a head's skin, frame by frame.

    Args:
        head: eyes and skin tell where its forehead is; one without eyes never folds.
    """

    def __init__(self, head: Head) -> None:
        from scipy.sparse import csr_matrix

        count = len(head.neutral)
        self.phase = np.zeros(count, np.float32)
        self._edges, self._rows = np.zeros((0, 2), np.int64), csr_matrix((count, 0), dtype=np.float32)
        eyes, skin = find_eyes(head), part_vertices(head, "skin")
        if eyes is None or not len(skin):
            return
        middle, apart = eyes.centres.mean(0), np.linalg.norm(eyes.centres[0] - eyes.centres[1])
        place = (head.neutral - middle) * (EYES_APART / apart)
        x, y = np.abs(place[:, 0]), place[:, 1]
        on_skin = np.zeros(count, bool)
        on_skin[skin] = True
        shares = np.array([crease.where(x, y) for crease in CREASES]) * (on_skin & (place[:, 2] > -25))
        shares[shares < 0.02] = 0.0
        best = shares.argmax(0)
        self.phase[:] = np.choose(best, [crease.phase(x, y) for crease in CREASES])
        faces = head.faces[shares.max(0)[head.faces].min(1) > 0]
        edges = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
        along = place[edges[:, 1]] - place[edges[:, 0]]
        self._lengths = np.linalg.norm(along, axis=1) * (apart / EYES_APART)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        ends, numbers = edges.T.ravel(), np.tile(np.arange(len(edges)), 2)
        directions = np.array([crease.across for crease in CREASES])[best[ends]]
        weight = np.abs((along[numbers, :2] * directions).sum(1)) ** 2 + 0.05
        rows = csr_matrix((weight, (ends, numbers)), shape=(count, len(edges)))
        mean = csr_matrix((np.ones(len(ends)), (ends, edges[:, ::-1].T.ravel())), shape=(count, count))
        rows, mean = _normal(rows), _normal(mean)
        rows = 0.5 * rows + 0.5 * mean @ rows  # neighbours share their tension
        gain = shares.max(0) * np.array([crease.gain for crease in CREASES])[best]
        self._rows = csr_matrix(rows.multiply(gain[:, None]), dtype=np.float32)
        self._edges = edges

    def __call__(self, vertices: np.ndarray) -> np.ndarray:
        """(V, 2) float32: phase of the creases, and their depth from 0 to 1, for vertices (V, 3)."""
        out = np.zeros((len(vertices), 2), np.float32)
        out[:, 0] = self.phase
        if len(self._edges):
            a, b = self._edges.T
            lengths = np.linalg.norm(vertices[a] - vertices[b], axis=1)
            out[:, 1] = np.clip(self._rows @ (1.0 - lengths / self._lengths).astype(np.float32), 0.0, 1.0)
        return out


def _normal(rows):
    """Rows of a sparse matrix with sum 1, or 0."""
    from scipy.sparse import diags

    sums = np.asarray(rows.sum(1)).ravel()
    return diags(1.0 / np.where(sums > 0, sums, 1.0)) @ rows
