"""Pictures on the parts of a head, placed by the corners of faces: a vertex may lie at several places of a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sedtalker_cli.formats.gltf_surface import Texture


@dataclass(frozen=True)
class PartTexture:
    """The picture on one part.

    Attributes:
        image: (H, W, 3) or, where it is cut out by its alpha, (H, W, 4) uint8, sRGB; the first row is at v = 0.
        corners: (F, 3, 2) float32, place of each face's corners on it; 0 to 1 is the picture once.
        tint: (F, 3, 3) uint8, sRGB, by which it is multiplied.
        wrap: what lies beyond it, sideways and downwards, in glTF's (and OpenGL's) numbers.
        cutoff: where alpha (0 to 1) is below, nothing is shown; 0 where alpha does not count.
    """

    image: np.ndarray
    corners: np.ndarray
    tint: np.ndarray
    wrap: tuple[int, int]
    cutoff: float

    @classmethod
    def of(cls, texture: Texture, tint: np.ndarray, faces: np.ndarray) -> PartTexture:
        """From a piece's texture, tint (V, 3) in 0..1 and faces (F, 3)."""
        shades = np.round(np.nan_to_num(tint).clip(0, 1) * 255).astype(np.uint8)
        return cls(texture.image, texture.uv[faces], shades[faces], texture.wrap, texture.cutoff)
