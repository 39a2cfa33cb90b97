"""Vertex regions as they are published: lists of indices in text files, and FLAME's masks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.array_pickle import read_arrays
from sedtalker_cli.formats.text import read_text

MASKS = "FLAME_masks.pkl"
NAMES = ("lve.txt", "fdd.txt", "eve.txt")  # others that lie beside, notes among them, are left alone
PLACES = (MASKS, f"regions/{MASKS}", f"FLAME_masks/{MASKS}")


def read_regions(folder: Path, vertex_count: int) -> dict[str, np.ndarray]:
    """Regions that lie beside a data set.

    `regions/lve.txt` (lips), `fdd.txt` (upper face) and `eve.txt` (eyes and forehead), indices separated by commas, are
    called by their stems, those of `FLAME_masks.pkl` (lips, forehead, eye_region, nose, ...) by their keys.

    Args:
        folder: of the data set, or with the region files themselves.
        vertex_count: V.

    Returns:
        Name -> sorted indices int32; empty if there are no such files.

    Raises:
        InputError: a file is damaged, or has indices of another topology.
    """
    regions: dict[str, np.ndarray] = {}
    masks = next((path for place in PLACES if (path := folder / place).is_file()), None)
    if masks:
        for name, indices in read_arrays(masks).items():
            regions[name] = _checked(indices, masks, vertex_count, f" ({name})")
    for name in NAMES:
        path = next((p for p in (folder / "regions" / name, folder / name) if p.is_file()), None)
        if path:
            regions[path.stem] = read_region(path, vertex_count)
    return regions


def read_region(path: Path, vertex_count: int) -> np.ndarray:
    """Indices int32 of one text file, sorted.

    Raises:
        InputError: it holds something else than indices below `vertex_count`.
    """
    words = [word for word in re.split(r"[\s,;\[\]]+", read_text(path)) if word]
    bad = next((word for word in words if not (word.isascii() and word.isdigit())), None)
    if bad is not None or not words:
        what = f"{bad[:20]!r} is no vertex index" if bad else "holds no vertex indices"
        raise InputError(f"{path}: {what}; expected numbers separated by commas")
    return _checked(np.array(words, np.int64), path, vertex_count)


def write_region(path: Path, indices: np.ndarray) -> None:
    """Write indices as the published files have them."""
    path.write_text(", ".join(map(str, np.asarray(indices).tolist())) + "\n", encoding="ascii")


def _checked(indices: np.ndarray, path: Path, vertex_count: int, which: str = "") -> np.ndarray:
    if indices.dtype.kind not in "iu" or not indices.size:
        raise InputError(f"{path}{which}: holds no vertex indices")
    if indices.min() < 0 or indices.max() >= vertex_count:
        raise InputError(
            f"{path}{which}: names vertex {indices.max()}, but the meshes have {vertex_count}; "
            "the regions belong to another topology"
        )
    return np.unique(indices).astype(np.int32)
