"""A head's vertices as graphics cards want them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head


@dataclass(frozen=True)
class DrawnVertices:
    """One vertex for each place on a picture.

    Attributes:
        source: (D,) the head's vertex that each is.
        faces: (F, 3) int32, the head's, of these vertices.
        uv: (D, 2) float32, 0 on parts without a picture.
        colors: (D, 3) uint8, sRGB; on parts with a picture its tint.
    """

    source: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    colors: np.ndarray


def drawn_vertices(head: Head) -> DrawnVertices:
    """The vertices of a head to draw; those of the head in their order where it has no pictures."""
    count = len(head.neutral)
    if not head.textures:
        return DrawnVertices(np.arange(count), head.faces, np.zeros((count, 2), np.float32), head.colors)
    faces = head.faces.copy()
    plain = [part for part in head.parts if part not in head.textures]
    used = np.unique(
        np.concatenate([np.zeros(0, np.int32), *(head.faces[slice(*head.parts[k])].ravel() for k in plain)])
    )
    place = np.zeros(count, np.int32)
    place[used] = np.arange(len(used))
    source, uv, colors = [used], [np.zeros((len(used), 2), np.float32)], [head.colors[used]]
    for part in plain:
        faces[slice(*head.parts[part])] = place[head.faces[slice(*head.parts[part])]]
    start = len(used)
    for part, texture in head.textures.items():
        own = head.faces[slice(*head.parts[part])].ravel()
        corners, tint = texture.corners.reshape(-1, 2), texture.tint.reshape(-1, 3)
        key = np.concatenate([own[:, None], corners, tint], axis=1, dtype=np.float64)
        _, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
        faces[slice(*head.parts[part])] = start + inverse.reshape(-1, 3)
        source.append(own[first])
        uv.append(corners[first])
        colors.append(tint[first])
        start += len(first)
    return DrawnVertices(np.concatenate(source), faces, np.concatenate(uv), np.concatenate(colors))
