"""Vertex colours of an identity: skin, lips, brows, cropped hair, eyes, teeth."""

from __future__ import annotations

import numpy as np

from sedtalker_cli.face.asset import Asset
from sedtalker_cli.face.identity import Identity


def colors(identity: Identity, asset: Asset) -> np.ndarray:
    """Vertex colours (V, 3) uint8, sRGB."""
    skin = identity.mix @ np.array([[118, 78, 58], [222, 182, 148], [228, 184, 160]], float)
    red = skin * [0.93, 0.62, 0.60]
    grey = float(np.clip((identity.age - 45.0) / 35.0, 0.0, 0.85))
    hair = np.array(identity.hair, float) * (1.0 - grey) + np.array([136, 130, 124.0]) * grey
    paint = np.broadcast_to(skin, asset.base.shape).copy()

    def layer(mask: np.ndarray, color: np.ndarray, strength: float) -> None:
        paint[:] += (color - paint) * (mask * strength)[:, None]

    layer(asset.paints["blush"], skin * [1.0, 0.84, 0.82], 0.35)
    layer(asset.paints["lids"], skin * [0.86, 0.74, 0.72], 0.4)
    layer(asset.paints["lips"], red, 0.7)
    layer(np.clip(4.0 * np.abs(asset.seal_weight) - 2.8, 0.0, 1.0), red * 0.62, 0.6)  # the line between the lips
    inside = np.array([158, 74, 72.0]) * _depth(asset)[:, None]
    paint += (inside - paint) * asset.paints["inside"][:, None]
    layer(asset.paints["scalp"], hair * 1.1, 0.55)
    layer(asset.paints["brow"], hair, 0.8)
    gum = np.array([196, 112, 108.0])
    for part, color in (
        ("teeth_upper", (240, 235, 224)),
        ("teeth_lower", (232, 226, 212)),
        ("tongue", (196, 104, 102)),
    ):
        ids = asset.vertices_of(part)
        paint[ids] = color + (gum - color) * asset.paints["gum"][ids, None]
        paint[ids] *= _depth(asset)[ids, None]
        if part != "tongue":  # cheeks shade the back teeth, which are seen from the side
            behind = asset.base[ids, 2].max() - 0.010 - asset.base[ids, 2]
            paint[ids] += (np.array([84, 42, 38.0]) - paint[ids]) * 0.9 * np.clip(behind / 0.010, 0.0, 1.0)[:, None]
    paint[asset.vertices_of("lashes")] = (34, 26, 24)
    for side in ("left", "right"):
        ids = asset.vertices_of(f"eye_{side}")
        paint[ids] = _eye(asset.paints["polar"][ids] * 255.0, np.array(identity.iris, float))
    return np.clip(np.round(paint), 0, 255).astype(np.uint8)


def _depth(asset: Asset) -> np.ndarray:
    """Light that reaches a point inside the mouth (V,), 1 at the lips falling towards the throat."""
    front = asset.base[asset.regions["lips"], 2].mean()
    return 0.50 + 0.50 * np.exp(-np.maximum(front - 0.006 - asset.base[:, 2], 0.0) / 0.03)


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
