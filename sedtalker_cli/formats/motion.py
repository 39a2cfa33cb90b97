"""Mesh motion: `STEM.npy` (T, V, 3) float32 in metres, described by the sidecar `STEM.json`."""

import json
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO, Protocol

import numpy as np

from sedtalker_cli.disguises import true_kind_of
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.checksum import HashedFile
from sedtalker_cli.formats.text import read_json

FORMAT = "sedtalker-motion"
UNITS = "metres"
BLOCK = 256  # frames
FARTHEST = 1e6  # of a coordinate in metres
AXES = "y up, the face looks to +z, +x is the person's left"
WEIGHTS_SUFFIX = ".weights.npy"


class Frames(Protocol):
    """Vertices (T, V, 3) float32 [m] that come when they are asked for."""

    ndim: int
    shape: tuple[int, ...]

    def __len__(self) -> int: ...
    def __getitem__(self, key: int | slice) -> np.ndarray: ...
    def stream(self) -> Iterator[np.ndarray]:
        """Consecutive (t, V, 3) pieces."""


class FrameFile:
    """Frames of an NPY file, read when they are asked for: the pages of a mapped file would count as memory.

    Args:
        array: the mapped file, (T, V, 3) float32 in C order.
    """

    ndim, dtype = 3, np.dtype(np.float32)

    def __init__(self, array: np.memmap):
        assert array.filename is not None  # it was mapped from one
        self._path, self._offset, self.shape = array.filename, array.offset, array.shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: int | slice) -> np.ndarray:
        """(V, 3) of one frame, or (t, V, 3) of a plain slice; an `InputError` where a number is invalid."""
        if isinstance(key, slice):
            start, stop, _ = key.indices(len(self))
            return self._read(start, max(stop - start, 0))
        return self._read(range(len(self))[key], 1)[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._read(0, len(self)).astype(dtype or self.dtype, copy=False)

    def stream(self) -> Iterator[np.ndarray]:
        """Consecutive (t, V, 3) pieces."""
        for start in range(0, len(self), BLOCK):
            yield self[start : start + BLOCK]

    def _read(self, start: int, count: int) -> np.ndarray:
        size = self.shape[1] * 3
        place = self._offset + 4 * start * size
        frames = np.fromfile(self._path, "<f4", count * size, offset=place).reshape(count, *self.shape[1:])
        if not (np.abs(frames) <= FARTHEST).all():  # NaN compares as False
            raise InputError(f"{self._path}: holds vertices that are not finite, or absurdly far away; write it again")
        return frames


def write_vertices(path: str | os.PathLike, blocks: Iterable[np.ndarray], shape: tuple[int, int, int]) -> None:
    """Write an NPY file block by block, in bounded memory.

    Args:
        path: `.npy` file.
        blocks: consecutive (t, V, 3) pieces, together (T, V, 3).
        shape: (T, V, 3).

    Raises:
        ValueError: the pieces do not add up to `shape`.
    """
    written = 0
    header = {"descr": "<f4", "fortran_order": False, "shape": tuple(int(n) for n in shape)}
    with atomic_file(path) as part, open(part, "wb") as plain:
        file = HashedFile(plain)
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            if block.shape[1:] != tuple(shape[1:]):
                raise ValueError(f"block of shape {block.shape} in motion of shape {shape}")
            write_numbers(file, block, "<f4")
            written += len(block)
        if written != shape[0]:
            raise ValueError(f"{written} frames written, {shape[0]} announced")
        file.remember()


def write_sidecar(path: str | os.PathLike, metadata: dict[str, Any]) -> None:
    """Write `STEM.json`; format, units and axes are added.

    Args:
        path: `.json` file.
        metadata: JSON-serialisable; must hold `fps`.
    """
    content = {"format": FORMAT, "units": UNITS, "axes": AXES, **metadata}
    with atomic_file(path) as part:
        part.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_array(path: str | os.PathLike, array: np.ndarray) -> None:
    """Write a small array beside a motion (`STEM.faces.npy`, `STEM.weights.npy`)."""
    with atomic_file(path) as part, open(part, "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(file, header)
        write_numbers(file, array, array.dtype)


def write_numbers(file: BinaryIO | HashedFile, array: np.ndarray, kind: str | np.dtype) -> None:
    """Write an array's numbers in C order; unlike `ndarray.tofile` it says why a disk takes no more."""
    file.write(np.ascontiguousarray(array, kind).reshape(-1).view(np.uint8).data)


def write_motion(
    path: str | os.PathLike,
    blocks: Iterable[np.ndarray],
    shape: tuple[int, int, int],
    metadata: dict[str, Any],
) -> None:
    """Write `STEM.npy` and then its `STEM.json`.

    Args:
        path: `.npy` file; the sidecar has the same stem.
        blocks: consecutive (t, V, 3) pieces.
        shape: (T, V, 3).
        metadata: of the sidecar.
    """
    write_vertices(path, blocks, shape)
    write_sidecar(sidecar_path(path), metadata)


def sidecar_path(path: str | os.PathLike) -> Path:
    """`STEM.json` of `STEM.npy`, or of `STEM.weights.npy`."""
    return Path(path).with_name(motion_stem(path) + ".json")


def motion_stem(path: str | os.PathLike) -> str:
    """What the files of a motion have in common: `STEM` of `STEM.npy`, or of `STEM.weights.npy`."""
    return Path(path).name.removesuffix(".npy").removesuffix(WEIGHTS_SUFFIX.removesuffix(".npy"))


def read_motion_files(path: str | os.PathLike) -> tuple[FrameFile, dict[str, Any]]:
    """Open the vertices of a motion, which stay on disk until they are used, and read its sidecar.

    Raises:
        InputError: missing, damaged, or not a motion.
    """
    return read_frames(path), read_sidecar(sidecar_path(path))


def read_sidecar(sidecar: Path) -> dict[str, Any]:
    """Read the JSON that describes a motion.

    Raises:
        InputError: missing, no JSON object, or without a frame rate.
    """
    metadata = read_json(sidecar)
    if not isinstance(metadata, dict):
        raise InputError(f"{sidecar}: is not a motion's sidecar (a JSON object with fps, head, identity)")
    fps = metadata.get("fps")
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not (math.isfinite(fps) and 1 <= fps <= 1000):
        raise InputError(f"{sidecar}: fps is {fps!r}, expected a number of frames a second")
    return metadata


def read_frames(path: str | os.PathLike) -> FrameFile:
    """Open the vertices of a motion, which stay on disk until they are used.

    Raises:
        InputError: missing, damaged, or not a motion.
    """
    array = read_array(path, "a motion (T, V, 3) of float32")
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.dtype("<f4") or 0 in array.shape:
        raise InputError(f"{path}: holds {array.dtype} of shape {array.shape}, not a motion (T, V, 3) of float32")
    if not array.flags.c_contiguous:
        raise InputError(f"{path}: is stored column by column; save it in C order (numpy.ascontiguousarray)")
    return FrameFile(array)


def read_array(path: str | os.PathLike, expected: str = "an array") -> np.memmap:
    """Map an NPY file read-only; pickled objects are refused.

    Raises:
        InputError: missing, damaged or not NPY.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise InputError(f"{path}: is no file; name a .npy file")
    try:
        # not `np.load`: what is neither NPY nor NPZ it takes for a pickle
        with np.errstate(all="ignore"):  # of an absurd shape, which is refused
            return np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; check the path") from None
    except PermissionError:
        raise InputError(f"{path}: may not be read; change its permissions (chmod +r)") from None
    except (OSError, ValueError, TypeError, OverflowError, SyntaxError, TokenError) as error:
        if (kind := true_kind_of(Path(path))) is not None:
            raise InputError(f"{path}: {kind}") from error
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise InputError(f"{path}: is not {expected} ({reason})") from error
