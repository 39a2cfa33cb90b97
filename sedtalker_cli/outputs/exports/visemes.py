"""ARKit coefficients as the five mouths that VRM avatars have: aa, ih, ou, ee and oh.

Each mouth is the pose of its vowel as fitted to captured speech (`data/coarticulation`); a frame's weights are the
non-negative mixture of these poses that comes nearest to its mouth (least squares), at most 1 in all.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from sedtalker_cli.data import coarticulation

VOWELS = {"aa": "a", "ih": "i", "ou": "u", "ee": "e", "oh": "o"}


@lru_cache(maxsize=1)
def vowel_poses() -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the coefficients that vowels move, and their poses (coefficients, 5) in the order of `VOWELS`."""
    path = Path(coarticulation.__file__).with_name("coarticulation.json")
    units = json.loads(path.read_text(encoding="utf-8"))["units"]
    targets = [units[vowel]["targets"] for vowel in VOWELS.values()]
    names = tuple(sorted({name for target in targets for name in target if name not in ("gap", "width")}))
    return names, np.array([[target.get(name, 0.0) for target in targets] for name in names])


def viseme_weights(weights: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Weights (T, 5) of `VOWELS`, 0 to 1.

    Args:
        weights: (T, K) coefficients.
        names: K ARKit names.
    """
    wanted, poses = vowel_poses()
    mouths = np.asarray(weights, np.float64)[:, [names.index(name) for name in wanted]]
    mixed = np.array([nnls(poses, mouth)[0] for mouth in mouths]).reshape(-1, len(VOWELS))
    return (mixed / np.maximum(mixed.sum(1, keepdims=True), 1.0)).astype(np.float32)
