"""What the commands write: which files belong to a recording, and a film of a motion read back from disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.audacity import write_labels
from sedtalker_cli.formats.emotion_csv import read_emotion_csv, write_emotion_csv
from sedtalker_cli.formats.emotion_json import write_emotion_json
from sedtalker_cli.formats.motion import Motion, read_array, read_motion, sidecar_path, write_array, write_motion
from sedtalker_cli.formats.obj import write_obj_sequence
from sedtalker_cli.formats.rttm import write_rttm
from sedtalker_cli.formats.textgrid import timeline_tiers, write_textgrid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sedtalker_cli.face.head import Head
    from sedtalker_cli.pipeline import Animation, Progress
    from sedtalker_cli.timeline import EmotionTimeline

TIMELINE_SUFFIXES = (".rttm", ".emotion.csv")  # always written
FORMAT_SUFFIXES = {"json": ".emotion.json", "audacity": ".labels.txt", "textgrid": ".TextGrid"}  # on demand
PLOT_SUFFIXES = {"png": ".emotion.png", "svg": ".emotion.svg"}
MOTION_SUFFIXES = (".npy", ".weights.npy", ".faces.npy", ".json")
FILM_SUFFIX, OBJ_SUFFIX = ".mp4", ".obj"
HEAD_SUFFIX = ".head.npy"  # with head motion
COMPANIONS = (".weights.npy", ".faces.npy", HEAD_SUFFIX)  # NPY files that are no motion


def animation_suffixes(*, obj: bool, film: bool, head_motion: bool = False) -> tuple[str, ...]:
    """What `animate` leaves, the sidecar after the arrays it describes."""
    wanted = ((OBJ_SUFFIX, obj), (FILM_SUFFIX, film), (HEAD_SUFFIX, head_motion))
    extra = tuple(suffix for suffix, is_wanted in wanted if is_wanted)
    return (*TIMELINE_SUFFIXES, *extra, *MOTION_SUFFIXES)


def timeline_suffixes(formats: Iterable[str] = (), plot: str | None = None) -> tuple[str, ...]:
    """What `diarize` leaves.

    Args:
        formats: further files by format (`rttm` and `csv` are there anyway).
        plot: `png` or `svg`, None for no plot.
    """
    wanted = set(formats)
    extra = tuple(suffix for name, suffix in FORMAT_SUFFIXES.items() if name in wanted)
    return (*TIMELINE_SUFFIXES, *extra, *((PLOT_SUFFIXES[plot],) if plot else ()))


def is_motion_name(path: Path) -> bool:
    """Whether a file found in a folder looks like a motion."""
    return path.name.endswith(".npy") and not path.name.endswith(COMPANIONS)


def describe_timeline(timeline: EmotionTimeline) -> dict[str, Any]:
    """Duration and segments, for JSON lines."""
    segments = [
        {
            "onset": round(segment.onset, 3),
            "duration": round(segment.duration, 3),
            "emotion": segment.emotion,
            "confidence": round(segment.confidence, 3),
        }
        for segment in timeline.segments()
    ]
    return {"duration": round(timeline.duration, 3), "segments": segments}


def write_timeline(
    stem: Path,
    timeline: EmotionTimeline,
    formats: Iterable[str] = (),
    plot: str | None = None,
    audio: Path | None = None,
) -> None:
    """Write `STEM.rttm` and `STEM.emotion.csv`, and what else is wanted (see `timeline_suffixes`).

    Args:
        stem: folder and name without suffix.
        timeline: of one recording.
        formats: further files by format.
        plot: `png` or `svg`, None for no plot.
        audio: the recording; a plot needs it.
    """
    segments, wanted = timeline.segments(), set(formats)
    write_rttm(with_suffix(stem, ".rttm"), segments, stem.name)
    write_emotion_csv(with_suffix(stem, ".emotion.csv"), timeline)
    if "json" in wanted:
        write_emotion_json(with_suffix(stem, FORMAT_SUFFIXES["json"]), timeline, stem.name)
    if "audacity" in wanted:
        write_labels(with_suffix(stem, FORMAT_SUFFIXES["audacity"]), segments)
    if "textgrid" in wanted:
        write_textgrid(with_suffix(stem, FORMAT_SUFFIXES["textgrid"]), timeline_tiers(timeline), timeline.duration)
    if plot:
        from sedtalker_cli.plots.timeline import plot_timeline

        plot_timeline(with_suffix(stem, PLOT_SUFFIXES[plot]), timeline, audio, audio.name)


def write_animation(
    stem: Path,
    animation: Animation,
    audio: Path,
    folder: Path,
    *,
    obj: bool = False,
    film_size: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> None:
    """Write everything that `animate` leaves.

    Args:
        stem: folder and name without suffix to write to.
        animation: to write.
        audio: its sound file.
        folder: where the files will finally lie; the sidecar names the sound relative to it.
        obj: whether to write the OBJ sequence.
        film_size: (width, height) of the film, None for no film.
        progress: called as (stage, share).
    """
    write_timeline(stem, animation.timeline)
    write_array(with_suffix(stem, ".weights.npy"), animation.weights)
    write_array(with_suffix(stem, ".faces.npy"), animation.head.faces)
    metadata: dict[str, Any] = {
        **animation.metadata,
        "faces_file": f"{stem.name}.faces.npy",
        "weights_file": f"{stem.name}.weights.npy",
        "emotion_file": f"{stem.name}.emotion.csv",
        "audio": relative_path(audio, folder),
    }
    if animation.head_motion is not None:
        write_array(with_suffix(stem, HEAD_SUFFIX), animation.head_motion)
        metadata["head_motion_file"] = f"{stem.name}{HEAD_SUFFIX}"
    if progress:
        progress("writing", 0.0)
    write_motion(with_suffix(stem, ".npy"), animation.stream(), animation.shape, metadata)
    if obj:
        comment = f"sedtalker {animation.fps} fps, metres, y up, the face looks to +z"
        write_obj_sequence(with_suffix(stem, OBJ_SUFFIX), animation.stream(), animation.head.faces, comment)
    if film_size:
        from sedtalker_cli.render import render_film

        render_film(
            read_array(with_suffix(stem, ".npy")),
            animation.head,
            animation.fps,
            with_suffix(stem, FILM_SUFFIX),
            audio=audio,
            timeline=animation.timeline,
            head_motion=animation.head_motion,
            size=film_size,
            progress=film_progress(progress),
        )


def film_inputs(motion: Path, audio: Path | None) -> list[Path]:
    """Files that a film is made from: the motion, its sidecar, and timeline, sound and head motion where they exist."""
    stem, metadata = motion.name.removesuffix(".npy"), read_motion(motion).metadata
    timeline = motion.with_name(stem + ".emotion.csv")
    found = audio or recorded_audio(motion, metadata)
    extra = [path for path in (timeline, found, head_motion_file(motion, metadata)) if path and path.exists()]
    return [motion, sidecar_path(motion), *extra]


def render_motion(
    motion_path: Path,
    film: Path,
    *,
    audio: Path | None = None,
    size: tuple[int, int] = (512, 512),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Film a motion from disk, with the timeline `STEM.emotion.csv` where it lies beside.

    Args:
        motion_path: `STEM.npy`.
        film: file to write.
        audio: sound; None takes the one that the sidecar names, if it is still there.
        size: (width, height) in pixels.
        progress: called as (stage, share).

    Returns:
        What was used: `audio` and `emotion` (paths or None).

    Raises:
        InputError: the motion or a companion cannot be used.
    """
    from sedtalker_cli.render import render_film

    motion = read_motion(motion_path)
    head = head_of(sidecar_path(motion_path), motion.metadata)
    if motion.vertices.shape[1] != len(head.neutral):
        found = motion.vertices.shape[1]
        raise InputError(f"{motion_path}: has {found} vertices, {head.name} has {len(head.neutral)}")
    csv_path = motion_path.with_name(motion_path.name.removesuffix(".npy") + ".emotion.csv")
    timeline = read_emotion_csv(csv_path) if csv_path.exists() else None
    audio = audio or recorded_audio(motion_path, motion.metadata)
    render_film(
        motion.vertices,
        head,
        motion.fps,
        film,
        audio=audio,
        timeline=timeline,
        head_motion=read_head_motion(motion_path, motion),
        size=size,
        progress=film_progress(progress),
    )
    return {"audio": str(audio) if audio else None, "emotion": str(csv_path) if timeline else None}


def head_of(sidecar: Path, metadata: dict[str, Any]) -> Head:
    """The head that a sidecar names.

    Raises:
        InputError: unknown head or identity.
    """
    from sedtalker_cli.errors import UsageError
    from sedtalker_cli.pipeline import cached_head

    identity = metadata.get("identity")
    if identity is not None and not isinstance(identity, str):
        raise InputError(f"{sidecar}: identity is {identity!r}, expected text")
    try:
        head = cached_head(identity)
    except UsageError as error:
        raise InputError(f"{sidecar}: {error}") from error
    name = metadata.get("head", head.name)
    if name != head.name:
        raise InputError(f"{sidecar}: head {name!r} is not known here, only {head.name!r}")
    return head


def head_motion_file(motion_path: Path, metadata: dict[str, Any]) -> Path | None:
    """The rigid motion of the head that a sidecar names, None if it names none.

    Raises:
        InputError: it names something else than a file's name.
    """
    name = metadata.get("head_motion_file")
    if name is None:
        return None
    if not isinstance(name, str) or not name or "\0" in name:
        raise InputError(f"{sidecar_path(motion_path)}: head_motion_file is {name!r}, expected a file name")
    return motion_path.parent / name


def read_head_motion(motion_path: Path, motion: Motion) -> np.ndarray | None:
    """Rigid motion (T, 4, 4) of the head that a motion's sidecar names, None if it names none.

    Raises:
        InputError: the file is missing, damaged, or does not fit the motion.
    """
    path = head_motion_file(motion_path, motion.metadata)
    if path is None:
        return None
    frames = len(motion.vertices)
    transforms = read_array(path, f"a head motion ({frames}, 4, 4)")
    if transforms.shape != (frames, 4, 4) or transforms.dtype.kind != "f" or not np.isfinite(transforms).all():
        raise InputError(
            f"{path}: is not a head motion ({frames}, 4, 4) of finite numbers for {motion_path.name}; "
            "write both again, or take head_motion_file out of the sidecar"
        )
    return transforms


def recorded_audio(motion_path: Path, metadata: dict[str, Any]) -> Path | None:
    """The sound that the sidecar names, if it is still there."""
    name = metadata.get("audio")
    if not isinstance(name, str) or not name or "\0" in name:
        return None
    path = motion_path.parent / name
    return path if path.is_file() else None


def relative_path(path: Path, folder: Path) -> str:
    """`path` as seen from `folder`, so that both can be moved together; absolute where that is impossible."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()


def with_suffix(stem: Path, suffix: str) -> Path:
    """Append: names may hold dots of their own."""
    return stem.with_name(stem.name + suffix)


def film_progress(progress: Progress | None):
    """Adapter to the renderer's progress, which counts frames."""
    if progress is None:
        return None
    return lambda done, total: progress("filming", done / max(total, 1))
