"""Identities: what `--identity` may say, and the face and colours that it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sedtalker_cli.errors import UsageError
from sedtalker_cli.face.asset import Asset, load_asset

RACES = ("african", "asian", "caucasian")
YOUNG, OLD = 25.0, 90.0  # the years that the source's "young" and "old" targets stand for
DEFAULT = "robin"
OVERLAP = 0.0003  # metres by which the closed lips overlap in front view
GLOBAL = {"sex": (0.0, 1.0), "age": (20.0, 80.0), "weight": (-1.0, 1.0), **dict.fromkeys(RACES, (0.0, 1.0))}


@dataclass(frozen=True)
class Identity:
    """One person's face.

    Attributes:
        name: how the user called it.
        sex: 0 female .. 1 male.
        age: years, 20..80.
        african, asian, caucasian: parts of the ethnic mix (normalised when used).
        weight: -1 lean .. 1 heavy.
        local: local target names with amounts -1..1.
        iris: sRGB colour of the iris.
    """

    name: str
    sex: float = 0.5
    age: float = 35.0
    african: float = 1.0
    asian: float = 1.0
    caucasian: float = 1.0
    weight: float = 0.0
    local: dict[str, float] = field(default_factory=dict)
    iris: tuple[int, int, int] = (96, 66, 44)

    @property
    def mix(self) -> np.ndarray:
        """Normalised ethnic mix (3,) in the order of RACES."""
        parts = np.array([self.african, self.asian, self.caucasian])
        return parts / parts.sum()


NAMED = {
    "robin": Identity("robin", 0.35, 30, 0.2, 0.2, 0.6),
    "anna": Identity("anna", 0.0, 28, 0.05, 0.1, 0.85),
    "ben": Identity("ben", 1.0, 34, 0.05, 0.1, 0.85),
}


def local_ranges() -> dict[str, tuple[float, float]]:
    """Local target names with the range each accepts: one-way targets start at 0."""
    names = load_asset().local.names
    stems = sorted({n[:-1] for n in names})
    return {s: (-1.0 if s + "-" in names else 0.0, 1.0) for s in stems}


def list_identities() -> list[str]:
    """Names of the built-in identities, the default first."""
    return [DEFAULT, *sorted(n for n in NAMED if n != DEFAULT)]


def parse_identity(spec: str | None) -> Identity:
    """Reads an identity: a built-in name, a whole number (seed), or `key=value,...`."""
    if spec is None or not spec.strip():
        return NAMED[DEFAULT]
    if spec.strip().lower() in NAMED:
        return NAMED[spec.strip().lower()]
    raise UsageError(f"identity {spec!r} is unknown: use one of {', '.join(list_identities())}")


def shape(identity: Identity, asset: Asset) -> np.ndarray:
    """Neutral vertices (V, 3) in metres, the middle of the eyes at the origin."""
    vertices = asset.base.copy()
    old = float(np.clip((identity.age - YOUNG) / (OLD - YOUNG), 0.0, 1.0))
    for sex, s in (("female", 1.0 - identity.sex), ("male", identity.sex)):
        for age, a in (("young", 1.0 - old), ("old", old)):
            for race, r in zip(RACES, identity.mix, strict=True):
                if s * a * r:
                    asset.macro.add(vertices, f"{race}-{sex}-{age}", s * a * r)
            if s * a * identity.weight:
                name = "maxweight" if identity.weight > 0 else "minweight"
                asset.macro.add(vertices, f"{name}-{sex}-{age}", s * a * abs(identity.weight))
    for name, amount in identity.local.items():
        if amount:
            asset.local.add(vertices, f"{name}{'+' if amount > 0 else '-'}", abs(amount))
    poles = [asset.vertices_of(f"eye_{side}")[[0, -1]] for side in ("left", "right")]
    vertices -= vertices[np.concatenate(poles)].mean(0)
    _seal_lips(vertices, asset)
    _level_neck(vertices, asset)
    return vertices


def _seal_lips(vertices: np.ndarray, asset: Asset) -> None:
    """Closes the slit that the source leaves between the resting lips, both lips moving half of the way."""
    upper, lower = (vertices[asset.regions[f"seam_{lip}"]].astype(np.float64) for lip in ("upper", "lower"))
    corner = min(upper[-1, 0], lower[-1, 0])
    x = np.linspace(-corner, corner, 41)
    overlap = OVERLAP * (1.0 - (x / corner) ** 4)
    gap = np.interp(x, upper[:, 0], upper[:, 1]) - np.interp(x, lower[:, 0], lower[:, 1]) + overlap
    lift = 0.5 * np.interp(vertices[:, 0], x, np.maximum(gap, 0.0), left=0.0, right=0.0)
    vertices[:, 1] += lift * asset.seal_weight
    step = np.subtract(*(vertices[asset.regions[f"inner_lips_{lip}"], 2].mean() for lip in ("upper", "lower")))
    middle = np.exp(-((vertices[:, 0] / (0.4 * corner)) ** 2))
    vertices[:, 2] += 0.5 * step * middle * asset.seal_weight


def _level_neck(vertices: np.ndarray, asset: Asset) -> None:
    """Moves the neck's edge onto a smooth loop in its best plane, the skin above following less and less."""
    edge = vertices[asset.neck_loop].astype(np.float64)
    middle = edge.mean(0)
    normal = np.linalg.svd(edge - middle, full_matrices=False)[2][2]
    level = edge - ((edge - middle) @ normal)[:, None] * normal
    for _ in range(12):
        level += 0.5 * (0.5 * (np.roll(level, 1, 0) + np.roll(level, -1, 0)) - level)
    vertices += (asset.neck_weight[:, None] * (level - edge)[asset.neck_near]).astype(np.float32)


def colors(identity: Identity, asset: Asset) -> np.ndarray:
    """Vertex colours (V, 3) uint8, sRGB."""
    skin = identity.mix @ np.array([[118, 78, 58], [222, 182, 148], [228, 184, 160]], float)
    red = skin * [0.93, 0.62, 0.60]
    brow = np.array([52, 40, 34.0]) * (0.5 + 0.6 * identity.mix[2])
    paint = np.broadcast_to(skin, asset.base.shape).copy()

    def layer(mask: np.ndarray, color: np.ndarray, strength: float) -> None:
        paint[:] += (color - paint) * (mask * strength)[:, None]

    layer(asset.paints["blush"], skin * [1.0, 0.84, 0.82], 0.35)
    layer(asset.paints["lids"], skin * [0.86, 0.74, 0.72], 0.4)
    layer(asset.paints["lips"], red, 0.7)
    layer(np.clip(4.0 * np.abs(asset.seal_weight) - 2.8, 0.0, 1.0), red * 0.45, 0.8)  # the line between the lips
    inside = np.array([112, 42, 44.0]) * _depth(asset)[:, None]
    paint += (inside - paint) * asset.paints["inside"][:, None]
    layer(asset.paints["brow"], brow, 0.8)
    gum = np.array([196, 112, 108.0])
    for part, color in (("teeth_upper", (240, 235, 224)), ("teeth_lower", (232, 226, 212)), ("tongue", (196, 104, 102))):
        ids = asset.vertices_of(part)
        paint[ids] = color + (gum - color) * asset.paints["gum"][ids, None]
        paint[ids] *= _depth(asset)[ids, None]
    paint[asset.vertices_of("lashes")] = (34, 26, 24)
    for side in ("left", "right"):
        ids = asset.vertices_of(f"eye_{side}")
        paint[ids] = _eye(asset.paints["polar"][ids] * 255.0, np.array(identity.iris, float))
    return np.clip(np.round(paint), 0, 255).astype(np.uint8)


def _depth(asset: Asset) -> np.ndarray:
    """Light that reaches a point inside the mouth (V,), 1 at the lips falling towards the throat."""
    front = asset.base[asset.regions["lips"], 2].mean()
    return 0.25 + 0.75 * np.exp(-np.maximum(front - 0.006 - asset.base[:, 2], 0.0) / 0.03)


def _eye(polar: np.ndarray, iris: np.ndarray) -> np.ndarray:
    """Colours (N, 3) of eyeball vertices by their angle from the gaze axis in degrees."""
    color = np.empty((len(polar), 3))
    color[:] = (238, 233, 228)
    color[polar < 23.4] = 0.35 * iris  # limbus
    ring = polar < 21.4
    color[ring] = iris * (0.75 + 0.45 * np.exp(-(((polar[ring] - 11.0) / 5.0) ** 2)))[:, None]
    color[polar < 7.5] = (12, 10, 10)
    veins = polar > 40
    color[veins] = (226, 206, 200)
    return color
