"""Reads the shipped head data (`data/head.npz`, made by `tools/build_head.py`)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedtalker_cli.face.arkit import ARKIT_NAMES

DATA = Path(__file__).parent / "data" / "head.npz"
STEP = np.float32(1e-5)  # metres an integer step, as written by the build script


@dataclass(frozen=True)
class Targets:
    """Named sparse vertex deltas."""

    names: tuple[str, ...]
    starts: np.ndarray
    index: np.ndarray
    values: np.ndarray

    def add(self, vertices: np.ndarray, name: str, amount: float) -> None:
        """Adds `amount` of one target to vertices (V, 3) in place."""
        k = self.names.index(name)
        part = slice(self.starts[k], self.starts[k + 1])
        vertices[self.index[part]] += np.float32(amount) * STEP * self.values[part]


@dataclass(frozen=True)
class Asset:
    """The head's topology, base shape, targets, regions and paint masks; arrays are shared and read-only."""

    base: np.ndarray
    faces: np.ndarray
    parts: dict[str, tuple[int, int]]
    regions: dict[str, np.ndarray]
    paints: dict[str, np.ndarray]
    shapes: np.ndarray
    macro: Targets
    local: Targets
    neck_loop: np.ndarray
    neck_near: np.ndarray
    neck_weight: np.ndarray
    seal_weight: np.ndarray

    def vertices_of(self, part: str) -> np.ndarray:
        """Sorted vertex indices of a part."""
        return np.unique(self.faces[slice(*self.parts[part])])


def _targets(data: dict[str, np.ndarray], group: str) -> Targets:
    counts = data[f"{group}_counts"]
    starts = np.concatenate([[0], np.cumsum(counts)])
    # indices are stored as steps within each target: undo by one running sum less its value at each target's start
    running = np.cumsum(data[f"{group}_index"].astype(np.int64))
    before = np.concatenate([[0], running])[starts[:-1]]
    index = running - np.repeat(before, counts)
    return Targets(tuple(data[f"{group}_names"].tolist()), starts, index, data[f"{group}_values"])


@functools.lru_cache(maxsize=1)
def load_asset() -> Asset:
    """Reads and unpacks the data file, once a process."""
    with np.load(DATA, allow_pickle=False) as archive:
        data = {key: archive[key] for key in archive.files}
    base = data["base"].astype(np.float32) * STEP
    packed = _targets(data, "shape")
    shapes = np.zeros((len(ARKIT_NAMES), *base.shape), np.float32)
    for k, name in enumerate(ARKIT_NAMES):
        packed.add(shapes[k], name, 1.0)
    stops = np.cumsum(data["region_counts"])
    regions = np.split(data["region_index"].astype(np.int32), stops[:-1])
    asset = Asset(
        base=base,
        faces=data["faces"].astype(np.int32),
        parts={str(n): (int(a), int(b)) for n, (a, b) in zip(data["part_names"], data["part_ranges"], strict=True)},
        regions=dict(zip(data["region_names"].tolist(), regions, strict=True)),
        paints={
            k.removeprefix("paint_"): v.astype(np.float32) / 255 for k, v in data.items() if k.startswith("paint_")
        },
        shapes=shapes,
        macro=_targets(data, "macro"),
        local=_targets(data, "local"),
        neck_loop=data["neck_loop"],
        neck_near=data["neck_near"],
        neck_weight=data["neck_weight"].astype(np.float32) / 255,
        seal_weight=data["seal_weight"].astype(np.float32) / 127,
    )
    for array in (asset.base, asset.faces, asset.shapes):
        array.flags.writeable = False
    return asset
