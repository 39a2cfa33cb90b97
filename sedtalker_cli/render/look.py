"""How the materials of a head answer light, and the light on them."""

from __future__ import annotations

from dataclasses import dataclass

BACKDROP = (0.150, 0.165, 0.185)  # linear; a neutral grey, darker than skin

# Direction to the light (x to the right of the picture, y up, z to the camera) and its linear colour: key from
# above and beside the camera, so that brow and cheek folds throw shade; fill from the other side; rim from behind.
LIGHTS = {
    "key": ((-0.50, 0.72, 0.80), (0.86, 0.81, 0.75)),
    "fill": ((0.85, 0.10, 0.60), (0.17, 0.19, 0.23)),
    "rim": ((0.55, 0.50, -0.75), (0.42, 0.48, 0.56)),
}


@dataclass(frozen=True)
class Material:
    """How a part answers light.

    Attributes:
        surface: which shader draws it: `plain`, `two_sided` (thin or open), `eye` or `hair`.
        gloss: strength of the highlight.
        wrap: how far light creeps into shade, per channel.
        rim: share of the light from behind that reaches it; none does inside the mouth.
    """

    surface: str
    gloss: float
    wrap: tuple[float, float, float]
    rim: float = 1.0


SKIN_WRAP = (0.34, 0.17, 0.12)
NO_WRAP = (0.0, 0.0, 0.0)
MATERIALS = {  # by the names of `face.materials`
    "skin": Material("plain", 0.075, SKIN_WRAP),
    "lips": Material("plain", 0.16, SKIN_WRAP),
    "mouth": Material("plain", 0.10, SKIN_WRAP, rim=0.0),
    "eye": Material("eye", 0.05, (0.30, 0.22, 0.20)),  # white; the shader paints iris and pupil
    "glossy": Material("plain", 0.30, (0.30, 0.22, 0.20)),
    "teeth": Material("two_sided", 0.16, (0.20, 0.16, 0.12), rim=0.0),
    "tongue": Material("two_sided", 0.10, (0.30, 0.12, 0.10), rim=0.0),
    "lashes": Material("two_sided", 0.0, NO_WRAP),
    "brows": Material("two_sided", 0.0, NO_WRAP),
    "hair": Material("two_sided", 0.06, (0.10, 0.10, 0.10)),
    "other": Material("two_sided", 0.05, (0.10, 0.10, 0.10)),
}
STRANDS = Material("hair", 0.05, (0.25, 0.22, 0.20), rim=0.7)  # of `render.hair`
HAIR = (66, 47, 36)  # sRGB, dark brown
IRIS = (0.58, 0.45, 0.31)  # sRGB
IRIS_SIZE = (0.41, 0.165)  # sine of the iris's and of the pupil's angle from the optical axis
