"""Corrections of the source's face units in `build_head.py`: what moves too little, too far, or with a kink."""

from __future__ import annotations

import numpy as np

SIDES = (("Left", 1.0), ("Right", -1.0))
# How far a shape may widen the mouth, as part of what the source does: people smile 15 to 20 % wider, not 40 %
WIDTHS = {"mouthSmile": 0.42, "mouthStretch": 0.70, "mouthDimple": 0.30, "mouthPress": 0.15}


def corrected(
    shapes: dict[str, np.ndarray], adult: np.ndarray, skin: np.ndarray, middles: tuple[int, int], parted: dict
) -> dict[str, np.ndarray]:
    """Shapes with these corrections.

    Args:
        shapes: ARKit name -> offsets (V, 3) [m].
        adult: mean adult vertices (V, 3) [m], the middle of the eyes at the origin.
        skin: triangles of skin, lips and mouth (F, 3).
        middles: vertices at the middle of the closing line, upper lip and lower lip.
        parted: ARKit name -> offsets (2, 3) [m] of these two in the source; rounding the lips must not lose them.

    Returns:
        New arrays.
    """
    mm = adult * 1000.0
    x, y, z = mm.T
    on_skin = np.zeros(len(mm), bool)
    on_skin[np.unique(skin)] = True
    lips = _Lips(mm, shapes["jawOpen"], on_skin, mm[list(middles)].mean(0))
    found = {name: delta.copy() for name, delta in shapes.items()}
    for name, source in parted.items():
        if name.startswith(("mouth", "jaw")):
            found[name] = lips.evened(found[name])
            for upper, middle, offset in zip((True, False), middles, source, strict=True):
                found[name] += lips.of(upper, 16.0, 10.0)[:, None] * (offset - found[name][middle])
    for side, sign in SIDES:
        out = sign * x  # outwards on this side
        # The source lowers the outer brow most; in anger the inner ends come down and together.
        inner = _step(out, 34.0, 12.0)
        brow = found[f"browDown{side}"]
        brow[:, 1] *= 0.50 + 1.05 * inner
        brow[:, 0] *= 0.70 + 0.90 * inner
        brow[:, 2] *= 1.0 + 0.8 * inner
        found[f"browOuterUp{side}"][:, 1] *= 1.45  # an arched brow of surprise rises by 10 mm
        found[f"mouthFrown{side}"][:, 1] *= 1.0 + 0.35 * _near(x, y, (sign * 26.0, -64.0), 14.0)
        for name, share in WIDTHS.items():
            found[f"{name}{side}"][:, 0] *= 1.0 - (1.0 - share) * _near(x, y, (sign * 22.0, -62.0), 22.0)
        # Raised cheeks push the lower lid up, and the bag under it forwards.
        lid = on_skin * (z > 0) * np.exp(-(((out - 30.0) / 14.0) ** 2) - ((y + 9.5) / 5.0) ** 2)
        found[f"cheekSquint{side}"][:, 1] += 0.0016 * lid
        found[f"cheekSquint{side}"][:, 2] += 0.0010 * lid
        # A wrinkled nose lifts the wings and shortens the bridge.
        wing = on_skin * (z > 5) * np.exp(-(((out - 13.0) / 8.0) ** 2) - ((y + 38.0) / 9.0) ** 2)
        bridge = on_skin * (z > 10) * np.exp(-(((out - 7.0) / 6.0) ** 2) - ((y - 3.0) / 8.0) ** 2)
        found[f"noseSneer{side}"][:, 1] += 0.0034 * wing - 0.0012 * bridge
        found[f"noseSneer{side}"][:, 2] += 0.0012 * bridge
        # Teeth are seen between parted lips from the middle to the corners, not beside it only.
        for name, upper in (("mouthUpperUp", True), ("mouthLowerDown", False)):
            found[f"{name}{side}"][:, 1] += (0.0016 if upper else -0.0018) * lips.of(upper, 11.0, 9.0)
    # Grief lifts the inner ends of the brows steeply, even against a frown.
    found["browInnerUp"][:, 1] *= 0.80 + 1.30 * _step(np.abs(x), 32.0, 9.0)
    return found


class _Lips:
    """The middle of the lips, where shapes of both halves meet; the jaw's opening tells upper and lower apart."""

    def __init__(self, mm: np.ndarray, jaw: np.ndarray, on_skin: np.ndarray, middle: np.ndarray, width: float = 6.0):
        """Vertices mm (V, 3) [mm], offsets of jawOpen (V, 3) [m], a mask (V,) and where the lips touch (3,) [mm]."""
        near = on_skin & (np.abs(mm[:, 0]) < 28) & (np.abs(mm[:, 1] - middle[1]) < 26) & (mm[:, 2] > 8)
        self.rows, self.count = np.flatnonzero(near), len(mm)
        self.place, falls = mm[self.rows] - middle, jaw[self.rows] * 1000.0
        border = -7.0 - 0.4 * np.clip(16.0 - np.abs(self.place[:, 0]), 0.0, 16.0)
        self.lower = _step(falls[:, 1], border + 2.0, border - 2.0)
        across = (self.place[:, None, 0] - self.place[None, :, 0]) / width
        along = np.linalg.norm(self.place[:, None, 1:] - self.place[None, :, 1:], axis=2) / 2.0
        apart = np.linalg.norm(falls[:, None] - falls[None], axis=2) / 6.0
        weight = np.exp(-0.5 * (across**2 + along**2 + apart**2))
        once = weight / weight.sum(1, keepdims=True)
        self.blur = 2.0 * once - once @ once  # twicing: a plain blur flattens how far lips open
        self.share = np.clip(1.6 - np.abs(self.place[:, 0]) / 10.0, 0.0, 1.0)[:, None]

    def of(self, upper: bool, width: float, height: float) -> np.ndarray:
        """How much a vertex belongs to the middle of a lip (V,), 1 at its closing line; reaches in mm."""
        x, y = self.place[:, 0], self.place[:, 1]
        belongs = np.zeros(self.count)
        belongs[self.rows] = np.exp(-((x / width) ** 2) - (y / height) ** 2) * (
            1.0 - self.lower if upper else self.lower
        )
        return belongs

    def evened(self, delta: np.ndarray) -> np.ndarray:
        """Offsets (V, 3) without the kink that a shape of both halves makes where they meet."""
        out = delta.copy()
        out[self.rows] += self.share * (self.blur @ delta[self.rows] - delta[self.rows])
        return out


def _near(x: np.ndarray, y: np.ndarray, at: tuple[float, float], reach: float) -> np.ndarray:
    return np.exp(-(((x - at[0]) ** 2 + (y - at[1]) ** 2) / reach**2))


def _step(x: np.ndarray, zero: float, one: float) -> np.ndarray:
    """0 at `zero` and beyond, 1 at `one` and beyond, smooth between."""
    t = np.clip((x - zero) / (one - zero), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
