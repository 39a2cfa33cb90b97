"""Eyeballs, lashes and teeth of `build_head.py`, modelled as linear mixes of the source's plain ones."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def eyeball(helper: np.ndarray, rings: np.ndarray, segments: int) -> tuple[np.ndarray, np.ndarray]:
    """A sphere around the source's coarse eye, with its pole on the gaze axis (+z).

    Args:
        helper: vertices of the source's eye (M, 3), on a sphere.
        rings: polar angles in degrees (R,), from above 0 to below 180; a repeated angle makes a hard colour edge.
        segments: vertices a ring.

    Returns:
        Mixing rows (1 + R * segments + 1, M) (the affine map that fits the helper best) and faces.
    """
    solution = np.linalg.lstsq(np.c_[2 * helper, np.ones(len(helper))], (helper**2).sum(1), rcond=None)[0]
    centre = solution[:3]
    radius = np.sqrt(solution[3] + centre @ centre)
    theta = np.radians(rings)[:, None]
    phi = np.arange(segments) / segments * 2 * np.pi
    ring = np.stack(
        np.broadcast_arrays(np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)), -1
    ).reshape(-1, 3)
    points = centre + radius * np.concatenate([[[0, 0, 1]], ring, [[0, 0, -1]]])
    rows = np.c_[points, np.ones(len(points))] @ np.linalg.pinv(np.c_[helper, np.ones(len(helper))])
    s = np.arange(segments)
    nxt = (s + 1) % segments
    faces = [np.c_[np.zeros(segments, int), 1 + s, 1 + nxt]]
    for r in range(len(rings) - 1):
        if rings[r] == rings[r + 1]:
            continue
        a, b = 1 + r * segments, 1 + (r + 1) * segments
        faces += [np.c_[a + s, b + s, b + nxt], np.c_[a + s, b + nxt, a + nxt]]
    last = 1 + (len(rings) - 1) * segments
    faces.append(np.c_[last + s, np.full(segments, len(points) - 1), last + nxt])
    return rows, np.concatenate(faces)


def _sample(grid: np.ndarray, u: float, w: float, n: int) -> np.ndarray:
    """Mixing row (n,) of the point (u, w), both 0..1, on a strip of source vertices (columns, rows)."""
    columns, rows = grid.shape
    u, w = np.clip(u, 0, 1) * (columns - 1), np.clip(w, 0, 1) * (rows - 1)
    i, j = min(int(u), columns - 2), min(int(w), rows - 2)
    fu, fw = u - i, w - j
    row = np.zeros(n)
    row[grid[i, j]] += (1 - fu) * (1 - fw)
    row[grid[i + 1, j]] += fu * (1 - fw)
    row[grid[i, j + 1]] += (1 - fu) * fw
    row[grid[i + 1, j + 1]] += fu * fw
    return row


def lashes(grid: np.ndarray, count: int, length: float, fill: float, n: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Cuts a strip of lash cards into single tapering hairs.

    Args:
        grid: source vertices (columns, rows), row 0 at the lid.
        count: number of hairs.
        length: part of the strip's height that a hair reaches.
        fill: width of a hair's root as part of the spacing.
        n: number of source vertices.

    Returns:
        Mixing rows (3 * count, n) and faces (count, 3).
    """
    points = []
    for k in range(count):
        u = (k + 0.5) / count
        reach = length * (1.0 - 0.25 * (k % 3 == 1)) * (0.6 + 0.4 * np.sin(np.pi * u))
        half = fill / (2 * count)
        points += [_sample(grid, *at, n) for at in ((u - half, 0), (u + half, 0), (u, reach))]
    return sparse.csr_matrix(np.array(points)), np.arange(3 * count).reshape(-1, 3)


def teeth(grid: np.ndarray, base: np.ndarray, widths: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """Models single teeth on the source's plain dental arch.

    Args:
        grid: source vertices (columns along the arch, 4 rows: gum in front, middle in front, edge, gum behind).
        base: source vertices (N, 3), for lengths along the arch.
        widths: relative widths of the teeth of one side from the middle outwards.

    Returns:
        Mixing rows (M, N), faces, and per vertex 0 tooth, 1 gum or groove.
    """
    n = len(base)
    along = np.cumsum(np.r_[0, np.linalg.norm(np.diff(base[grid[:, 1]], axis=0), axis=1)])
    along /= along[-1]
    borders = np.cumsum(np.r_[0, widths[::-1], widths])
    borders = borders / borders[-1]
    inner = np.array([0.0, 0.13, 0.5, 0.87])  # columns within a tooth, the first in the groove between two
    places = np.r_[np.add.outer(borders[:-1], 0 * inner) + np.outer(np.diff(borders), inner)].ravel()
    places = np.r_[places, 1.0]
    groove = np.r_[np.tile([1.0, 0.12, 0.0, 0.12], len(borders) - 1), 1.0]
    heights = np.array([0.0, 0.10, 0.14, 0.36, 0.58, 0.655, 0.72, 1.0])  # 2/3 is the edge
    gum = np.array([1.0, 1.0, 0.15, 0.0, 0.0, 0.0, 0.2, 1.0])
    rows, shade = [], []
    for place, deep in zip(places, groove, strict=True):
        u = np.interp(place, along, np.linspace(0, 1, len(along)))
        centre = np.mean([_sample(grid, u, w, n) for w in (0, 1 / 3, 1 / 3, 1)], 0)
        for height, pink in zip(heights, gum, strict=True):
            pull = deep * (0.06 if pink == 1.0 else 0.12)
            rows.append((1 - pull) * _sample(grid, u, height, n) + pull * centre)
            shade.append(max(pink, 0.15 * (deep == 1.0)))
    columns, levels = len(places), len(heights)
    at = np.arange(columns * levels).reshape(columns, levels)
    quads = np.stack([at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]], -1).reshape(-1, 4)
    return sparse.csr_matrix(np.array(rows)), quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3), np.array(shade)
