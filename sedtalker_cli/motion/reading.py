"""A motion read back from disk, with its head, its sound and its emotions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.formats.motion import (
    FARTHEST,
    WEIGHTS_SUFFIX,
    Frames,
    motion_stem,
    read_array,
    read_frames,
    read_sidecar,
    sidecar_path,
)
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.motion.posed import PosedFrames

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

SKEW = 1e-3  # by which a matrix may differ from a rotation
MOST_WEIGHT = 100.0
HEAD_SUFFIX = ".head.npy"  # with head motion
EMOTION_SUFFIX = ".emotion.csv"
ARRAY_SUFFIXES = (WEIGHTS_SUFFIX, ".arkit.npy", ".faces.npy", HEAD_SUFFIX)  # NPY files that are no motion


def read_motion(motion_path: Path, audio: Path | None = None, head: Head | None = None) -> Motion:
    """Open a motion and read what lies beside it; its vertices stay on disk until they are used.

    Args:
        motion_path: `STEM.npy` with vertices, or `STEM.weights.npy` to make them from coefficients; with `STEM.json`
            beside it.
        audio: sound; None takes the one that the sidecar names, if it is still there.
        head: the face; None takes the one that the sidecar names.

    Raises:
        InputError: the motion, its sidecar or a file that belongs to it cannot be used.
    """
    motion_path = Path(motion_path)
    metadata = read_sidecar(sidecar_path(motion_path))
    stored = read_frames(motion_path) if has_vertices(motion_path, metadata) else None
    if head is None:
        head = head_of(motion_path, metadata)
    weights = _weights_of(motion_path, metadata, head, None if stored is None else len(stored))
    vertices = _posed(motion_path, head, weights) if stored is None else stored
    frames, count, _ = vertices.shape
    if count != len(head.neutral):
        raise InputError(f"{motion_path}: has {count} vertices, {head.name} has {len(head.neutral)}")
    csv_path = _beside(motion_path, EMOTION_SUFFIX)
    return Motion(
        head,
        metadata["fps"],
        frames,
        vertices.stream,
        weights=weights,
        head_motion=read_head_motion(motion_path, metadata, frames),
        timeline=read_emotion_csv(csv_path) if csv_path.exists() else None,
        audio=audio or recorded_audio(motion_path, metadata),
        metadata=metadata,
    )


def has_vertices(motion_path: Path, metadata: dict[str, Any]) -> bool:
    """Whether a motion has vertices of its own; of coefficients only a sidecar says `"vertices_file": null`."""
    return not motion_path.name.endswith(WEIGHTS_SUFFIX) and metadata.get("vertices_file", "") is not None


def motion_frames(motion_path: Path, motion: Motion) -> Frames:
    """Vertices of a motion that was read from there, by frame."""
    if has_vertices(motion_path, motion.metadata):
        return read_frames(motion_path)
    return _posed(motion_path, motion.head, motion.weights)


def read_reference(motion_path: Path) -> Frames:
    """Vertices of a motion to compare with; the head of those that are stored need not be known here."""
    metadata = read_sidecar(sidecar_path(motion_path))
    if has_vertices(motion_path, metadata):
        return read_frames(motion_path)
    return motion_frames(motion_path, read_motion(motion_path))


def _posed(motion_path: Path, head: Head, weights: np.ndarray | None) -> PosedFrames:
    """Vertices from coefficients.

    Raises:
        InputError: there are none, or the head has no shapes.
    """
    if weights is None or not len(weights):
        reason = "is not there" if head.shape_names else f"needs a head with shapes, which {head.name} is not"
        raise InputError(f"{_beside(motion_path, WEIGHTS_SUFFIX)}: {reason}, and there are no vertices; animate again")
    return PosedFrames(head, weights)


def motion_inputs(motion_path: Path, audio: Path | None = None, head: Path | None = None) -> list[Path]:
    """Files that what is made of a motion depends on."""
    metadata = read_sidecar(sidecar_path(motion_path))
    recorded_head = head_file(motion_path, metadata)
    extra = [
        *(_beside(motion_path, suffix) for suffix in (EMOTION_SUFFIX, WEIGHTS_SUFFIX)),
        audio or recorded_audio(motion_path, metadata),
        head or recorded_head,
        head_motion_file(motion_path, metadata),
    ]
    found = [motion_path, sidecar_path(motion_path), *(path for path in extra if path and path.is_file())]
    return list(dict.fromkeys(found))


def head_of(motion_path: Path, metadata: dict[str, Any]) -> Head:
    """The head that a sidecar names.

    Raises:
        InputError: unknown head or identity, or a head's file that is gone or another one.
    """
    from sedtalker_cli.face.heads import cached_head

    sidecar, identity = sidecar_path(motion_path), metadata.get("identity")
    if not isinstance(identity, str | None):
        raise InputError(f"{sidecar}: identity is {identity!r}, expected text")
    source = head_file(motion_path, metadata)
    if source is not None:
        return _user_head(sidecar, source, metadata)
    try:
        head = cached_head(identity, None)
    except UsageError as error:
        raise InputError(f"{sidecar}: {error}") from error
    name = metadata.get("head", head.name)
    if name != head.name:
        raise InputError(f"{sidecar}: head {name!r} is not known here, only {head.name!r}")
    return head


def _user_head(sidecar: Path, source: Path, metadata: dict[str, Any]) -> Head:
    from sedtalker_cli.face.custom import head_checksum
    from sedtalker_cli.face.heads import cached_head

    if not (source.is_file() or source.is_dir()):
        raise InputError(f"{sidecar}: its head {source} is not there; put it back, or name it with --head")
    if metadata.get("head_sha256") not in (None, head_checksum(source)):
        raise InputError(f"{sidecar}: its head {source} was changed since; animate again, or name the head with --head")
    return cached_head(None, source)


def _weights_of(motion_path: Path, metadata: dict[str, Any], head: Head, frames: int | None) -> np.ndarray | None:
    """Coefficients beside a motion of so many frames, if they fit it; None takes as many as there are.

    Those of another motion that had the same name are left alone.
    """
    path = _beside(motion_path, WEIGHTS_SUFFIX)
    none_made = "faces_file" in metadata and "weights_file" not in metadata  # by a vertex animator
    if none_made or not path.exists():
        return None
    weights = read_array(path, "coefficients (T, 52)")
    if frames is None:
        frames = len(weights) if weights.ndim else 0
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
    transforms: np.ndarray = read_array(path, f"a head motion ({frames}, 4, 4)")
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


def _beside(motion_path: Path, suffix: str) -> Path:
    return motion_path.with_name(motion_stem(motion_path) + suffix)


def is_vertices_name(path: Path) -> bool:
    """Whether a file found in a folder looks like the vertices of a motion."""
    return path.name.endswith(".npy") and not path.name.endswith(ARRAY_SUFFIXES)


def is_motion_name(path: Path) -> bool:
    """Whether a file found in a folder looks like a motion: vertices, or coefficients without any beside them."""
    if path.name.endswith(WEIGHTS_SUFFIX):
        return not _beside(path, ".npy").exists() and sidecar_path(path).exists()
    return is_vertices_name(path)
