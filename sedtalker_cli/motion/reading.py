"""A motion read back from disk, with its head, its sound and its emotions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.formats.motion import FARTHEST, FrameFile, read_array, read_motion, sidecar_path
from sedtalker_cli.motion.animation import Take

if TYPE_CHECKING:
    from sedtalker_cli.emotion.timeline import EmotionTimeline
    from sedtalker_cli.face.head import Head

BLOCK = 256  # frames
SKEW = 1e-3  # by which a matrix may differ from a rotation
MOST_WEIGHT = 100.0
WEIGHTS_SUFFIX = ".weights.npy"
HEAD_SUFFIX = ".head.npy"  # with head motion
COMPANIONS = (WEIGHTS_SUFFIX, ".faces.npy", HEAD_SUFFIX)  # NPY files that are no motion


@dataclass(frozen=True)
class Replay:
    """What lies on disk of one animation.

    Attributes:
        path: `STEM.npy`.
        vertices: (T, V, 3) float32 [m], read when they are used.
        fps: frames a second.
        head: the face that moves.
        weights: (T, 52) ARKit coefficients, None where there are none.
        timeline: from `STEM.emotion.csv`, None where there is none.
        audio: the sound, None where it is not to be found.
        head_motion: (T, 4, 4) where each frame's vertices are moved to, None where the head stays.
    """

    path: Path
    vertices: FrameFile = field(repr=False)
    fps: float
    head: Head = field(repr=False)
    weights: np.ndarray | None = field(repr=False)
    timeline: EmotionTimeline | None
    audio: Path | None
    head_motion: np.ndarray | None = field(repr=False)

    def stream(self) -> Iterator[np.ndarray]:
        """Consecutive (t, V, 3) pieces of the vertices."""
        for start in range(0, len(self.vertices), BLOCK):
            yield self.vertices[start : start + BLOCK]

    def take(self, folder: Path) -> Take:
        """The motion for exports whose files will lie in `folder`."""
        audio = relative_path(self.audio, folder) if self.audio else None
        return Take(self.head, self.fps, len(self.vertices), self.stream, self.weights, audio, self.head_motion)


def open_replay(motion_path: Path, audio: Path | None = None, head: Head | None = None) -> Replay:
    """Read a motion and what belongs to it.

    Args:
        motion_path: `STEM.npy`.
        audio: sound; None takes the one that the sidecar names, if it is still there.
        head: the face; None takes the one that the sidecar names.

    Raises:
        InputError: the motion or a companion cannot be used.
    """
    motion = read_motion(motion_path)
    if head is None:
        head = head_of(motion_path, motion.metadata)
    if motion.vertices.shape[1] != len(head.neutral):
        count = motion.vertices.shape[1]
        raise InputError(f"{motion_path}: has {count} vertices, {head.name} has {len(head.neutral)}")
    csv_path = _companion(motion_path, ".emotion.csv")
    return Replay(
        motion_path,
        motion.vertices,
        motion.fps,
        head,
        _weights_of(motion_path, len(motion.vertices), head),
        read_emotion_csv(csv_path) if csv_path.exists() else None,
        audio or recorded_audio(motion_path, motion.metadata),
        read_head_motion(motion_path, motion.metadata, len(motion.vertices)),
    )


def replay_inputs(motion_path: Path, audio: Path | None = None, head: Path | None = None) -> list[Path]:
    """Files that what is made of a motion depends on."""
    metadata = read_motion(motion_path).metadata
    recorded_head = head_file(motion_path, metadata)
    extra = [
        *(_companion(motion_path, suffix) for suffix in (".emotion.csv", ".weights.npy")),
        audio or recorded_audio(motion_path, metadata),
        head or recorded_head,
        head_motion_file(motion_path, metadata),
    ]
    return [motion_path, sidecar_path(motion_path), *(path for path in extra if path and path.is_file())]


def head_of(motion_path: Path, metadata: dict[str, Any]) -> Head:
    """The head that a sidecar names.

    Raises:
        InputError: unknown head or identity, or a head's file that is gone or another one.
    """
    from sedtalker_cli.face.heads import cached_head

    sidecar, identity = sidecar_path(motion_path), metadata.get("identity")
    if not isinstance(identity, str | None):
        raise InputError(f"{sidecar}: identity is {identity!r}, expected text")
    if head_file(motion_path, metadata):
        return _user_head(motion_path, metadata)
    try:
        head = cached_head(identity, None)
    except UsageError as error:
        raise InputError(f"{sidecar}: {error}") from error
    name = metadata.get("head", head.name)
    if name != head.name:
        raise InputError(f"{sidecar}: head {name!r} is not known here, only {head.name!r}")
    return head


def _user_head(motion_path: Path, metadata: dict[str, Any]) -> Head:
    from sedtalker_cli.face.custom import head_checksum
    from sedtalker_cli.face.heads import cached_head

    sidecar, source = sidecar_path(motion_path), head_file(motion_path, metadata)
    if not (source.is_file() or source.is_dir()):
        raise InputError(f"{sidecar}: its head {source} is not there; put it back, or name it with --head")
    if metadata.get("head_sha256") not in (None, head_checksum(source)):
        raise InputError(f"{sidecar}: its head {source} was changed since; animate again, or name the head with --head")
    return cached_head(None, source)


def _weights_of(motion_path: Path, frames: int, head: Head) -> np.ndarray | None:
    """Coefficients beside a motion, if they fit it."""
    path = _companion(motion_path, ".weights.npy")
    if not path.exists():
        return None
    weights = read_array(path, "coefficients (T, 52)")
    if weights.shape != (frames, len(head.shape_names)):
        if not head.shape_names:
            return None
        raise InputError(f"{path}: has shape {weights.shape}, expected ({frames}, {len(head.shape_names)})")
    return coefficients(path, weights)


def coefficients(path: Path, weights: np.ndarray) -> np.ndarray:
    """The array of a file as float32.

    Raises:
        InputError: it holds something else than finite numbers of moderate size.
    """
    # a shape is meant to move from 0 to 1; some programs exaggerate
    if weights.dtype.kind != "f" or not (np.abs(weights) <= MOST_WEIGHT).all():
        raise InputError(f"{path}: holds values that are no coefficients (numbers from 0 to 1); animate again")
    return np.asarray(weights, np.float32)


def head_file(motion_path: Path, metadata: dict[str, Any]) -> Path | None:
    """The head that a sidecar names, None if it names none.

    Raises:
        InputError: it names something else than a file.
    """
    return _named_file(motion_path, metadata, "head_file")


def head_motion_file(motion_path: Path, metadata: dict[str, Any]) -> Path | None:
    """The rigid motion of the head that a sidecar names, None if it names none.

    Raises:
        InputError: it names something else than a file.
    """
    return _named_file(motion_path, metadata, "head_motion_file")


def _named_file(motion_path: Path, metadata: dict[str, Any], key: str) -> Path | None:
    """A file as seen from the motion; whether it is there is not looked at."""
    name = metadata.get(key)
    if name is None:
        return None
    try:
        if not isinstance(name, str) or not name or "\0" in name:
            raise ValueError
        os.fsencode(name)
        path = motion_path.parent / name
        path.exists()  # names may be too long
    except (OSError, ValueError):
        raise InputError(f"{sidecar_path(motion_path)}: {key} is {name!r}, expected a file name") from None
    return path


def read_head_motion(motion_path: Path, metadata: dict[str, Any], frames: int) -> np.ndarray | None:
    """Rigid motion (T, 4, 4) of the head that a motion's sidecar names, None if it names none.

    Raises:
        InputError: the file is missing, damaged, or does not fit the motion.
    """
    path = head_motion_file(motion_path, metadata)
    if path is None:
        return None
    transforms = read_array(path, f"a head motion ({frames}, 4, 4)")
    if transforms.shape != (frames, 4, 4) or transforms.dtype.kind != "f" or not (np.abs(transforms) <= FARTHEST).all():
        raise InputError(
            f"{path}: is not a head motion ({frames}, 4, 4) of finite, moderate numbers for {motion_path.name}; "
            "write both again, or take head_motion_file out of the sidecar"
        )
    transforms = np.asarray(transforms, np.float32)
    turns = transforms[:, :3, :3].astype(np.float64)
    skewed = np.abs(turns @ turns.transpose(0, 2, 1) - np.eye(3)).max((1, 2)) > SKEW
    wrong = skewed | (np.linalg.det(turns) < 0) | (transforms[:, 3] != (0, 0, 0, 1)).any(1)
    if wrong.any():
        raise InputError(
            f"{path}: frame {wrong.argmax()} is not rigid: a head's matrix turns and moves, and its last row is 0 0 0 1"
        )
    return transforms


def recorded_audio(motion_path: Path, metadata: dict[str, Any]) -> Path | None:
    """The sound that the sidecar names, if it is still there."""
    name = metadata.get("audio")
    if not isinstance(name, str) or not name or "\0" in name:
        return None
    path = motion_path.parent / name
    try:
        return path if path.is_file() else None
    except (OSError, ValueError):  # no name that a file can have
        return None


def relative_path(path: Path, folder: Path) -> str:
    """`path` as seen from `folder`, so that both can be moved together; absolute where that is impossible."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()


def _companion(motion_path: Path, suffix: str) -> Path:
    return motion_path.with_name(motion_path.name.removesuffix(".npy") + suffix)


def is_motion_name(path: Path) -> bool:
    """Whether a file found in a folder looks like a motion."""
    return path.name.endswith(".npy") and not path.name.endswith(COMPANIONS)
