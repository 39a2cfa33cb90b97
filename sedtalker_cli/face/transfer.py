"""Carries the blendshapes from the base face over to an identity's proportions.

After the idea of deformation transfer (Sumner and Popovic 2004), reduced to one smooth field of linear maps: around
each of some handle points the map that takes the base face's neighbourhood to the identity's is fitted, the maps are
blended over the face, and every offset is multiplied by the map of its place: a wider mouth moves wider.
"""

from __future__ import annotations

import numpy as np

from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.asset import Asset

HANDLES = 90
RADIUS = 0.016  # metres; the field changes over this distance, much more than the lips are apart
MOUTH_REACH = 0.02  # metres around the lips that share one map
RIDGE = 0.3  # pulls a map towards a plain scaling where the neighbourhood is flat
CLOSED = -0.0012  # metres by which the upper lid's edge has to pass the lower one's where they meet last
MOUTH_PARTS = ("teeth_upper", "teeth_lower", "tongue", "mouth")


def _handles(points: np.ndarray) -> np.ndarray:
    """Farthest-point sample (H,) of points (N, 3), the same on every run."""
    chosen = [int(points[:, 2].argmax())]
    gaps = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < HANDLES:
        chosen.append(int(gaps.argmax()))
        gaps = np.minimum(gaps, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)


def _square(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances (A, B) of points (A, 3) and (B, 3)."""
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0.0)


def _maps(base: np.ndarray, shaped: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Linear maps (H, 3, 3) that best take the base's neighbourhood of each centre (H, 3) to the identity's."""
    weight = np.exp(-_square(centres, base) / (2 * RADIUS**2))
    weight /= weight.sum(1, keepdims=True)
    middle, middle_shaped = weight @ base, weight @ shaped

    def spread(a: np.ndarray, a_middle: np.ndarray) -> np.ndarray:
        products = (a[:, :, None] * base[:, None]).reshape(len(base), 9)
        return (weight @ products).reshape(-1, 3, 3) - a_middle[:, :, None] * middle[:, None]

    moment, cross = spread(base, middle), spread(shaped, middle_shaped)
    size = np.trace(moment, axis1=1, axis2=2)[:, None, None]
    eye = np.eye(3)
    scale = np.clip(np.trace(cross, axis1=1, axis2=2)[:, None, None] / size, 0.5, 2.0)
    return scale * eye + (cross - scale * moment) @ np.linalg.inv(moment + RIDGE * size / 3 * eye)


def field(asset: Asset, neutral: np.ndarray) -> np.ndarray:
    """The map of every vertex (V, 3, 3) float32 for an identity's neutral vertices (V, 3)."""
    base = asset.base.astype(np.float64)
    skin = np.unique(asset.faces[asset.parts["skin"][0] : asset.parts["lips"][1]])
    face = skin[(base[skin, 2] > -0.06) & (base[skin, 1] > -0.13)]
    points, shaped = base[face], neutral[face].astype(np.float64)
    centres = points[_handles(points)]
    maps = _maps(points, shaped, centres)
    square = _square(base, centres)
    square -= square.min(1, keepdims=True)  # far vertices take the nearest handle's map
    blend = np.exp((square / (-2 * RADIUS**2)).astype(np.float32))
    blend /= blend.sum(1, keepdims=True)
    result = np.tensordot(blend, maps, 1)
    # a neighbourhood's map does not know the mouth's own width: corners move in proportion to it
    lips = result[asset.regions["lips"]].mean(0)
    widths = [np.ptp(v[asset.regions["mouth_corner_points"], 0]) for v in (base, neutral)]
    wide = lips.copy()
    wide[0, 0] = np.clip(widths[1] / widths[0], 0.6, 1.6)
    near = _square(base, base[asset.regions["lips"]]).min(1)
    fade = np.exp(-near / MOUTH_REACH**2)[:, None, None]
    result = result + fade * (wide - result)
    for part in MOUTH_PARTS[:3]:
        result[asset.vertices_of(part)] = lips  # hard parts stay rigid
    for side in ("left", "right"):
        ball = asset.vertices_of(f"eye_{side}")
        sizes = [np.linalg.norm(v[ball] - v[ball[[0, -1]]].mean(0), axis=1).mean() for v in (base, neutral)]
        result[ball] = np.eye(3) * sizes[1] / sizes[0]
    return result.astype(np.float32)


def lid_margin_gap(asset: Asset, vertices: np.ndarray, side: str) -> np.ndarray:
    """Height (N,) of the upper lid's edge over the lower one's along the middle part of the eye, in metres."""
    upper, lower = (vertices[asset.regions[f"lid_{lid}_{side}"]].astype(np.float64) for lid in ("upper", "lower"))
    order = [np.argsort(lid[:, 0]) for lid in (upper, lower)]
    upper, lower = upper[order[0]], lower[order[1]]
    ends = max(upper[0, 0], lower[0, 0]), min(upper[-1, 0], lower[-1, 0])
    x = np.linspace(*ends, 21)[2:-2]
    return np.interp(x, upper[:, 0], upper[:, 1]) - np.interp(x, lower[:, 0], lower[:, 1])


def transfer(asset: Asset, neutral: np.ndarray) -> np.ndarray:
    """Blendshape offsets (K, V, 3) float32 for an identity.

    Args:
        asset: the shipped head.
        neutral: the identity's neutral vertices (V, 3).

    Returns:
        Offsets proportioned to the identity, the blinks scaled so that the lids just meet.
    """
    maps = field(asset, neutral)
    deltas = np.matmul(maps, asset.shapes.transpose(1, 2, 0)).transpose(2, 0, 1)
    deltas = np.ascontiguousarray(deltas)
    for side in ("left", "right"):
        blink = deltas[ARKIT_INDEX[f"eyeBlink{side.capitalize()}"]]
        low, high = 0.5, 1.8
        for _ in range(10):  # bisection: the gap falls as the lids move
            middle = 0.5 * (low + high)
            if lid_margin_gap(asset, neutral + np.float32(middle) * blink, side).max() < CLOSED:
                high = middle
            else:
                low = middle
        blink *= np.float32(high)
    return deltas
