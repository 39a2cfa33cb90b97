"""Error as colour: how far each vertex is from a reference."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from sedtalker_cli.render.fonts import SMALLEST, load_font
from sedtalker_cli.render.strip import PANEL, TEXT

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

LOGGER = logging.getLogger("sedtalker")
SAMPLES = 60  # frames that decide the scale
STEPS = 1, 2, 5


class HeatMap:
    """Colours of a motion's vertices by their distance from a reference.

    Args:
        vertices: (T, V, 3) [m].
        reference: (T, V, 3) [m].

    Attributes:
        limit: distance of the strongest colour [m]: what 99 of 100 distances stay below, rounded up.
    """

    def __init__(self, vertices: np.ndarray, reference: np.ndarray) -> None:
        from matplotlib import colormaps

        self._vertices, self._reference = vertices, reference
        self._ramp = np.round(colormaps["viridis"](np.arange(256))[:, :3] * 255).astype(np.uint8)
        sampled = np.unique(np.linspace(0, len(vertices) - 1, SAMPLES).astype(int))
        self.limit = _round_up(float(np.percentile(np.concatenate([self.distance(k) for k in sampled]), 99)))

    @classmethod
    def alike(cls, motions: Sequence[np.ndarray], reference: np.ndarray) -> list[HeatMap]:
        """Maps of several motions with one scale, so that they can be compared."""
        maps = [cls(vertices, reference) for vertices in motions]
        for heat in maps:
            heat.limit = max(other.limit for other in maps)
        return maps

    def distance(self, frame: int) -> np.ndarray:
        """(V,) from the reference [m]."""
        return np.linalg.norm(self._vertices[frame] - self._reference[frame], axis=1)

    def colors(self, frame: int) -> np.ndarray:
        """(V, 3) uint8 of one frame."""
        return self._ramp[np.minimum(self.distance(frame) / self.limit * 255, 255).astype(np.uint8)]

    def legend(self, height: int, width: int) -> np.ndarray | None:
        """The scale with its ends in millimetres: (rows, columns, 4) uint8 for a picture of this size [pixels].

        Where it would hide the face, a warning gives its end in words instead, and None is returned.
        """
        size = min(max(10, height // 36), width // 16)
        if size < SMALLEST or height < 96:
            LOGGER.warning("no room for the heat map's scale: its strongest colour is %g mm", 1000 * self.limit)
            return None
        font = load_font(size)
        top, rows = 2 * size, max(height // 3, 40)
        end = f"{1000 * self.limit:g} mm"
        image = Image.new("RGB", (round(font.getlength(end)) + size, rows + 2 * top), PANEL)
        draw = ImageDraw.Draw(image)
        ramp = np.repeat(self._ramp[np.linspace(255, 0, rows).astype(int)][:, None], size, axis=1)
        image.paste(Image.fromarray(ramp), ((image.width - size) // 2, top))
        for text, y in ((end, top / 2), ("0 mm", rows + 1.5 * top)):
            draw.text((image.width / 2, y), text, fill=TEXT, font=font, anchor="mm")
        return np.asarray(image.convert("RGBA"))


def plain_head(head: Head) -> Head:
    """The head without textures, and with eyes that take the colours of their vertices, rather than an iris."""
    materials = {k: "glossy" if v == "eye" else v for k, v in head.materials.items()}
    return replace(head, materials=materials, textures={})


def _round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten, at least a micrometre."""
    value = max(value, 1e-6)
    power = 10.0 ** np.floor(np.log10(value))
    return float(next((step * power for step in STEPS if step * power >= value * (1 - 1e-9)), 10 * power))
