"""Colours of the emotions, shared by films, plots and reports; light to import."""

from __future__ import annotations

from collections.abc import Iterable

RGB = tuple[int, int, int]

# Okabe and Ito's palette, which people with any common colour blindness tell apart; grey for the class of rest.
COLOURS: dict[str, RGB] = {
    "angry": (213, 94, 0),
    "disgust": (0, 158, 115),
    "fear": (204, 121, 167),
    "happy": (240, 228, 66),
    "neutral": (150, 154, 160),
    "sad": (0, 114, 178),
    "surprise": (86, 180, 233),
}
OTHER_COLOURS: tuple[RGB, ...] = (
    (230, 159, 0),
    (170, 68, 153),
    (153, 153, 51),
    (136, 204, 238),
    (221, 204, 119),
    (136, 34, 85),
)


def class_colours(classes: Iterable[str]) -> dict[str, RGB]:
    """Colour of every class; names beyond the default seven get further colours in alphabetical order."""
    classes = tuple(classes)
    others = sorted(name for name in classes if name not in COLOURS)
    extra = {name: OTHER_COLOURS[place % len(OTHER_COLOURS)] for place, name in enumerate(others)}
    return {name: COLOURS.get(name) or extra[name] for name in classes}


def hex_colour(colour: RGB) -> str:
    """`#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
