"""The strip under the face: which emotion when and how strongly, with a playhead. Drawn once; a frame moves a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sedtalker_cli.emotion.colors import COLOURS, class_colours

if TYPE_CHECKING:
    from sedtalker_cli.emotion.timeline import EmotionTimeline, Segment

__all__ = ["COLOURS", "EmotionStrip", "class_colours", "clock", "strip_height", "tick_step"]
PANEL = (22, 24, 28)
TEXT = (226, 229, 233)
FAINT = (122, 128, 136)
PLAYHEAD = (255, 255, 255)
ROUNDING = 0.1  # s by which a film may be longer than its timeline


def strip_height(height: int) -> int:
    """Even height of the strip in a film of `height` pixels: enough for three rows that can be read."""
    return min(max(72, 2 * round(0.075 * height)), height // 4 * 2)


def tick_step(duration: float, width: int, label_width: int) -> float:
    """Seconds between ticks of the time axis: 0.5, 1, 2, 5, 10, 15, 30 or round minutes, so that labels stay apart."""
    fitting = max(width / (2.6 * label_width), 1.0)
    steps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]
    return next((step for step in steps if duration / step <= fitting), steps[-1])


def clock(seconds: float) -> str:
    """Write a time of the axis: `2.5`, `14`, `1:05`."""
    if seconds >= 60:
        return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
    return f"{seconds:g}"


class EmotionStrip:
    """Draws the strip of one film.

    Args:
        timeline: What is shown.
        duration: Of the film [s]; the strip's width stands for it.
        width, height: Of the strip [pixels].
    """

    def __init__(self, timeline: EmotionTimeline, duration: float, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._duration = max(duration, 1e-9)
        size = max(9, round(min(height * 0.19, width * 0.045)))
        self._font = ImageFont.load_default(size=size)
        self._small = ImageFont.load_default(size=max(8, round(size * 0.86)))
        self._pad = max(4, round(width * 0.02))
        self._top = round(height * 0.30)  # of the curve; above it stands what is being felt now
        self._bottom = round(height * 0.76)  # of the curve; below it runs the time
        self._timeline = timeline
        self._colours = class_colours(timeline.classes)
        self._segments: list[Segment] = timeline.segments()
        self._onsets = np.array([segment.onset for segment in self._segments])
        self._picture = self._draw_still()
        self._headers = {name: self._draw_header(name) for name in {s.emotion for s in self._segments}}

    def column(self, time: float) -> int:
        """Column of a time [pixels]."""
        share = min(max(time / self._duration, 0.0), 1.0)
        return self._pad + round(share * (self.width - 2 * self._pad - 1))

    def emotion_at(self, time: float) -> str:
        """Name of the segment's emotion at a time [s]."""
        place = int(np.searchsorted(self._onsets, time + 1e-9, side="right")) - 1
        return self._segments[max(place, 0)].emotion

    def draw(self, time: float, out: np.ndarray) -> None:
        """Draw the strip at a time.

        Args:
            time: [s].
            out: (height, width, 4) uint8 to draw into.
        """
        out[:] = self._picture
        header = self._headers[self.emotion_at(time)]
        out[: self._top - 2, self._pad : self._pad + header.shape[1]] = header
        x, half = self.column(time), max(1, round(self.height / 90))
        top, bottom = self._top - 1, self._bottom + 2
        out[top:bottom, max(x - 2 * half, 0) : x + 2 * half + 1, :3] //= 2  # a dark edge keeps it visible on yellow
        out[top:bottom, max(x - half + 1, 0) : x + half, :3] = PLAYHEAD
        for row in range(3 * half):  # a small arrow on top
            out[top - 3 * half + row, max(x - 3 * half + row, 0) : x + 3 * half - row + 1, :3] = PLAYHEAD

    def _draw_still(self) -> np.ndarray:
        """Draw everything that does not move: (height, width, 4) uint8."""
        image = Image.new("RGB", (self.width, self.height), PANEL)
        draw = ImageDraw.Draw(image)
        columns = np.arange(self.column(0), self.column(self._duration) + 1)
        times = (columns - columns[0]) / max(len(columns) - 1, 1) * self._duration
        known = times < self._timeline.duration + ROUNDING
        columns, times = columns[known], times[known]
        _, intensity = self._timeline.sample(times)
        span = self._bottom - self._top
        for x, time, level in zip(columns.tolist(), times, intensity, strict=True):
            colour = self._colours[self.emotion_at(time)]
            faint = tuple(round(0.30 * c + 0.70 * p) for c, p in zip(colour, PANEL, strict=True))
            draw.line([(x, self._top), (x, self._bottom)], fill=faint)
            height = round(float(np.clip(level, 0, 1)) * span)
            draw.line([(x, self._bottom - height), (x, self._bottom)], fill=colour)
        for segment in self._segments:
            self._label_segment(draw, segment)
        self._draw_axis(draw)
        return np.asarray(image.convert("RGBA"))

    def _label_segment(self, draw: ImageDraw.ImageDraw, segment: Segment) -> None:
        """Write a segment's emotion into it where there is room."""
        left, right = self.column(segment.onset), self.column(segment.onset + segment.duration)
        gap = max(4, self.height // 14)
        if draw.textlength(segment.emotion, font=self._font) + 1.5 * gap > right - left:
            return
        draw.text(
            (left + gap, (self._top + self._bottom) / 2),
            segment.emotion,
            fill=TEXT,
            font=self._font,
            anchor="lm",
            stroke_width=max(1, self.height // 45),
            stroke_fill=PANEL,
        )

    def _draw_axis(self, draw: ImageDraw.ImageDraw) -> None:
        """Draw the time axis with ticks in seconds or minutes."""
        y = self._bottom + 2
        draw.line([(self.column(0), y), (self.column(self._duration), y)], fill=FAINT)
        unit = draw.textlength("s", font=self._small)
        label = max(draw.textlength(text, font=self._small) for text in (clock(self._duration), "0.5"))
        step = tick_step(self._duration, self.width - 2 * self._pad, round(label))
        for k in range(int(self._duration / step + 1e-6) + 1):
            x = self.column(k * step)
            draw.line([(x, y), (x, y + 3)], fill=FAINT)
            text = clock(k * step) + (" s" if k == 0 else "")
            half = draw.textlength(clock(k * step), font=self._small) / 2
            x_text = min(max(x - half, self._pad), self.width - self._pad - 2 * half - (2 * unit if k == 0 else 0))
            draw.text((x_text, self.height - 2), text, fill=FAINT, font=self._small, anchor="ls")

    def _draw_header(self, emotion: str) -> np.ndarray:
        """Draw what is being felt now, as a patch of colour and a word: (rows, columns, 4) uint8."""
        rows = self._top - 2
        image = Image.new("RGB", (self.width - 2 * self._pad, rows), PANEL)
        draw = ImageDraw.Draw(image)
        side = max(4, round(rows * 0.46))
        top = (rows - side) // 2
        draw.rectangle([0, top, side - 1, top + side - 1], fill=self._colours[emotion])
        draw.text((1.5 * side, rows / 2), emotion, fill=TEXT, font=self._font, anchor="lm")
        box = int(1.5 * side + 2 + draw.textlength(emotion, font=self._font))
        return np.asarray(image.convert("RGBA"))[:, : min(box, image.width)]
