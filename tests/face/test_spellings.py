"""Names of ARKit shapes as other tools spell them."""

import pytest

from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.face.arkit_spelling import arkit_name


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *((spelling, "mouthSmileLeft") for spelling in ("mouthSmileLeft", "MouthSmileLeft", "mouthSmile_L")),
        *((spelling, "mouthSmileLeft") for spelling in ("mouth_smile_left", "MOUTH SMILE LEFT", "mouthSmile-l")),
        *((spelling, "mouthSmileLeft") for spelling in ("blendShape1.mouthSmile_L", "Face_mouthSmileLeft")),
        *(
            (spelling, "mouthSmileLeft")
            for spelling in ("ARKit|head:mouthSmileLeft", "left_mouthSmile", "l_mouthSmile")
        ),
        *((spelling, "mouthSmileLeft") for spelling in ("mouthSmile.L", "MouthSmile.l.001", "Face.mouthSmile.Left")),
        *((spelling, "jawOpen") for spelling in ("JawOpen", "jawOpen.001", "blendShape1.jawOpen.002")),
        *((spelling, "mouthSmileLeft") for spelling in ("mouthSmile_l", "mouthSmile_l_001", "mouth_smile_l.002")),
        *((spelling, "jawOpen") for spelling in ("jawOpen_001", "A25_Jaw_Open", "Wolf3D_Head.jawOpen_001")),
        ("BS_jawOpen", "jawOpen"),
        ("jaw_L", "jawLeft"),
        ("mouth_r", "mouthRight"),
        ("mouthRollUpper", "mouthRollUpper"),
        ("mouthSmile", None),
        ("viseme_aa", None),
        ("jaw", None),
        ("", None),
    ],
)
def test_spellings(text, meant):
    assert arkit_name(text) == meant


@pytest.mark.parametrize("name", ARKIT_NAMES)
def test_every_shape_is_known_by_short_sides(name):
    short = name.replace("Left", "_L").replace("Right", "_R")
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    assert arkit_name(short) == arkit_name(snake) == arkit_name(f"x.{name.upper()}") == name
