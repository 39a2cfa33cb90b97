"""How a face is looked at: camera, background, shadow, hair."""

from __future__ import annotations

from dataclasses import dataclass

from sedtalker_cli.errors import UsageError

CAMERAS = ("front", "three-quarter", "close")
GRADIENT, TRANSPARENT = "gradient", "transparent"
Background = tuple[int, int, int] | str  # sRGB, or one of the two words above


@dataclass(frozen=True)
class View:
    """What a user chooses of the picture.

    Attributes:
        camera: one of `CAMERAS`; each frames the head by itself.
        background: sRGB, `gradient` or `transparent`.
        shadow: whether the key light throws shadows.
        hair: whether the built-in head has hair; other heads show their own.
    """

    camera: str = "front"
    background: Background = GRADIENT
    shadow: bool = False
    hair: bool = True


def parse_background(text: str) -> Background:
    """Read a colour's name, `#rrggbb`, `gradient` or `transparent`.

    Raises:
        UsageError: it is none of these.
    """
    from PIL import ImageColor

    if text.lower() in (GRADIENT, TRANSPARENT):
        return text.lower()
    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError:
        raise UsageError(
            f"background {text!r} is no colour: give a name as white, #rrggbb, {GRADIENT} or {TRANSPARENT}"
        ) from None
