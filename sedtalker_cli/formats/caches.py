"""Vertex caches that 3D programs play on a mesh of the same vertex order: PC2 (Blender, 3ds Max), MDD (LightWave)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.motion import write_numbers


def write_pc2(path: str | os.PathLike, blocks: Iterable[np.ndarray], shape: tuple[int, int, int]) -> None:
    """Write a Point Cache 2: little-endian, one sample a frame; it knows neither frame rate nor units.

    Args:
        path: `.pc2` file.
        blocks: consecutive (t, V, 3) pieces, together (T, V, 3).
        shape: (T, V, 3).
    """
    frames, points, _ = shape
    with atomic_file(path) as part, open(part, "wb") as file:
        # magic, version, points, first frame, frames a sample, samples
        file.write(struct.pack("<12siiffi", b"POINTCACHE2", 1, points, 0.0, 1.0, frames))
        _write_points(file, blocks, "<f4", frames)


def write_mdd(path: str | os.PathLike, blocks: Iterable[np.ndarray], shape: tuple[int, int, int], fps: float) -> None:
    """Write an MDD: big-endian, with the time of every frame in seconds.

    Args:
        path: `.mdd` file.
        blocks: consecutive (t, V, 3) pieces, together (T, V, 3).
        shape: (T, V, 3).
        fps: frames a second.
    """
    frames, points, _ = shape
    with atomic_file(path) as part, open(part, "wb") as file:
        file.write(struct.pack(">ii", frames, points))
        write_numbers(file, np.arange(frames) / fps, ">f4")
        _write_points(file, blocks, ">f4", frames)


def _write_points(file: BinaryIO, blocks: Iterable[np.ndarray], kind: str, frames: int) -> None:
    written = 0
    for block in blocks:
        write_numbers(file, block, kind)
        written += len(block)
    if written != frames:
        raise ValueError(f"{written} frames written, {frames} announced")
