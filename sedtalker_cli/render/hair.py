"""Short hair for the built-in head: shells over the scalp with hairs drawn on them. It is seen in pictures only.

The scalp's triangles are divided and lifted along their normals, several times at growing heights; the shader leaves
out what lies between the hairs (shells as of fur: Lengyel et al., Real-Time Fur over Arbitrary Surfaces, 2001). The
skull does not bend, so the hair follows it as a rigid body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.face.asset import load_asset
from sedtalker_cli.face.normals import VertexNormals

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

BUILT_IN = "sedtalker-head"
SHELLS = 5
LENGTH = {"crown": 0.013, "side": 0.006, "nape": 0.004}  # of the hair [m]
CROWN = np.array([0.0, 0.78, -0.62])  # where hair grows from: direction from the middle of the head
ROOTS, FULL = 0.30, 0.95  # shares of the scalp's mask where hair begins and where it has its length


@dataclass(frozen=True)
class Hair:
    """Hair of one head at rest.

    Attributes:
        vertices: (H, 3) [m].
        normals: (H, 3) of length 1.
        faces: (F, 3), shells from the skin outwards.
        strand: (H, 2) direction from the crown, seen along its axis: hairs run from the middle outwards.
        growth: (H, 2) share of the hairs that grow here; how far from the skin the shell lies, 0 to 1.
        anchors: vertices of the head that the hair follows.
        rest: (A, 3) where they are at rest [m].
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    strand: np.ndarray
    growth: np.ndarray
    anchors: np.ndarray
    rest: np.ndarray

    def place(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotation (3, 3) and shift (3,) from rest to a pose (V, 3) of the head (Kabsch, 1976)."""
        now = vertices[self.anchors].astype(np.float64)
        middle, rest_middle = now.mean(0), self.rest.mean(0)
        u, _, vt = np.linalg.svd((self.rest - rest_middle).T @ (now - middle))
        flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        rotation = (u @ flip @ vt).T
        return rotation, middle - rotation @ rest_middle


def grow_hair(head: Head) -> Hair | None:
    """Short hair of the built-in head's identity; None for other heads, which bring their own."""
    if head.name != BUILT_IN or head.source is not None:
        return None
    asset = load_asset()
    mask = asset.paints["scalp"]
    start, stop = asset.parts["skin"]
    skin = asset.faces[start:stop]
    faces = skin[mask[skin].max(1) > ROOTS]
    used, faces = np.unique(faces, return_inverse=True)
    faces = faces.reshape(-1, 3)
    normals = VertexNormals(skin, len(head.neutral))(np.ascontiguousarray(head.neutral, np.float32))
    points = np.hstack([head.neutral[used], normals[used], mask[used, None]]).astype(np.float64)
    for _ in range(2):
        points, faces = _divide(points, faces)
    skin_points, out, share = points[:, :3], _unit(points[:, 3:6]), points[:, 6]
    middle = (skin_points.max(0) + skin_points.min(0)) / 2
    grown = np.clip((share - ROOTS) / (FULL - ROOTS), 0, 1)
    length = _length(skin_points, middle) * np.sqrt(grown)
    shells = [skin_points + out * (0.0006 * (k > 0) + length * k / (SHELLS - 1))[:, None] for k in range(SHELLS)]
    count = len(skin_points)
    heights = np.repeat(np.arange(SHELLS) / (SHELLS - 1), count)
    compute = VertexNormals(faces, count)
    shell_normals = [_unit(out + compute(shell.astype(np.float32))) for shell in shells]
    anchors = np.flatnonzero(mask > 0.8)
    return Hair(
        vertices=np.concatenate(shells).astype(np.float32),
        normals=np.concatenate(shell_normals).astype(np.float32),
        faces=np.concatenate([faces + k * count for k in range(SHELLS)]).astype(np.uint32),
        strand=np.tile(_strand(skin_points - middle), (SHELLS, 1)).astype(np.float32),
        growth=np.stack([np.tile(grown, SHELLS), heights], axis=1).astype(np.float32),
        anchors=anchors,
        rest=head.neutral[anchors].astype(np.float64),
    )


def _divide(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every triangle into four; an edge's middle lies on the curve that its ends' normals tell (Phong tessellation)."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, number = np.unique(edges, axis=0, return_inverse=True)
    a, b = points[edges[:, 0]], points[edges[:, 1]]
    middle = (a + b) / 2
    flat = middle[:, :3]
    lifted = [flat - ((flat - end[:, :3]) * end[:, 3:6]).sum(1, keepdims=True) * end[:, 3:6] for end in (a, b)]
    middle[:, :3] = 0.3 * flat + 0.7 * (lifted[0] + lifted[1]) / 2
    middle[:, 3:6] = _unit(middle[:, 3:6])
    ab, bc, ca = (len(points) + number.reshape(-1, 3)).T
    p, q, r = faces.T
    parts = [(p, ab, ca), (ab, q, bc), (ca, bc, r), (ab, bc, ca)]
    return np.vstack([points, middle]), np.concatenate([np.stack(part, axis=1) for part in parts])


def _length(points: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Length of the hair (N,) [m]: long above, shorter at the sides and the nape."""
    up = np.clip((points[:, 1] - middle[1]) / (points[:, 1].max() - middle[1]), 0, 1)
    back = np.clip((middle[2] - points[:, 2]) / (middle[2] - points[:, 2].min()), 0, 1)
    low = LENGTH["side"] + (LENGTH["nape"] - LENGTH["side"]) * back
    share = up * up * (3 - 2 * up)
    return low + (LENGTH["crown"] - low) * share


def _strand(offsets: np.ndarray) -> np.ndarray:
    """Where points (N, 3) lie around the crown: (N, 2)."""
    axis = _unit(CROWN[None])[0]
    forward = _unit((np.array([0.0, 0.0, 1.0]) - axis * axis[2])[None])[0]
    side = np.cross(axis, forward)
    direction = _unit(offsets)
    return np.stack([direction @ side, direction @ forward], axis=1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
