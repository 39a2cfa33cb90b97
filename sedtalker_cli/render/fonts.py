"""Letters of titles and captions."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

LOGGER = logging.getLogger("sedtalker")
SMALLEST = 8  # pixels; smaller letters cannot be read


@lru_cache(maxsize=32)
def load_font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with Matplotlib: Latin, Greek, Cyrillic, Arabic and Hebrew letters."""
    return ImageFont.truetype(_font_file(), size)


def fit_text(text: str, size: int, width: float) -> tuple[str, ImageFont.FreeTypeFont]:
    """A line of text and a font of at most `size` with which it is not wider than `width` [pixels].

    Letters shrink as far as they can be read; then the end is cut.
    """
    while size > SMALLEST and load_font(size).getlength(text) > width:
        size -= 1
    font = load_font(size)
    if font.getlength(text) > width:
        while text and font.getlength(text + "…") > width:
            text = text[:-1]
        text += "…"
    return text, font


def warn_of_letters(what: str, text: str) -> None:
    """Say which letters of `text` will be empty boxes.

    Args:
        what: is written, e.g. `captions`.
        text: to be written.
    """
    from matplotlib.ft2font import FT2Font

    known = FT2Font(_font_file()).get_charmap()
    missing = sorted({letter for letter in text if not letter.isspace() and ord(letter) not in known})
    if missing:
        shown = "".join(missing[:10])
        LOGGER.warning("%s: the font has no %s (%d letters in all), boxes stand for them", what, shown, len(missing))


def _font_file() -> str:
    import matplotlib

    return str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf")
