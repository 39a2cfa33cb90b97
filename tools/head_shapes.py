"""Corrections of the source's face units in `build_head.py`: what moves too little, too far, or with a kink."""

from __future__ import annotations

import numpy as np

SIDES = (("Left", 1.0), ("Right", -1.0))
MOUTH = (0.0, -64.0)  # its middle in front view, from the eyes' middle [mm]
# How far a shape may widen the mouth, as part of what the source does: people smile 15 to 20 % wider, not 40 %
WIDTHS = {"mouthSmile": 0.55, "mouthStretch": 0.70, "mouthDimple": 0.30, "mouthPress": 0.15}


def corrected(shapes: dict[str, np.ndarray], adult: np.ndarray, skin: np.ndarray) -> dict[str, np.ndarray]:
    """Shapes with these corrections.

    Args:
        shapes: ARKit name -> offsets (V, 3) [m].
        adult: mean adult vertices (V, 3) [m], the middle of the eyes at the origin.
        skin: triangles of skin, lips and mouth (F, 3).

    Returns:
        New arrays.
    """
    mm = adult * 1000.0
    x, y, z = mm.T
    on_skin = np.zeros(len(mm), bool)
    on_skin[np.unique(skin)] = True
    found = {name: delta.copy() for name, delta in shapes.items()}
    for side, sign in SIDES:
        out = sign * x  # outwards on this side
        # The source lowers the outer brow most; in anger the inner ends come down and together.
        inner = _step(out, 34.0, 12.0)
        brow = found[f"browDown{side}"]
        brow[:, 1] *= 0.50 + 1.05 * inner
        brow[:, 0] *= 0.70 + 0.90 * inner
        brow[:, 2] *= 1.0 + 0.8 * inner
        for name, share in WIDTHS.items():
            found[f"{name}{side}"][:, 0] *= 1.0 - (1.0 - share) * _near(x, y, (sign * 22.0, -62.0), 22.0)
        # Raised cheeks push the lower lid up, and the bag under it forwards.
        lid = on_skin * (z > 0) * np.exp(-(((out - 30.0) / 14.0) ** 2) - ((y + 9.5) / 5.0) ** 2)
        found[f"cheekSquint{side}"][:, 1] += 0.0016 * lid
        found[f"cheekSquint{side}"][:, 2] += 0.0010 * lid
        # A wrinkled nose lifts the wings and shortens the bridge.
        wing = on_skin * (z > 5) * np.exp(-(((out - 13.0) / 8.0) ** 2) - ((y + 38.0) / 9.0) ** 2)
        bridge = on_skin * (z > 10) * np.exp(-(((out - 7.0) / 6.0) ** 2) - ((y - 3.0) / 8.0) ** 2)
        found[f"noseSneer{side}"][:, 1] += 0.0018 * wing - 0.0012 * bridge
        found[f"noseSneer{side}"][:, 2] += 0.0012 * bridge
        # Teeth are seen between parted lips from the middle to the corners, not beside it only.
        for name, upper in (("mouthUpperUp", True), ("mouthLowerDown", False)):
            _fill_middle(found[f"{name}{side}"], found["jawOpen"], mm, on_skin, upper)
    # Grief lifts the inner ends of the brows steeply, even against a frown.
    found["browInnerUp"][:, 1] *= 0.70 + 1.0 * _step(np.abs(x), 32.0, 9.0)
    for name, delta in found.items():
        if name.startswith(("mouth", "jaw")):
            found[name] = _even_middle(delta, mm, on_skin)
    return found


def _fill_middle(delta: np.ndarray, jaw: np.ndarray, mm: np.ndarray, on_skin: np.ndarray, upper: bool) -> None:
    """Let a shape of one half of a lip move the lip's middle too; the jaw tells the lips apart."""
    near = on_skin & (np.abs(mm[:, 0]) < 16) & (np.abs(mm[:, 1] - MOUTH[1]) < 12) & (mm[:, 2] > 12)
    falls = jaw[:, 1] * 1000.0 < -8.0 - 0.4 * (16 - np.abs(mm[:, 0]))
    lip = near & (~falls if upper else falls)
    reach = np.exp(-((mm[:, 0] / 11.0) ** 2) - ((mm[:, 1] - MOUTH[1]) / 9.0) ** 2)
    delta[lip, 1] += (0.0016 if upper else -0.0018) * reach[lip]


def _even_middle(delta: np.ndarray, mm: np.ndarray, on_skin: np.ndarray, width: float = 6.0) -> np.ndarray:
    """Round off the kink that a shape of both halves makes where they meet: a blur across the middle of each lip."""
    rows = np.flatnonzero(on_skin & (np.abs(mm[:, 0]) < 20) & (np.abs(mm[:, 1] - MOUTH[1]) < 26) & (mm[:, 2] > 8))
    if not np.abs(delta[rows]).any():
        return delta
    place, moves = mm[rows], delta[rows] * 1000.0
    across = (place[:, None, 0] - place[None, :, 0]) / width
    along = np.linalg.norm(place[:, None, 1:] - place[None, :, 1:], axis=2) / 2.0
    # what moves quite differently is the other lip
    apart = np.linalg.norm(moves[:, None] - moves[None], axis=2) / 6.0
    weight = np.exp(-0.5 * (across**2 + along**2 + apart**2))
    blurred = (weight @ delta[rows]) / weight.sum(1, keepdims=True)
    share = np.clip(1.6 - np.abs(place[:, 0]) / 10.0, 0.0, 1.0)[:, None]
    out = delta.copy()
    out[rows] += share * (blurred - delta[rows])
    return out


def _near(x: np.ndarray, y: np.ndarray, at: tuple[float, float], reach: float) -> np.ndarray:
    return np.exp(-(((x - at[0]) ** 2 + (y - at[1]) ** 2) / reach**2))


def _step(x: np.ndarray, zero: float, one: float) -> np.ndarray:
    """0 at `zero` and beyond, 1 at `one` and beyond, smooth between."""
    t = np.clip((x - zero) / (one - zero), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
