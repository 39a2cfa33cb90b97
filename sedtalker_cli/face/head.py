"""The talking head: neutral shape, ARKit blendshapes, regions and colours of one identity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.face.asset import load_asset
from sedtalker_cli.face.identity import parse_identity
from sedtalker_cli.face.materials import material_of
from sedtalker_cli.face.paint import colors
from sedtalker_cli.face.shape import shape
from sedtalker_cli.face.texture import PartTexture
from sedtalker_cli.face.transfer import transfer


@dataclass(frozen=True)
class Head:
    """One face: an identity of the shipped head, or a head that a user brought.

    Axes: y up, the face looks to +z, +x is the person's left; metres.

    Attributes:
        name: the head's name.
        identity: the identity spec that made it.
        neutral: vertices at rest (V, 3) float32; the shipped head's origin is the middle between the eyeballs.
        faces: triangles (F, 3) int32, counter-clockwise from outside.
        shape_names: the 52 ARKit names; none for a template, which only shows vertices that others moved.
        deltas: vertex offsets at weight 1 (K, V, 3) float32.
        regions: named vertex indices, int32 (see `regions.py`).
        parts: face ranges (start, stop) by part; they cover all faces in order.
        colors: sRGB vertex colours (V, 3) uint8.
        materials: what each part is made of (see `materials.py`).
        source: the file or folder of a user's head, None for the shipped one.
        placement: (3, 3) that turns and scales the file's coordinates into ours.
        textures: pictures on its parts, which then show instead of `colors`; the shipped head has none.
    """

    name: str
    identity: str
    neutral: np.ndarray
    faces: np.ndarray
    shape_names: tuple[str, ...]
    deltas: np.ndarray
    regions: dict[str, np.ndarray]
    parts: dict[str, tuple[int, int]]
    colors: np.ndarray = field(repr=False)
    materials: dict[str, str] = field(default_factory=dict)
    source: Path | None = None
    placement: np.ndarray = field(default_factory=lambda: np.eye(3), repr=False)
    textures: dict[str, PartTexture] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        known = {part: self.materials.get(part) or material_of(part) for part in self.parts}
        object.__setattr__(self, "materials", known)

    @property
    def eye_middle(self) -> np.ndarray:
        """Middle between the eyes (3,) in metres: the origin, but of a user's head about there, or its own middle."""
        if self.source is None:
            return np.zeros(3)
        return self.neutral[self.regions.get("eye_corner_points", slice(None))].mean(0, dtype=np.float64)

    def vertices(self, weights: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Posed vertices.

        Args:
            weights: blendshape weights (T, K) in the order of `shape_names`, or one frame (K,).
            out: array (T, V, 3) float32 to fill (a memory map for long sequences).

        Returns:
            Vertices (T, V, 3) float32, or (V, 3) for one frame.
        """
        weights = np.asarray(weights, dtype=np.float32)
        frames = np.atleast_2d(weights)
        if frames.ndim != 2 or frames.shape[1] != len(self.shape_names):
            raise ValueError(f"weights must be (T, {len(self.shape_names)}), got {weights.shape}")
        if out is None:
            out = np.empty((len(frames), *self.neutral.shape), np.float32)
        start = 0
        for block in self.stream(frames):
            out[start : start + len(block)] = block
            start += len(block)
        return out[0] if weights.ndim == 1 else out

    def stream(self, weights: np.ndarray, block: int = 64) -> Iterator[np.ndarray]:
        """Yields posed vertices (up to `block`, V, 3) at a time, for sequences of any length.

        A block of the shipped head is 8 MB: it stays in the processor's cache until it is hashed and written.
        """
        flat = self.deltas.reshape(len(self.deltas), -1)
        for start in range(0, len(weights), block):
            moved = np.asarray(weights[start : start + block], np.float32) @ flat
            moved += self.neutral.reshape(-1)
            yield moved.reshape(-1, *self.neutral.shape)


def load_head(identity: str | None = None) -> Head:
    """The shipped head with an identity: a built-in name, a seed, or `key=value,...`; None is the default.

    Raises:
        UsageError: the identity cannot be understood.
    """
    asset = load_asset()
    person = parse_identity(identity)
    neutral = shape(person, asset)
    return Head(
        name="sedtalker-head",
        identity=person.name,
        neutral=neutral,
        faces=asset.faces,
        shape_names=ARKIT_NAMES,
        deltas=transfer(asset, neutral),
        regions=asset.regions,
        parts=asset.parts,
        colors=colors(person, asset),
        materials={"eye_left": "eye", "eye_right": "eye"},
    )
