"""Captions over a picture: white letters on a dark box above the emotion strip."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from sedtalker_cli.render.fonts import load_font, warn_of_letters

if TYPE_CHECKING:
    from PIL import ImageFont

    from sedtalker_cli.formats.captions import Caption
    from sedtalker_cli.render.picture import Picture

LOGGER = logging.getLogger("sedtalker")
BOX = (0, 0, 0, 165)
LETTERS = (255, 255, 255, 255)
LARGEST, PLAIN = 0.037, 0.026  # height of letters, and what is still read with ease, as shares of the film's
SMALLEST = 9  # pixels
CHIN, MOST = 0.2, 0.5  # shares of the face's rows: below the mouth, and what captions take if they must


class Captioned:
    """A picture with captions.

    Args:
        picture: What is shown below them.
        captions: In order of time.
        fps: Frames a second.
        frames: How many the film has; a warning says if all captions start later.
    """

    def __init__(self, picture: Picture, captions: Sequence[Caption], fps: float, frames: int) -> None:
        self._picture, self._fps = picture, fps
        self.width, self.height, self.floor = picture.width, picture.height, picture.floor
        self._captions = captions
        self._onsets = np.array([caption.onset for caption in captions])
        self._ends = np.array([caption.end for caption in captions])
        self._draw_box = lru_cache(maxsize=2)(self._make_box)
        warn_of_letters("captions", "".join(caption.text for caption in captions))
        if captions[0].onset >= frames / fps:
            LOGGER.warning("no caption is shown: the first is at %g s, after the film's end", captions[0].onset)

    def __enter__(self) -> Captioned:
        self._picture.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._picture.__exit__(*details)

    def draw(self, frame: int, out: np.ndarray) -> None:
        """See `Picture.draw`."""
        self._picture.draw(frame, out)
        text = self._text(frame)
        if not text:
            return
        box = self._draw_box(text)
        rows, columns = box.shape[:2]
        top, left = self.floor - rows - min(round(0.02 * self.floor), self.floor - rows), (self.width - columns) // 2
        under = out[top : top + rows, left : left + columns]
        under[:] = box + under * (255 - box[..., 3:].astype(np.uint16)) // 255  # both are multiplied by their alpha

    def _text(self, frame: int) -> str:
        """What is shown in a frame, captions at the same time below each other."""
        time = frame / self._fps + 1e-6
        shown = np.flatnonzero((self._onsets <= time) & (time < self._ends))
        return "\n".join(self._captions[k].text for k in shown)

    def _make_box(self, text: str) -> np.ndarray:
        """(rows, columns, 4) uint8, colours multiplied by alpha; letters shrink until all fit, else the end is cut."""
        side = min(self.height, 1.4 * self.width)
        for size in range(max(SMALLEST, round(LARGEST * side)), SMALLEST - 1, -1):
            font = load_font(size)
            pad = max(2, size // 3)
            lines = _wrap(text, font, self.width - 4 * pad)
            step = round(1.25 * size)
            room = round((CHIN if size > max(PLAIN * side, SMALLEST) else MOST) * self.floor)
            if len(lines) * step + 2 * pad <= room:
                break
        most = max((room - 2 * pad) // step, 1)
        if len(lines) > most:
            lines = [*lines[: most - 1], lines[most - 1][:-1] + "…"]
        width = min(round(max(map(font.getlength, lines))) + 2 * pad, self.width)
        image = Image.new("RGBA", (width, min(len(lines) * step + 2 * pad, self.floor)), (0, 0, 0, 0))
        draw = ImageDraw.Draw(image)
        draw.rounded_rectangle([0, 0, image.width - 1, image.height - 1], radius=pad, fill=BOX)
        for k, line in enumerate(lines):
            draw.text((width / 2, pad + (k + 0.5) * step), line, fill=LETTERS, font=font, anchor="mm")
        pixels = np.asarray(image).astype(np.uint16)
        pixels[..., :3] = pixels[..., :3] * pixels[..., 3:] // 255
        return pixels.astype(np.uint8)


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Lines not wider than `width` pixels; a word that is wider itself is broken."""
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if font.getlength(longer) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            while font.getlength(word) > width and len(word) > 1:
                fits = next((n for n in range(len(word) - 1, 1, -1) if font.getlength(word[:n]) <= width), 1)
                lines.append(word[:fits])
                word = word[fits:]
            line = word
        lines.append(line)
    return lines
