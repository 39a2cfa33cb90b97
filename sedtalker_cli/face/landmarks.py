"""Where a head's eyes, lips and brows are, which way it looks and its unit: found from how its shapes move."""

from __future__ import annotations

import numpy as np

from sedtalker_cli.face.arkit import ARKIT_INDEX

EYE_DISTANCE = 0.062  # metres between the middles of the lids of an adult
HEAD_HEIGHT = 0.26  # metres from the neck to the crown, where no eyes are known
NO_SIZE = 1e-9  # units of a file: a head below it is damaged, and is not made larger
RIGID = ("glossy", "eye", "teeth", "tongue", "lashes", "brows", "hair", "mouth")  # no skin


def _size(deltas: np.ndarray, *names: str) -> np.ndarray:
    """How far shapes move each vertex (V,), as a share of the farthest; 0 where the head lacks them all."""
    moved = np.zeros(deltas.shape[1])
    for name in names:
        length = np.linalg.norm(deltas[ARKIT_INDEX[name]], axis=1)
        if length.max() > 0:
            moved = np.maximum(moved, length / length.max())
    return moved


def _middle(vertices: np.ndarray, weight: np.ndarray) -> np.ndarray | None:
    """Weighted middle (3,) of what moves, None if nothing does."""
    return (weight @ vertices) / weight.sum() if weight.sum() > 0 else None


def _anchors(vertices: np.ndarray, deltas: np.ndarray) -> tuple[np.ndarray | None, ...]:
    """Middles of the left eye, the right eye and the mouth (3,)."""
    eyes = [
        _middle(vertices, _size(deltas, f"eyeBlink{side}", f"eyeWide{side}", f"eyeSquint{side}"))
        for side in ("Left", "Right")
    ]
    mouth = _middle(vertices, _size(deltas, "mouthPucker", "mouthFunnel", "mouthClose", "mouthSmileLeft") ** 2)
    return (*eyes, mouth)


def upright(vertices: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) by right angles after which y is up, the face looks to +z and its left is +x.

    Left is where eyeBlinkLeft moves, up is from the mouth to the eyes. Without these shapes nothing is turned.
    """
    left, right, mouth = _anchors(vertices, deltas)
    if left is None or right is None or mouth is None:
        return np.eye(3)
    x = left - right
    y = (left + right) / 2 - mouth
    y -= x * (x @ y) / max(float(x @ x), 1e-20)
    axes = np.stack([x, y, np.cross(x, y)])
    lengths = np.linalg.norm(axes, axis=1, keepdims=True)
    if lengths.min() < 1e-12:
        return np.eye(3)
    axes /= lengths
    rotation = np.zeros((3, 3))
    for row, axis in enumerate(axes):
        place = int(np.abs(axis).argmax())
        rotation[row, place] = np.sign(axis[place])
    return rotation if np.linalg.det(rotation) > 0.5 else np.eye(3)


def metres(vertices: np.ndarray, deltas: np.ndarray) -> float:
    """Power of ten that brings the head to metres.

    Eyes that blink are taken to be 62 mm apart, or else a head to be 260 mm high; the nearest power of ten wins, so
    that faces from a third to three times that size keep the unit they were made in.
    """
    left, right, _ = _anchors(vertices, deltas)
    if left is not None and right is not None:
        size, expected = float(np.linalg.norm(left - right)), EYE_DISTANCE
    else:
        size, expected = float(np.ptp(vertices, axis=0).max()), HEAD_HEIGHT
    return 10.0 ** round(np.log10(expected / size)) if size > NO_SIZE else 1.0


def find_regions(
    vertices: np.ndarray, deltas: np.ndarray, faces: np.ndarray, parts: dict, materials: dict
) -> dict[str, np.ndarray]:
    """Regions as in `regions.py`, those that the shapes tell.

    Args:
        vertices: (V, 3) neutral [m], upright.
        deltas: (52, V, 3) in ARKit's order, zeros for missing shapes.
        faces: (F, 3).
        parts: face ranges by part.
        materials: material of each part.

    Returns:
        int32 indices by region; a region that cannot be found is missing.
    """
    skin = np.ones(len(vertices), bool)
    for part, (start, stop) in parts.items():
        if materials[part] in RIGID:
            skin[faces[start:stop]] = False
    regions: dict[str, np.ndarray] = {}

    def add(name: str, mask: np.ndarray) -> None:
        if mask.any():
            regions[name] = np.flatnonzero(mask).astype(np.int32)

    eyes = _size(deltas, *(f"eyeBlink{side}" for side in ("Left", "Right")))
    brow_names = [f"{name}{side}" for name in ("browDown", "browOuterUp") for side in ("Left", "Right")]
    brows = _size(deltas, "browInnerUp", *brow_names)
    lips = _size(deltas, "mouthRollUpper", "mouthRollLower")
    if not lips.any():
        lips = _size(deltas, "mouthPucker", "mouthFunnel") ** 2
    jaw = _size(deltas, "jawOpen")
    add("lips", skin & (lips > 0.3))
    add("eyes", skin & (eyes > 0.2))
    add("brows", skin & (brows > 0.6))
    add("upper_face", skin & (np.maximum(brows, eyes) > 0.1))
    add("jaw", skin & (jaw > 0.6) & (lips < 0.1))
    regions |= _mouth(vertices, deltas, skin, jaw, lips)
    corners = []
    for side, sign in (("Left", 1), ("Right", -1)):
        moved = np.flatnonzero(skin & (_size(deltas, f"eyeBlink{side}") > 0.1))
        if len(moved):
            corners.append(moved[(sign * vertices[moved, 0]).argmax()])
    if len(corners) == 2:
        regions["eye_corner_points"] = np.array(corners, np.int32)
    return regions


def _corner(deltas: np.ndarray, skin: np.ndarray, side: str) -> int | None:
    """The vertex that shapes which pull at a corner of the mouth move most; None where there is none of them."""
    names = [f"mouth{move}{side}" for move in ("Press", "Dimple", "Smile", "Stretch", "Frown")]
    pull = np.sum([_size(deltas, name) for name in names], axis=0) * skin
    return int(pull.argmax()) if pull.any() else None


def _mouth(
    vertices: np.ndarray, deltas: np.ndarray, skin: np.ndarray, jaw: np.ndarray, lips: np.ndarray
) -> dict[str, np.ndarray]:
    """Corners, and the foremost pair of vertices where the lips touch at their middle."""
    from scipy.spatial import cKDTree

    found = np.flatnonzero(skin & (lips > 0.3))
    if len(found) < 8 or not jaw.any():
        return {}
    ends = [_corner(deltas, skin, side) for side in ("Left", "Right")]
    if None in ends:
        ends = [found[vertices[found, 0].argmax()], found[vertices[found, 0].argmin()]]
    width = abs(float(np.subtract(*vertices[ends, 0])))
    middle = float(vertices[ends, 0].mean())
    near = found[np.abs(vertices[found, 0] - middle) < 0.08 * width]
    share = jaw / jaw[found].max()
    upper, lower = near[share[near] < 0.35], near[share[near] > 0.5]
    regions = {"mouth_corner_points": np.array(ends, np.int32)}
    if len(upper) and len(lower):
        distance, partner = cKDTree(vertices[lower]).query(vertices[upper])
        touching = np.flatnonzero(distance <= distance.min() + 0.02 * width)
        best = touching[vertices[upper[touching], 2].argmax()]
        regions["inner_lips_upper"] = upper[[best]].astype(np.int32)
        regions["inner_lips_lower"] = lower[[partner[best]]].astype(np.int32)
    return regions
