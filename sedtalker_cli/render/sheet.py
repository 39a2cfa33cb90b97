"""Contact sheets: one motion's frames over time, or several motions as a grid with the same times in each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from sedtalker_cli.clock import HOP
from sedtalker_cli.errors import UsageError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.render.fonts import fit_text
from sedtalker_cli.render.picture import Picture, draw_title
from sedtalker_cli.render.strip import PANEL, TEXT

if TYPE_CHECKING:
    from sedtalker_cli.emotion.timeline import EmotionTimeline

COLUMNS = (4, 8)  # of one motion's sheet where its pictures are wide, and where they are narrow
NARROWEST = 48  # pixels of a picture that still shows a face
SHEET_PIXELS = 178_000_000  # above it Pillow takes a picture for an attack, and others may, too


@dataclass(frozen=True)
class Grid:
    """Where the pictures of a sheet stand.

    Attributes:
        columns, rows: of pictures; a comparison has a row for each motion.
        tile: (width, height) of a picture [pixels].
        line: height of a line of words [pixels].
        header: height of the line of times above a comparison, 0 for one motion, whose pictures say it themselves.
        title: height of the bar above each row of a comparison, 0 for one motion.
    """

    columns: int
    rows: int
    tile: tuple[int, int]
    line: int
    header: int = 0
    title: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the sheet [pixels]."""
        return self.columns * self.tile[0], self.header + self.rows * (self.title + self.tile[1] + self.line)

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """(left, top) of a picture [pixels]."""
        return column * self.tile[0], self.header + row * (self.title + self.tile[1] + self.line) + self.title


@dataclass(frozen=True)
class SheetRow:
    """A motion of a sheet.

    Attributes:
        open: makes its picture; called when its row is drawn, so that one is open at a time.
        timeline: emotions to name, or None.
        title: above the row of a comparison.
    """

    open: Callable[[], AbstractContextManager[Picture]]
    timeline: EmotionTimeline | None = None
    title: str = ""


def plan_grid(count: int, motions: int, size: tuple[int, int], widest: int, compare: bool) -> Grid:
    """Arrange pictures: as large as asked for if the sheet stays narrow enough, else smaller.

    Args:
        count: pictures of a motion.
        motions: how many there are; more than one needs `compare`.
        size: (width, height) of a picture at most [pixels].
        widest: width of the sheet at most [pixels].
        compare: whether each motion has a titled row; else the rows of the one motion are equally long.

    Raises:
        UsageError: the pictures would be too small to see, or the sheet too large to open.
    """
    columns, rows = count, motions
    if not compare:
        rows = -(-count // int(np.clip(widest // size[0], *COLUMNS)))
        columns = -(-count // rows)
    share = min(1.0, widest / (columns * size[0]))
    tile = (int(size[0] * share), max(1, int(size[1] * share)))
    if tile[0] < min(NARROWEST, size[0]):
        raise UsageError(
            f"{columns} pictures in a row of {widest} pixels are too small: choose fewer --frames, "
            "or a larger --sheet-width"
        )
    line = max(18, tile[1] // 16)
    bars = (line, len(draw_title("", *tile))) if compare else (0, 0)
    grid = Grid(columns, rows, tile, line, *bars)
    if grid.size[0] * grid.size[1] > SHEET_PIXELS:
        raise UsageError(
            f"a sheet of {grid.size[0]}x{grid.size[1]} pixels is too large: choose a smaller --size or fewer --frames"
        )
    return grid


def choose_frames(count: int, frames: int) -> list[int]:
    """`count` of T frames at even distances in time, at most all."""
    chosen = np.round((np.arange(count) + 0.5) / count * frames - 0.5).astype(int).clip(0, frames - 1)
    return np.unique(chosen).tolist()


def write_sheet(
    motions: Sequence[SheetRow],
    chosen: Sequence[int],
    fps: float,
    grid: Grid,
    path: str | Path,
    progress: Progress = silent,
) -> None:
    """Write a contact sheet.

    Args:
        motions: one, or with `grid.header` one for each row.
        chosen: the frames to show.
        fps: frames a second.
        grid: as of `plan_grid`; the pictures have the size of its tiles.
        path: `.png` file.
        progress: called as (stage, done, total) with pictures.
    """
    sheet = Image.new("RGB", grid.size, PANEL)
    draw = ImageDraw.Draw(sheet)

    def write(words: str, left: int, top: int) -> None:
        words, font = fit_text(words, round(0.6 * grid.line), 0.96 * grid.tile[0])
        draw.text((left + grid.tile[0] / 2, top + grid.line / 2), words, fill=TEXT, font=font, anchor="mm")

    compare = grid.header > 0
    if compare:
        for column, k in enumerate(chosen):
            write(f"{k / fps:.2f} s", grid.corner(0, column)[0], 0)
    for number, motion in enumerate(motions):
        if compare:
            bar = draw_title(motion.title, grid.size[0], grid.tile[1])
            sheet.paste(Image.fromarray(bar, "RGBA").convert("RGB"), (0, grid.corner(number, 0)[1] - grid.title))
        with motion.open() as picture:
            for place, k in enumerate(chosen):
                left, top = grid.corner(number, place) if compare else grid.corner(*divmod(place, grid.columns))
                frame = np.empty((grid.tile[1], grid.tile[0], 4), np.uint8)
                picture.draw(k, frame)
                sheet.paste(Image.fromarray(frame, "RGBA").convert("RGB"), (left, top))
                words = [] if compare else [f"{k / fps:.2f} s"]
                write("  ".join([*words, *_emotion(motion.timeline, k / fps)]), left, top + grid.tile[1])
                progress("drawing", number * len(chosen) + place + 1, len(motions) * len(chosen))
    with atomic_file(path) as part:
        sheet.save(part, "PNG")


def _emotion(timeline: EmotionTimeline | None, time: float) -> list[str]:
    """Its name at a time [s], or nothing."""
    if timeline is None:
        return []
    return [timeline.classes[timeline.labels[min(int(time / HOP), len(timeline.labels) - 1)]]]
