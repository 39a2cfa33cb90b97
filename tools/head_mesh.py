"""Mesh helpers of `build_head.py`: every new vertex is a linear mix of the source's, so targets follow by a product."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def triangulate(quads: np.ndarray) -> np.ndarray:
    """Splits quads (Q, 4) along their 0-2 diagonal into triangles (2Q, 3), two consecutive triangles a quad."""
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def _mix_rows(pairs: np.ndarray, t: np.ndarray, n: int) -> sparse.csr_matrix:
    """Rows (E, n) that give `(1 - t) * p[a] + t * p[b]` for pairs (a, b)."""
    rows = np.repeat(np.arange(len(pairs)), 2)
    data = np.c_[1.0 - t, t].ravel()
    return sparse.csr_matrix((data, (rows, pairs.ravel())), shape=(len(pairs), n))


def clip(triangles: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, sparse.csr_matrix]:
    """Keeps the part of a surface where `side` is positive, cutting triangles exactly on the zero line.

    Args:
        triangles: faces (F, 3).
        side: signed distance to the cutting plane (N,); exact zeros lie on the plane.

    Returns:
        The faces that remain, over N + E vertices, and the mixing rows (E, N) of the E new vertices.
    """
    n = len(side)
    new: dict[tuple[int, int], int] = {}
    out: list[tuple[int, int, int]] = []

    def crossing(a: int, b: int) -> int:
        return new.setdefault((min(a, b), max(a, b)), n + len(new))

    for tri in triangles:
        if (side[tri] >= 0).all():
            if (side[tri] > 0).any():
                out.append(tuple(tri))
            continue
        if (side[tri] <= 0).all():
            continue
        polygon = []
        for a, b in zip(tri, np.roll(tri, -1), strict=True):
            if side[a] >= 0:
                polygon.append(a)
            if side[a] * side[b] < 0:
                polygon.append(crossing(a, b))
        out.extend((polygon[0], polygon[k], polygon[k + 1]) for k in range(1, len(polygon) - 1))
    pairs = np.array(list(new), dtype=np.int64).reshape(-1, 2)
    t = side[pairs[:, 0]] / (side[pairs[:, 0]] - side[pairs[:, 1]])
    return np.array(out), _mix_rows(pairs, t, n)


def refine(triangles: np.ndarray, chosen: np.ndarray, n: int) -> tuple[np.ndarray, sparse.csr_matrix, np.ndarray]:
    """Splits the edges of the chosen triangles at their middles; neighbours are split so that no gap opens.

    Args:
        triangles: faces (F, 3).
        chosen: mask (F,).
        n: number of vertices.

    Returns:
        Faces, mixing rows (E, n) of the new vertices, and for each face the index of the face it came from.
    """
    middle: dict[tuple[int, int], int] = {}
    for tri in triangles[chosen]:
        for a, b in zip(tri, np.roll(tri, -1), strict=True):
            middle.setdefault((min(a, b), max(a, b)), n + len(middle))
    faces: list[tuple[int, int, int]] = []
    parents: list[int] = []
    for k, (a, b, c) in enumerate(triangles):
        ab, bc, ca = (middle.get((min(p, q), max(p, q))) for p, q in ((a, b), (b, c), (c, a)))
        split = sum(m is not None for m in (ab, bc, ca))
        if split == 0:
            new = [(a, b, c)]
        elif split == 3:
            new = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        else:
            # turn the triangle so that ab is split (one) or ca is whole (two)
            while (ab is None) if split == 1 else (ca is not None):
                a, b, c, ab, bc, ca = b, c, a, bc, ca, ab
            new = [(a, ab, c), (ab, b, c)] if split == 1 else [(ab, b, bc), (a, ab, bc), (a, bc, c)]
        faces.extend(new)
        parents.extend([k] * len(new))
    pairs = np.array(list(middle), dtype=np.int64).reshape(-1, 2)
    return np.array(faces), _mix_rows(pairs, np.full(len(pairs), 0.5), n), np.array(parents)


def round_off(triangles: np.ndarray, chosen: np.ndarray, n: int) -> tuple[np.ndarray, sparse.csr_matrix]:
    """Splits the chosen triangles as `refine` does and rounds what they form (Loop's subdivision rules).

    Args:
        triangles: faces (F, 3).
        chosen: mask (F,).
        n: number of vertices.

    Returns:
        Faces over n + E vertices and mixing rows (n + E, n) of all of them; the edge of the chosen stays where it is.
    """
    faces, middles, _ = refine(triangles, chosen, n)
    wings: dict[tuple[int, int], list[int]] = {}
    for a, b, c in triangles[chosen]:
        for p, q, r in ((a, b, c), (b, c, a), (c, a, b)):
            wings.setdefault((min(p, q), max(p, q)), []).append(r)
    edges = np.sort(middles.indices.reshape(-1, 2), axis=1)
    rows = sparse.lil_matrix((n + len(edges), n))
    rows.setdiag(1.0)
    rim, ring = set(), {}
    for (a, b), sides in wings.items():
        ring.setdefault(a, set()).add(b)
        ring.setdefault(b, set()).add(a)
        if len(sides) != 2:
            rim |= {a, b}
    for k, (a, b) in enumerate(edges.tolist(), start=n):
        sides = wings[a, b]
        rows[k, [a, b]] = 3 / 8 if len(sides) == 2 else 1 / 2
        if len(sides) == 2:
            rows[k, sides] = 1 / 8
    outside = set(triangles[~chosen].ravel().tolist())
    for v, near in ring.items():
        if v not in rim and v not in outside:
            rows[v, v] = 5 / 8
            rows[v, sorted(near)] = 3 / 8 / len(near)
    return faces, rows.tocsr()


def component(triangles: np.ndarray, seed: int) -> np.ndarray:
    """Mask (F,) of the faces connected with vertex `seed`."""
    n = int(triangles.max()) + 1
    ends = triangles[:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = sparse.coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))
    labels = sparse.csgraph.connected_components(graph, directed=False)[1]
    return labels[triangles[:, 0]] == labels[seed]


def boundary_loop(triangles: np.ndarray) -> np.ndarray:
    """The longest open edge loop of a surface as ordered vertex indices (L,)."""
    following: dict[int, int] = {}
    directed = {(a, b) for tri in triangles for a, b in zip(tri, np.roll(tri, -1), strict=True)}
    for a, b in directed:
        if (b, a) not in directed:
            following[a] = b
    best: list[int] = []
    while following:
        start, loop = next(iter(following)), []
        while start in following:
            loop.append(start)
            start = following.pop(start)
        best = max(best, loop, key=len)
    return np.array(best)


def quad_grid(quads: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Orders the vertices of a rectangular quad strip as (columns, rows); row 0 has the least mean of `near` (N,)."""
    count = np.bincount(quads.ravel())
    links: dict[int, set[int]] = {}
    for quad in quads:
        for a, b in zip(quad, np.roll(quad, -1), strict=True):
            links.setdefault(int(a), set()).add(int(b))
            links.setdefault(int(b), set()).add(int(a))
    corners = {int(c) for c in np.flatnonzero(count == 1)}
    edge = {v for v in links if count[v] <= 2}

    def walk(start: int, step: int) -> list[int]:
        path = [start, step]
        while path[-1] not in corners:
            path.append(next(v for v in links[path[-1]] & edge if v not in path))
        return path

    start = min(corners)
    column = min((walk(start, s) for s in links[start] & edge), key=len)
    columns, seen = [column], set(column)
    while True:
        column = [next((v for v in links[c] if v not in seen), -1) for c in column]
        if -1 in column:
            break
        columns.append(column)
        seen.update(column)
    grid = np.array(columns)
    return grid if near[grid[:, 0]].mean() < near[grid[:, -1]].mean() else grid[:, ::-1]
