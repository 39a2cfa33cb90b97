"""The neutral face of an identity: targets mixed, then eyes, lips and neck put right."""

from __future__ import annotations

import numpy as np

from sedtalker_cli.face.asset import Asset
from sedtalker_cli.face.identity import RACES, Identity

YOUNG, OLD = 25.0, 90.0  # the years that the source's "young" and "old" targets stand for
OVERLAP = 0.0003  # metres by which the closed lips overlap in front view


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
    _round_eyes(vertices, asset)
    _seal_lips(vertices, asset)
    _level_neck(vertices, asset)
    return vertices


def _round_eyes(vertices: np.ndarray, asset: Asset) -> None:
    """Makes the eyeballs true spheres again (targets stretch them), looking straight ahead."""
    for side in ("left", "right"):
        ball = asset.vertices_of(f"eye_{side}")
        middle, middle_base = (v[ball[[0, -1]]].mean(0) for v in (vertices, asset.base))
        arm = asset.base[ball] - middle_base
        size = np.linalg.norm(vertices[ball] - middle, axis=1).mean() / np.linalg.norm(arm, axis=1).mean()
        vertices[ball] = middle + size * arm


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
