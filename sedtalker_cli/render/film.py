"""From vertices to a film: the face above, the emotion strip below, the sound beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.errors import UsageError
from sedtalker_cli.render.strip import EmotionStrip, strip_height
from sedtalker_cli.render.video import VideoWriter

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.timeline import EmotionTimeline

SMALLEST = 64  # pixels; below it a strip has no room for text


def render_film(
    vertices: np.ndarray,
    head: Head,
    fps: float,
    out_path: str | Path,
    audio: str | Path | None = None,
    timeline: EmotionTimeline | None = None,
    head_motion: np.ndarray | None = None,
    size: tuple[int, int] = (512, 512),
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw a face animation into an MP4 file; memory does not grow with its length.

    Args:
        vertices: (T, V, 3) [m]; an array or a memory map, read frame by frame.
        head: Topology, parts and colours; (V, 3) of its neutral shape must match.
        fps: Frames a second; frame k is at k / fps.
        out_path: The film; it appears when it is complete.
        audio: Sound file, cut or padded to the film's length.
        timeline: Emotions for the strip under the face; no strip if None.
        head_motion: (T, 4, 4) where each frame's vertices are moved to; the camera stands still.
        size: Width and height of the whole film [pixels]; odd numbers are lowered to even ones.
        progress: Called with frames done and frames in all.

    Returns:
        The path.

    Raises:
        UsageError: The size or the frame rate makes no film.
        InputError: The film cannot be written or the sound not be read.
        SedtalkerError: There is no OpenGL or no ffmpeg.
    """
    width, height = (int(side) // 2 * 2 for side in size)
    if min(width, height) < SMALLEST:
        raise UsageError(f"a film of {size[0]}x{size[1]} pixels is too small: at least {SMALLEST}x{SMALLEST}")
    if not (np.isfinite(fps) and fps > 0):
        raise UsageError(f"{fps} is not a frame rate: give frames a second, e.g. 30")
    if vertices.ndim != 3 or vertices.shape[1:] != head.neutral.shape or len(vertices) == 0:
        raise ValueError(f"vertices must be (T, {len(head.neutral)}, 3) with T > 0, got {vertices.shape}")
    from sedtalker_cli.render.scene import HeadScene

    total = len(vertices)
    below = 0 if timeline is None else strip_height(height)
    strip = None if timeline is None else EmotionStrip(timeline, total / fps, width, below)
    with (
        HeadScene(head, width, height - below) as scene,
        VideoWriter(out_path, (width, height), fps, total, audio) as writer,
    ):
        for k in range(total):
            frame = writer.borrow()
            scene.draw(_moved(vertices[k], head_motion, k), out=frame[: height - below])
            if strip is not None:
                strip.draw(k / fps, out=frame[height - below :])
            writer.submit(frame)
            if progress is not None:
                progress(k + 1, total)
    return Path(out_path)


def _moved(vertices: np.ndarray, head_motion: np.ndarray | None, k: int) -> np.ndarray:
    """Vertices (V, 3) of frame k at the place of the head."""
    if head_motion is None:
        return vertices
    return vertices @ head_motion[k, :3, :3].T + head_motion[k, :3, 3]
