"""ARKit's names in the spellings that modelling programs and shops give them."""

from __future__ import annotations

import re

from sedtalker_cli.face.arkit import ARKIT_NAMES

_BY_KEY = {name.lower(): name for name in ARKIT_NAMES}
for _name in ARKIT_NAMES:  # mouthSmileL, mouthSmile_L
    if _name.endswith(("Left", "Right")):
        _stem = _name.removesuffix("Left").removesuffix("Right")
        _side = _name[len(_stem) :]
        _BY_KEY[(_stem + _side[0]).lower()] = _name
        _BY_KEY[(_side + _stem).lower()] = _name  # left_mouthSmile
        if len(_stem) > 5:  # l_mouthSmile; "ljaw" would be too short to be sure
            _BY_KEY[(_side[0] + _stem).lower()] = _name


def arkit_name(text: str) -> str | None:
    """The ARKit name that a shape's name stands for, or None.

    Letter case, underscores, hyphens and spaces do not count; sides may be Left or L, behind or before; what stands
    before the last `.`, `:` or `|` is a prefix (`blendShape1.jawOpen`), and so may be words before an underscore
    (`ARKit_jawOpen`, `Face_mouthSmile_L`). Sides may also end with a dot (`mouthSmile.L`), and Blender's numbers of
    copies do not count (`jawOpen.001`, `jawOpen_001`).
    """
    text = re.sub(r"[._]\d+$", "", text.strip())  # Blender numbers what has the same name; exporters write it with _
    text = re.sub(r"\.(l|r|left|right)$", r"_\1", text, flags=re.IGNORECASE)  # and ends sides with a dot
    words = [word for word in re.split(r"[_\-\s]+", re.split(r"[.:|/]", text)[-1].lower()) if word]
    for start in range(len(words)):
        name = _BY_KEY.get("".join(words[start:]))
        if name:
            return name
    return None
