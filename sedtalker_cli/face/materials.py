"""What the parts of a head are made of, guessed from their names."""

from __future__ import annotations

import re

# in this order: headwear is no head, an eyelash no eye
_WORDS = {
    "other": "wear|glasses|outfit",
    "lashes": "lash|eye ?line",
    "brows": "brow",
    "tongue": "tongue",
    "teeth": "teeth|tooth|gum|denture",
    "lips": r"\blips?\b",
    "mouth": r"mouth(?!.*shape)|oral|inner",
    "glossy": "eye|cornea|iris|sclera|pupil|tear",
    "hair": "hair|beard|mustache|moustache",
    "skin": "skin|head|face|body|neck|ear|nose",
}
# sRGB, for parts that bring no colours of their own
COLOURS: dict[str, tuple[int, int, int]] = {
    "skin": (214, 167, 144),
    "lips": (194, 122, 112),
    "mouth": (115, 46, 46),
    "eye": (238, 233, 228),
    "glossy": (238, 233, 228),
    "teeth": (235, 227, 209),
    "tongue": (189, 97, 97),
    "lashes": (33, 23, 20),
    "brows": (66, 46, 36),
    "hair": (66, 51, 41),
    "other": (153, 153, 153),
}


def material_of(*names: str) -> str:
    """Material of a part: a key of `COLOURS`; the first name that tells decides.

    Args:
        names: of its material, mesh and node, whatever there is.
    """
    for name in names:
        text = re.sub(r"[^a-z]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
        for material, words in _WORDS.items():
            if re.search(words, text):
                return material
    return "other"
