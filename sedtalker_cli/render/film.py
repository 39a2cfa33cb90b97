"""From pictures to files: a film with sound, a sequence of PNGs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from sedtalker_cli.errors import UsageError
from sedtalker_cli.formats.atomic import atomic_folder
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.render.captions import Captioned
from sedtalker_cli.render.picture import Face, Picture
from sedtalker_cli.render.video import VideoWriter
from sedtalker_cli.render.view import TRANSPARENT, View

if TYPE_CHECKING:
    from sedtalker_cli.emotion.timeline import EmotionTimeline
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.formats.captions import Caption
    from sedtalker_cli.formats.motion import Frames

SMALLEST = 64  # pixels; below it a strip has no room for text
LARGEST = 16384  # pixels; what x264 takes


def render_film(
    vertices: np.ndarray | Frames,
    head: Head,
    fps: float,
    out_path: str | Path,
    audio: str | Path | None = None,
    timeline: EmotionTimeline | None = None,
    head_motion: np.ndarray | None = None,
    size: tuple[int, int] = (512, 512),
    progress: Progress = silent,
    view: View | None = None,
    captions: Sequence[Caption] = (),
) -> Path:
    """Draw a face animation into an MP4 file; memory does not grow with its length.

    Args:
        vertices: (T, V, 3) [m]; an array, or `formats.motion.Frames`, read frame by frame.
        head: Topology, parts and colours; (V, 3) of its neutral shape must match.
        fps: Frames a second; frame k is at k / fps.
        out_path: The film; it appears when it is complete.
        audio: Sound file, cut or padded to the film's length.
        timeline: Emotions for the strip under the face; no strip if None.
        head_motion: (T, 4, 4) where each frame's vertices are moved to; the camera stands still.
        size: Width and height of the whole film [pixels]; odd numbers are lowered to even ones.
        progress: Called as (stage, done, total) with frames.
        view: Camera, background, shadow; None is from the front before a grey backdrop.
        captions: Words over the picture, in order of time.

    Returns:
        The path.

    Raises:
        UsageError: The size, the frame rate or the background makes no film.
        InputError: The film cannot be written or the sound not be read.
        SedtalkerError: There is no ffmpeg.
    """
    check_film(size, fps)
    even = (size[0] // 2 * 2, size[1] // 2 * 2)
    view = view or View()
    picture: Picture = Face(vertices, head, fps, even, view, timeline, head_motion=head_motion)
    if captions:
        picture = Captioned(picture, captions, fps, len(vertices))
    with picture:
        return write_film(picture, len(vertices), fps, out_path, audio, progress)


def check_film(size: tuple[int, int], fps: float) -> None:
    """Find sizes and rates that make no film.

    Raises:
        UsageError: names what is wrong.
    """
    if min(size) < SMALLEST:
        raise UsageError(f"a film of {size[0]}x{size[1]} pixels is too small: at least {SMALLEST}x{SMALLEST}")
    if not (np.isfinite(fps) and fps > 0):
        raise UsageError(f"{fps} is not a frame rate: give frames a second, e.g. 30")


def check_background(view: View) -> None:
    """Films cannot be transparent.

    Raises:
        UsageError: the view is.
    """
    if view.background == TRANSPARENT:
        raise UsageError("an MP4 film cannot be transparent: use --png for pictures, or another background")


def write_film(
    picture: Picture,
    frames: int,
    fps: float,
    path: str | Path,
    audio: str | Path | None = None,
    progress: Progress = silent,
) -> Path:
    """Write an MP4 of a picture, see `render_film`."""
    if max(picture.width, picture.height) > LARGEST:
        raise UsageError(
            f"a film of {picture.width}x{picture.height} pixels is too large: at most {LARGEST} a side; "
            "choose a smaller --size, or compare fewer motions"
        )
    with VideoWriter(path, (picture.width, picture.height), fps, frames, audio) as writer:
        for k in range(frames):
            frame = writer.borrow()
            picture.draw(k, frame)
            writer.submit(frame)
            progress("filming", k + 1, frames)
    return Path(path)


def write_frames(picture: Picture, frames: int, folder: str | Path, progress: Progress = silent) -> None:
    """Write `000000.png`, `000001.png`...: RGBA, transparent where the background is.

    Args:
        picture: What is shown.
        frames: How many.
        folder: Made new, or replaced when complete.
        progress: Called as (stage, done, total) with frames.
    """
    waiting: list[Future] = []
    with atomic_folder(folder) as part, ThreadPoolExecutor(2) as pool:
        for k in range(frames):
            frame = np.empty((picture.height, picture.width, 4), np.uint8)
            picture.draw(k, frame)
            waiting.append(pool.submit(_save_png, frame, part / f"{k:06d}.png"))
            if len(waiting) > 8:  # so that memory stays flat
                waiting.pop(0).result()
            progress("drawing", k + 1, frames)
        for future in waiting:
            future.result()


def _save_png(frame: np.ndarray, path: Path) -> None:
    """PNG wants colours that are not multiplied by alpha."""
    alpha = frame[..., 3:]
    if alpha.min() < 255:
        share = np.maximum(alpha, 1).astype(np.float32) / 255
        frame[..., :3] = np.minimum(np.round(frame[..., :3] / share), 255)
    Image.fromarray(frame, "RGBA").save(path, compress_level=1)
