"""Avatars that have the mouths of vowels instead of ARKit's shapes: the 15 visemes of Oculus, VRM's aa ih ou ee oh.

Their mouths follow ARKit's coefficients by a linear map that was fitted to captured speech (`tools/fit_visemes.py`):
the weights of the five vowels. Consonants are mixtures of these or closed lips, which are the neutral face; the other
ten visemes of Oculus rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from sedtalker_cli.face.arkit_spelling import arkit_name

PROJECTION = Path(__file__).with_name("data") / "visemes.json"
VISEMES = ("aa", "ih", "ou", "ee", "oh")  # VRM's names
_SPELLINGS = {"aa": "aa", "a": "aa", "ih": "ih", "i": "ih", "ou": "ou", "u": "ou", "ee": "ee", "e": "ee", "oh": "oh"}
_SPELLINGS |= {"o": "oh"}
_BLINKS = {"left": ("eyeBlinkLeft",), "right": ("eyeBlinkRight",), "both": ("eyeBlinkLeft", "eyeBlinkRight")}


def viseme_name(text: str) -> str | None:
    """The vowel of `VISEMES` that a shape's name stands for (`viseme_aa`, `vrc.v_ou`, `Fcl_MTH_A`, `ih`), or None."""
    words = [word for word in re.split(r"[_\-\s.:|/]+", text.strip().lower()) if word]
    if (
        not words
        or words[-1] not in _SPELLINGS
        or (len(words) > 1 and words[-2] not in ("viseme", "v", "mth", "mouth"))
    ):
        return None
    return _SPELLINGS[words[-1]]


def blink_names(text: str) -> tuple[str, ...]:
    """ARKit's blinks that a shape of an avatar's own (`blink`, `Blink_L`, `Fcl_EYE_Close_R`) stands for."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text.strip()).lower())
    sides = {"l": "left", "left": "left", "r": "right", "right": "right"}
    side = sides.get(words[-1], "both") if words else "both"
    stem = words[:-1] if side != "both" else words
    return _BLINKS[side] if stem[-1:] == ["blink"] or stem[-2:] == ["eye", "close"] else ()


def has_visemes(names: Iterable[str]) -> bool:
    """Whether an avatar speaks by the vowels among its shapes: all five are there, and ARKit's jaw is not."""
    names = list(names)
    return set(VISEMES) <= {viseme_name(name) for name in names} and "jawOpen" not in map(arkit_name, names)


@lru_cache(maxsize=1)
def projection() -> dict[str, dict[str, float]]:
    """Weight of a vowel for each coefficient at 1: vowel -> coefficient without side -> weight."""
    return json.loads(PROJECTION.read_text(encoding="utf-8"))


def projection_matrix(names: tuple[str, ...]) -> np.ndarray:
    """(K, 5) weights of `VISEMES` for each of K ARKit coefficients at 1."""
    matrix = np.zeros((len(names), len(VISEMES)), np.float32)
    for column, vowel in enumerate(VISEMES):
        for row, name in enumerate(names):
            stem = name.removesuffix("Left").removesuffix("Right")
            share = 1.0 if stem == name or stem in ("jaw", "mouth") else 0.5
            key = name if stem in ("jaw", "mouth") else stem
            matrix[row, column] = share * projection()[vowel].get(key, 0.0)
    return matrix


def viseme_weights(weights: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Weights (T, 5) of `VISEMES`, 0 to 1, of coefficients (T, K) by their ARKit names."""
    return np.clip(weights @ projection_matrix(names), 0.0, 1.0)


def arkit_shapes(shapes: Mapping[str, np.ndarray], names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Shapes that stand in for ARKit's: offsets (V, 3) by ARKit name, mixed from an avatar's vowels and blinks.

    Args:
        shapes: offsets (V, 3) by the avatar's own names.
        names: ARKit's.
    """
    matrix, found = projection_matrix(names), {}
    vowels = {viseme_name(text): offsets for text, offsets in reversed(shapes.items()) if viseme_name(text)}
    for row, name in enumerate(names):
        parts = [weight * vowels[v] for v, weight in zip(VISEMES, matrix[row], strict=True) if weight and v in vowels]
        if parts:
            found[name] = np.sum(parts, 0)
    for text, offsets in shapes.items():
        blinks = blink_names(text)
        for name in blinks:
            found.setdefault(name, offsets / len(blinks))
    return found
