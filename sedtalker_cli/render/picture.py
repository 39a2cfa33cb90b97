"""What a film shows, frame by frame: a face, the emotion strip below it, a title above it, several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image, ImageDraw

from sedtalker_cli.render import make_scene
from sedtalker_cli.render.fonts import fit_text, warn_of_letters
from sedtalker_cli.render.heat import HeatMap, plain_head
from sedtalker_cli.render.strip import PANEL, TEXT, EmotionStrip, strip_height
from sedtalker_cli.render.view import View

if TYPE_CHECKING:
    from sedtalker_cli.emotion.timeline import EmotionTimeline
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.formats.motion import Frames


class Picture(Protocol):
    """Draws any frame of a film; a context manager that holds what it draws with."""

    width: int
    height: int
    floor: int  # the row below the faces, where an emotion strip begins

    def __enter__(self) -> Picture: ...
    def __exit__(self, *_: object) -> None: ...
    def draw(self, frame: int, out: np.ndarray) -> None:
        """Draw a frame into `out` (height, width, 4) uint8; one beyond the end shows the last."""


class Face:
    """One moving face, with its title and emotions if wanted.

    Args:
        vertices: (T, V, 3) [m]; an array, or `formats.motion.Frames`.
        head: Whose vertices these are.
        fps: Frames a second.
        size: Width and height [pixels].
        view: Camera, background, shadow, hair; a heat map shows none.
        timeline: Emotions for the strip below; no strip if None.
        title: Words above the face; no title if None.
        heat: Shows the distance from a reference as colour; None shows the head's own colours.
        head_motion: (T, 4, 4) where each frame's vertices are moved to; the camera stands still. None moves nothing.
        duration: What the strip's width stands for [s]; None is the motion's own.
    """

    def __init__(
        self,
        vertices: np.ndarray | Frames,
        head: Head,
        fps: float,
        size: tuple[int, int],
        view: View,
        timeline: EmotionTimeline | None = None,
        title: str | None = None,
        heat: HeatMap | None = None,
        head_motion: np.ndarray | None = None,
        duration: float | None = None,
    ) -> None:
        if vertices.ndim != 3 or vertices.shape[1:] != head.neutral.shape or len(vertices) == 0:
            raise ValueError(f"vertices must be (T, {len(head.neutral)}, 3) with T > 0, got {vertices.shape}")
        self.width, self.height = size
        self._vertices, self._fps = vertices, fps
        self._title = None if title is None else draw_title(title, self.width, self.height)
        self._top = 0 if self._title is None else len(self._title)
        below = 0 if timeline is None else strip_height(self.height)
        self.floor = self.height - below
        duration = duration or len(vertices) / fps
        self._strip = None if timeline is None else EmotionStrip(timeline, duration, self.width, below)
        self._heat, self._head_motion = heat, head_motion
        self._legend = None if heat is None else heat.legend(self.floor - self._top, self.width)
        if heat is not None:
            head, view = plain_head(head), replace(view, hair=False)
        self._scene = make_scene(head, self.width, self.floor - self._top, view)

    def __enter__(self) -> Face:
        return self

    def __exit__(self, *_: object) -> None:
        self._scene.close()

    def draw(self, frame: int, out: np.ndarray) -> None:
        """See `Picture.draw`."""
        time = frame / self._fps
        frame = min(frame, len(self._vertices) - 1)
        if self._title is not None:
            out[: self._top] = self._title
        face = out[self._top : self.floor]
        colors = None if self._heat is None else self._heat.colors(frame)
        vertices = self._vertices[frame]
        if self._head_motion is not None:
            place = self._head_motion[frame]
            vertices = vertices @ place[:3, :3].T + place[:3, 3]
        self._scene.draw(vertices, face, colors)
        if self._legend is not None:
            rows, columns = min(len(self._legend), len(face)), min(self._legend.shape[1], self.width)
            face[-rows:, self.width - columns :] = self._legend[-rows:, -columns:]
        if self._strip is not None:
            self._strip.draw(time, out[self.floor :])


class SideBySide:
    """Pictures of the same size in a row.

    Args:
        pictures: From left to right.
    """

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self._pictures = pictures
        self.height = pictures[0].height
        self.width = sum(picture.width for picture in pictures)
        self.floor = min(picture.floor for picture in pictures)

    def __enter__(self) -> SideBySide:
        with ExitStack() as stack:
            for picture in self._pictures:
                stack.enter_context(picture)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def draw(self, frame: int, out: np.ndarray) -> None:
        """See `Picture.draw`."""
        left = 0
        for picture in self._pictures:
            picture.draw(frame, out[:, left : left + picture.width])
            left += picture.width


def draw_title(text: str, width: int, height: int) -> np.ndarray:
    """A bar with a title for a picture of this size: (rows, width, 4) uint8; a long title shrinks, and then is cut."""
    rows = max(24, 2 * round(0.03 * height))
    warn_of_letters("title", text)
    text, font = fit_text(text, max(10, round(0.6 * rows)), 0.96 * width)
    image = Image.new("RGB", (width, rows), PANEL)
    ImageDraw.Draw(image).text((width / 2, rows / 2), text, fill=TEXT, font=font, anchor="mm")
    return np.asarray(image.convert("RGBA"))
