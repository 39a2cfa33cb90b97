"""Regions and paint masks of the head, found once on the mean adult when `build_head.py` runs."""

from __future__ import annotations

from typing import Any

import numpy as np

BROW_REACH = 9.0  # mm around the brow's line that get finer triangles
# the brow's line in front view, x (outwards) and y above the eyes' middle, with its half width, in mm
BROW_X = np.array([10.0, 14.0, 22.0, 32.0, 42.0, 49.0, 53.0])
BROW_Y = np.array([17.5, 18.5, 20.5, 22.2, 21.6, 18.6, 16.0])
BROW_HALF = np.array([2.6, 3.3, 3.3, 2.9, 2.2, 1.4, 0.6])
HAIRLINE_Z = np.array([-150.0, -112.0, -92.0, -80.0, -58.0, -40.0, -10.0, 20.0])
HAIRLINE_Y = np.array([-62.0, -58.0, -20.0, 0.0, 6.0, 40.0, 62.0, 66.0])
UPPER_LIP, LOWER_LIP = (474,), (493,)  # the source's vertices where the lips touch, at the middle
# the source's vertices along the closing line of the lips, from the middle to the left corner; mirrored by position
SEAM_UPPER = (474, 7229, 7228, 7227, 7226, 11964, 7225, 7179, 7178, 7193, 10400, 7191)
SEAM_LOWER = (493, 7242, 7236, 7230, 7197, 7204, 10375, 7192)


def _brow_line() -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(BROW_X[0], BROW_X[-1], 80)
    # a parabola-smooth line through the named points
    y = np.convolve(np.pad(np.interp(x, BROW_X, BROW_Y), 8, "reflect", reflect_type="odd"), np.ones(17) / 17, "valid")
    return np.c_[x, y], np.interp(x, BROW_X, BROW_HALF)


def brow_distance(points: np.ndarray) -> np.ndarray:
    """Distance in mm (N,) of points (N, 3) (mm from the eyes' middle) to the nearer brow line, in front view."""
    line, _ = _brow_line()
    flat = np.c_[np.abs(points[:, 0]), points[:, 1]]
    gap = np.linalg.norm(flat[:, None] - line[None], axis=2).min(1) if len(flat) < 4000 else _in_blocks(flat, line)
    return np.where(points[:, 2] > -30, gap, np.inf)


def _in_blocks(flat: np.ndarray, line: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [np.linalg.norm(b[:, None] - line[None], axis=2).min(1) for b in np.array_split(flat, len(flat) // 2000 + 1)]
    )


def _brow_paint(points: np.ndarray) -> np.ndarray:
    """How much brow hair covers a vertex (N,), 0..1."""
    line, half = _brow_line()
    flat = np.c_[np.abs(points[:, 0]), points[:, 1]]
    paint = np.zeros(len(points))
    near = np.flatnonzero(brow_distance(points) < 8.0)
    gaps = np.linalg.norm(flat[near, None] - line[None], axis=2)
    best = gaps.argmin(1)
    paint[near] = np.clip(1.6 - gaps[np.arange(len(near)), best] / half[best], 0.0, 1.0)
    return paint * np.clip((flat[:, 0] - 7.0) / 9.0, 0.0, 1.0)  # thin hair at the inner end


def build(source: Any, cut: Any, adult: np.ndarray, loop: np.ndarray) -> dict[str, np.ndarray]:
    """Arrays that are stored beside the geometry.

    Args:
        source: the reader of the wheel (`build_head.Source`).
        cut: the head's topology (`build_head.Cut`).
        adult: the mean adult (V, 3), metres from the middle of the eyes.
        loop: vertices of the neck's edge (L,).

    Returns:
        `region_names`, `region_counts`, `region_index`; `paint_*` uint8 masks (V,); `neck_near`, `neck_weight`.
    """
    mm = adult * 1000.0
    x, y, z = mm.T
    part = {k: np.unique(cut.triangles[slice(*r)]) for k, r in cut.parts.items()}
    skin = np.zeros(len(mm), bool)
    skin[np.unique(cut.triangles[: cut.parts["mouth"][1]])] = True
    inside = np.asarray(cut.rows @ source.mask("inside-mouth"))
    lip_mask = np.asarray(cut.rows @ source.mask("lips")) * skin
    face = skin & (inside < 0.5)
    heaviest = np.asarray(cut.rows.argmax(1)).ravel()
    weight = cut.rows.max(1).toarray().ravel()
    own = {int(heaviest[k]): k for k in np.flatnonzero(weight > 0.55)}  # rounded vertices keep 5/8 of themselves

    def moved(name: str) -> np.ndarray:
        return np.linalg.norm(cut.rows @ source.target(f"faceunits01/targets/faceunits/{name}"), axis=1)

    lips = face & (lip_mask > 0.5)
    corner = {s: int(np.flatnonzero(lips)[np.argmax(s * x[lips])]) for s in (1, -1)}
    centres = {s: mm[part[n][[0, -1]]].mean(0) for s, n in ((1, "eye_left"), (-1, "eye_right"))}
    radius = np.linalg.norm(mm[part["eye_left"]] - centres[1], axis=1).max()
    from_eye = np.min([np.linalg.norm(mm - c, axis=1) for c in centres.values()], 0)
    brow = _brow_paint(mm) * skin
    jaw = moved("jawOpen")
    regions: dict[str, np.ndarray] = {
        "lips": np.flatnonzero(lips),
        "inner_lips_upper": np.array([own[k] for k in UPPER_LIP]),
        "inner_lips_lower": np.array([own[k] for k in LOWER_LIP]),
        "mouth_corner_points": np.array([corner[1], corner[-1]]),
        "mouth_corners": np.flatnonzero(
            face & (np.min([np.linalg.norm(mm - mm[c], axis=1) for c in corner.values()], 0) < 8)
        ),
        "jaw": np.flatnonzero(face & (jaw > 0.35 * jaw.max())),
        "brows": np.flatnonzero(brow > 0.1),
        "upper_face": np.flatnonzero(face & (y > -6) & (y < 70) & (z > 0) & (np.abs(x) < 62)),
        "eyes": np.flatnonzero(face & (from_eye < radius + 7)),
        "nose": np.flatnonzero(face & (np.abs(x) < 19) & (y < -4) & (y > -48) & (z > 12)),
        "cheeks": np.flatnonzero(face & (np.abs(x) > 22) & (np.abs(x) < 62) & (y < -12) & (y > -62) & (z > -15)),
        "teeth": np.concatenate([part["teeth_upper"], part["teeth_lower"]]),
        "tongue": part["tongue"],
    }
    seams = {}
    for lip, ids in (("upper", SEAM_UPPER), ("lower", SEAM_LOWER)):
        half = mm[[own[k] for k in ids]]
        mirrored = [int(np.linalg.norm(mm - p * [-1, 1, 1], axis=1).argmin()) for p in half[:0:-1]]
        seams[lip] = np.array(mirrored + [own[k] for k in ids])
        regions[f"seam_{lip}"] = seams[lip]
    regions |= _lids(source, cut, mm, face, centres, regions)
    names = list(regions)
    neck = mm[loop]
    gaps = np.linalg.norm(mm[:, None, ::2] - neck[None, :, ::2], axis=2)
    down = np.linalg.norm(mm[:, None] - neck[None], axis=2).min(1)
    fade = np.clip(1 - down / 25.0, 0, 1) * skin
    fade[loop] = 1.0
    seal = _seal(mm, cut.rows @ source.target("faceunits01/targets/faceunits/jawOpen") * 100.0, seams) * skin
    blush = np.exp(-((np.abs(x) - 40) ** 2 + (y + 32) ** 2) / 300.0) * (z > 0) + 0.7 * np.exp(
        -(x**2 + (y + 36) ** 2) / 120.0
    ) * (z > 25)
    gum = np.zeros(len(mm))
    for name, shade in cut.gum.items():
        gum[part[name]] = shade
    polar = np.zeros(len(mm))
    polar[part["eye_left"]] = polar[part["eye_right"]] = cut.eye_angles
    paints = {
        "scalp": _scalp(mm) * skin * (1 - np.asarray(cut.rows @ source.mask("ears"))),
        "gum": gum,
        "polar": polar / 255.0,  # an eyeball's angle from the gaze axis in degrees
        "lips": np.clip(lip_mask, 0, 1) * (inside < 0.5),
        "inside": inside * skin,
        "brow": brow,
        "blush": np.clip(blush + 0.8 * np.asarray(cut.rows @ source.mask("ears")), 0, 1) * skin,
        "lids": np.clip(1.6 - np.abs(from_eye - radius) / 4.0, 0, 1) * face,
    }
    return {
        "region_names": np.array(names),
        "region_counts": np.array([len(regions[k]) for k in names], np.int32),
        "region_index": np.concatenate([regions[k] for k in names]).astype(np.uint16),
        "neck_near": gaps.argmin(1).astype(np.uint16),
        "neck_weight": np.round(255 * fade**2 * (3 - 2 * fade)).astype(np.uint8),
        "seal_weight": np.round(127 * seal).astype(np.int8),
        **{f"paint_{k}": np.round(255 * v).astype(np.uint8) for k, v in paints.items()},
    }


def _scalp(points: np.ndarray) -> np.ndarray:
    """Where hair grows on the head (V,), 0..1 with a soft hairline."""
    # the hairline's height over depth, seen from the side: forehead, temple, over the ear, nape
    line = np.interp(points[:, 2], HAIRLINE_Z, HAIRLINE_Y)
    line = (
        line
        - 6.0 * np.exp(-((points[:, 0] / 22.0) ** 2))
        + 4.0 * np.exp(-(((np.abs(points[:, 0]) - 45.0) / 14.0) ** 2))
    )
    return np.clip(0.5 + (points[:, 1] - line) / 14.0, 0.0, 1.0)


def _seal(mm: np.ndarray, jaw: np.ndarray, seams: dict[str, np.ndarray]) -> np.ndarray:
    """How much a vertex follows when the lips are closed at rest (V,): 1 lower lip's edge .. -1 upper lip's edge."""
    near = np.full(len(mm), np.inf)
    belongs, sign = near.copy(), np.zeros(len(mm))
    for side, seam in ((-1.0, seams["upper"]), (1.0, seams["lower"])):
        line, opening = _along(mm[seam]), _along(jaw[seam])
        gap = np.linalg.norm(mm[:, None] - line, axis=2)
        # lips almost touch: the jaw's opening tells to which of them a vertex belongs
        both = (gap + np.linalg.norm(jaw[:, None] - opening, axis=2)).min(1)
        sign = np.where(both < belongs, side, sign)
        belongs, near = np.minimum(belongs, both), np.minimum(near, gap.min(1))
    return np.clip(1.2 - near / 6.0, 0.0, 1.0) * sign


def _along(points: np.ndarray, steps: int = 6) -> np.ndarray:
    """A line through points (N, 3) with `steps` points from each to the next."""
    at = np.arange((len(points) - 1) * steps + 1) / steps
    return np.stack([np.interp(at, np.arange(len(points)), column) for column in points.T], 1)


def _lids(
    source: Any, cut: Any, mm: np.ndarray, face: np.ndarray, centres: dict, regions: dict
) -> dict[str, np.ndarray]:
    """Lid margins (the skin at the lashes' roots, ordered outwards) and outer eye corners."""
    found, corners = {}, []
    scale = source.base
    ids = np.flatnonzero(face)
    start = cut.rows[ids] @ scale
    for side, name, sign in (("l", "left", 1), ("r", "right", -1)):
        margin = []
        for strip, lid in (("2", "upper"), ("1", "lower")):
            verts = np.unique(source.quads[source.groups == f"helper-{side}-eyelashes-{strip}"])
            eye = scale[np.unique(source.quads[source.groups == f"helper-{side}-eye"])].mean(0)
            far = np.linalg.norm(scale[verts] - eye, axis=1)
            roots = scale[verts[np.argsort(far)[: len(verts) // 5]]]
            near = np.unique([np.linalg.norm(start - r, axis=1).argmin() for r in roots])
            near = near[np.argsort(sign * start[near, 0])]
            found[f"lid_{lid}_{name}"] = ids[near]
            margin.extend(ids[near])
        corners.append(margin[int(np.argmax(sign * mm[margin, 0]))])
    found["eye_corner_points"] = np.array(corners)
    return found
