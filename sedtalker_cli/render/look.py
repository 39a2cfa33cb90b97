"""What a head is made of: materials of its parts, colours of its vertices, the light on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.render.geometry import part_vertices

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

BACKDROP = (0.150, 0.165, 0.185)  # linear; a neutral grey, darker than skin


# Direction to the light (x to the right of the picture, y up, z to the camera) and its linear colour: key from
# above and beside the camera, so that brow and cheek folds throw shade; fill from the other side; rim from behind.
LIGHTS = {
    "key": ((-0.50, 0.72, 0.80), (0.86, 0.81, 0.75)),
    "fill": ((0.85, 0.10, 0.60), (0.17, 0.19, 0.23)),
    "rim": ((0.55, 0.50, -0.75), (0.75, 0.85, 1.00)),
}


@dataclass(frozen=True)
class Material:
    """How a part answers light.

    Attributes:
        surface: which shader draws it: `plain`, `two_sided` (thin or open) or `eye`.
        colour: sRGB in 0..1, for heads that carry no colours of their own.
        gloss: strength of the highlight.
        wrap: how far light creeps into shade, per channel.
    """

    surface: str
    colour: tuple[float, float, float]
    gloss: float
    wrap: tuple[float, float, float]


SKIN_WRAP = (0.34, 0.17, 0.12)
TEETH = Material("two_sided", (0.92, 0.89, 0.82), 0.16, (0.20, 0.16, 0.12))
EYE = Material("eye", (0.93, 0.91, 0.89), 0.05, (0.30, 0.22, 0.20))
SKIN = Material("plain", (0.84, 0.655, 0.565), 0.075, SKIN_WRAP)
OTHER = Material("two_sided", (0.6, 0.6, 0.6), 0.05, (0.1, 0.1, 0.1))
MATERIALS = {
    "skin": SKIN,
    "lips": Material("plain", (0.76, 0.48, 0.44), 0.16, SKIN_WRAP),
    "mouth": Material("plain", (0.45, 0.18, 0.18), 0.10, SKIN_WRAP),
    "eye_left": EYE,
    "eye_right": EYE,
    "teeth_upper": TEETH,
    "teeth_lower": TEETH,
    "tongue": Material("two_sided", (0.74, 0.38, 0.38), 0.10, (0.30, 0.12, 0.10)),
    "lashes": Material("two_sided", (0.13, 0.09, 0.08), 0.0, (0.0, 0.0, 0.0)),
    "brows": Material("two_sided", (0.26, 0.18, 0.14), 0.0, (0.0, 0.0, 0.0)),
}
IRIS = (0.58, 0.45, 0.31)  # sRGB
IRIS_SIZE = (0.41, 0.165)  # sine of the iris's and of the pupil's angle from the optical axis


def vertex_colours(head: Head) -> np.ndarray:
    """Colour every vertex as the head says, or by its part where the head has no colours.

    Args:
        head: `head.colors`, where given, is (V, 3) uint8, sRGB.

    Returns:
        (V, 3) uint8, sRGB.
    """
    given = getattr(head, "colors", None)
    if given is not None:
        return np.asarray(given, np.uint8)
    colours = np.tile(np.array(SKIN.colour), (len(head.neutral), 1))
    for name in head.parts:
        colours[part_vertices(head, name)] = MATERIALS.get(name, OTHER).colour
    return np.round(colours * 255).astype(np.uint8)
