"""A user's own video as captured mouth motion, tracked by MediaPipe's face landmarker where that is installed.

The tracked clips lie in the layout of `data.tracked_faces`, each with its sound, so they are read as others are.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from sedtalker_cli.audio.ffmpeg import DEMUXERS
from sedtalker_cli.audio.files import SUFFIXES
from sedtalker_cli.audio.writing import write_sound
from sedtalker_cli.data.tracked_faces import CHANNELS, LANDMARKS
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.checksum import file_checksum
from sedtalker_cli.progress import Progress, silent

FASTEST, USUAL = 60.0, 25.0  # frames a second that are tracked at most, and where a container does not tell
VALIDATION = 10  # one clip of so many is for validation; of fewer clips the last one is

# A frame (H, W, 3) uint8 and its time [ms] -> coefficients (52,) as `CHANNELS` and points (K, 3) in pixels, or None.
Track = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray] | None]
# A tracker for one clip: times must grow, so each clip has its own.
OpenTracker = Callable[[], AbstractContextManager[Track]]


def tracked_folder(
    folder: Path, out: Path, landmarker: Path | None, log: Callable[[str], None], progress: Progress = silent
) -> Path:
    """A folder of tracked clips: `folder` itself if it is one, else `out`, into which its videos are tracked.

    Args:
        folder: videos, or tracked clips with their `manifest.csv`.
        out: where tracked clips are kept; what is there of the same video and landmarker is not made again.
        landmarker: MediaPipe's model file, `face_landmarker.task`.
        log: called with one line at a time.
        progress: called as (stage, done, total).

    Raises:
        InputError: no video, none with a face, or a file that cannot be read.
        UsageError: the model file or MediaPipe is missing.
    """
    if (folder / "manifest.csv").is_file():
        return folder
    if landmarker is None:
        raise UsageError(f"{folder}: is not tracked yet; name MediaPipe's model with --landmarker face_landmarker.task")
    if not landmarker.is_file():
        raise UsageError(f"{landmarker}: no such file; --landmarker takes MediaPipe's face_landmarker.task")
    return track_videos(folder, out, mediapipe_tracker(landmarker), file_checksum(landmarker), log, progress)


def track_videos(
    folder: Path, out: Path, open_tracker: OpenTracker, tracker: str, log: Callable[[str], None], progress: Progress
) -> Path:
    """Track every video of a folder into `out`; arguments as `tracked_folder`, `tracker` marks what tracks."""
    videos = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if not videos:
        raise InputError(f"{folder}: no video in this folder")
    out.mkdir(parents=True, exist_ok=True)
    names = []
    for number, path in enumerate(videos):
        progress("tracking faces", number, len(videos))
        if track_video(path, out, open_tracker, f"{tracker} {file_checksum(path)}"):
            names.append(path.name)
        else:
            log(f"{path}: no face was found; it is left out")
    progress("tracking faces", len(videos), len(videos))
    if len(names) < 2:
        raise InputError(f"{folder}: needs two videos with a face or more, one of them for validation")
    with atomic_file(out / "manifest.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["name", "split"])
        last = len(names) - 1
        table.writerows(
            [name, "val" if k % VALIDATION == VALIDATION - 1 or k == last else "train"] for k, name in enumerate(names)
        )
    return out


def track_video(path: Path, out: Path, open_tracker: OpenTracker, mark: str) -> bool:
    """Write `NAME.npz` and `NAME.flac` of a video; False if no face is in it. A clip with the same mark is kept."""
    target = out / f"{path.name}.npz"
    if target.is_file() and (out / f"{path.name}.flac").is_file():
        with np.load(target) as kept:
            if str(kept["mark"]) == mark:
                return True
    fps, frames = video_frames(path)
    coefficients, points = [], []
    with open_tracker() as track:
        for number, frame in enumerate(frames):
            found = track(frame, round(1000 * number / fps))
            coefficients.append(np.full(len(CHANNELS), np.nan) if found is None else found[0])
            points.append(np.zeros((len(LANDMARKS), 3)) if found is None else found[1][list(LANDMARKS)])
    if not np.isfinite(np.array(coefficients)).any():
        return False
    with atomic_file(out / f"{path.name}.flac") as part:
        write_sound(path, str(part), len(coefficients) / fps)
    with atomic_file(target) as part:
        arrays = {"blendshapes": np.float32(coefficients), "landmarks": np.float32(points)}
        np.savez_compressed(part, **arrays, fps=fps, mark=mark)
    return True


def video_frames(path: Path) -> tuple[float, Iterator[np.ndarray]]:
    """Frames a second of a video, evenly spaced on its container's clock, and its frames (H, W, 3) uint8.

    Raises:
        InputError: it holds no picture that can be decoded; reading frames raises it, too.
    """
    import imageio_ffmpeg

    given = ["-protocol_whitelist", "file", "-format_whitelist", DEMUXERS]
    try:
        probe = imageio_ffmpeg.read_frames(f"file:{path}", input_params=given)
        fps = float(next(probe)["fps"]) or USUAL
        probe.close()
        fps = min(fps, FASTEST)
        even = ["-vf", f"fps={fps}:start_time=0"]  # frames of a variable rate, and a picture that begins late
        found = imageio_ffmpeg.read_frames(f"file:{path}", input_params=given, output_params=even)
        width, height = next(found)["size"]
    except (OSError, RuntimeError, KeyError, StopIteration) as error:
        raise InputError(f"{path}: holds no video that can be decoded") from error
    return fps, (np.frombuffer(data, np.uint8).reshape(height, width, 3) for data in found)


def mediapipe_tracker(landmarker: Path) -> OpenTracker:
    """MediaPipe's tracker of one face.

    Args:
        landmarker: its model file.

    Raises:
        UsageError: MediaPipe is not installed, or does not know the file.
    """
    try:
        import mediapipe
        from mediapipe.tasks.python import BaseOptions, vision
    except ImportError:
        raise UsageError('--capture video=PATH needs MediaPipe: pip install "sedtalker[video]"') from None
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(landmarker)),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
    )

    @contextmanager
    def open_tracker() -> Iterator[Track]:
        try:
            model = vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError, OSError) as error:
            raise UsageError(f"{landmarker}: MediaPipe cannot use this model ({error})") from error
        with model:

            def track(frame: np.ndarray, time: int) -> tuple[np.ndarray, np.ndarray] | None:
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame))
                result = model.detect_for_video(image, time)
                if not result.face_landmarks:
                    return None
                shown = {shape.category_name: shape.score for shape in result.face_blendshapes[0]}
                height, width = frame.shape[:2]
                scale = width, height, width  # depth is in units of the width
                points = np.array([(point.x, point.y, point.z) for point in result.face_landmarks[0]]) * scale
                return np.array([shown.get(name, 0.0) for name in CHANNELS]), points

            yield track

    return open_tracker
