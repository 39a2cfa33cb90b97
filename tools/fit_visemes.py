"""Fits the linear map from ARKit's mouth coefficients to the five vowels that avatars without ARKit's shapes have.

    python tools/fit_visemes.py --captures grid_s1 --more facegood

An avatar's vowels look as `POSES` says (the published reference pictures of the visemes, in ARKit's terms). For every
frame of captured speech the non-negative mixture of them that comes nearest to the mouth is found, with SPARSE for
each unit of weight; the map is the ridge regression of these weights on the coefficients, left and right joined.
Printed is how well the lips of the map's mixtures follow captured ones on the test clips.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from sedtalker_cli.data.capture_sources import read_facegood, read_grid
from sedtalker_cli.data.captures import Capture, on_head
from sedtalker_cli.evaluation.metrics.lipsync import correlation
from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.face.head import load_head
from sedtalker_cli.face.regions import lip_gap
from sedtalker_cli.face.visemes import PROJECTION, VISEMES, viseme_weights

RIDGE, SPARSE = 5.0, 0.05  # in units of frames times squared coefficients; of a unit of weight
POSES: dict[str, dict[str, float]] = {
    "aa": {"jawOpen": 0.62, "mouthLowerDown": 0.10},
    "ih": {"jawOpen": 0.22, "mouthStretch": 0.20, "mouthSmile": 0.10},
    "ou": {"mouthPucker": 0.75, "mouthFunnel": 0.25, "jawOpen": 0.10},
    "ee": {"jawOpen": 0.20, "mouthStretch": 0.35, "mouthSmile": 0.25, "mouthUpperUp": 0.10},
    "oh": {"mouthFunnel": 0.45, "mouthPucker": 0.35, "jawOpen": 0.38},
}
NAMES = ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthStretch", "mouthSmile", "mouthLowerDown")
NAMES += ("mouthUpperUp",)
HEAD = load_head()


def joined(name: str) -> str:
    """Name without its side."""
    return name.removesuffix("Left").removesuffix("Right")


def mouths(captures: list[Capture]) -> np.ndarray:
    """Coefficients (T, 52) of all frames."""
    return np.concatenate([on_head(capture, HEAD) for capture in captures])


def nearest(inputs: np.ndarray) -> np.ndarray:
    """Weights (T, 5) of the vowels for mouths (T, N); a closed jaw counts against an open one."""
    poses = np.array([[POSES[vowel].get(name, 0.0) for vowel in VISEMES] for name in NAMES])
    jaw, close = NAMES.index("jawOpen"), NAMES.index("mouthClose")
    wanted = inputs.copy()
    wanted[:, jaw] = np.maximum(wanted[:, jaw] - wanted[:, close], 0.0)
    wanted[:, close] = 0.0
    matrix = np.vstack([poses, SPARSE * np.ones(len(VISEMES))])
    return np.array([nnls(matrix, np.append(mouth, 0.0))[0] for mouth in wanted])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captures", type=Path, required=True, help="folder of GRID's captured clips")
    parser.add_argument("--more", type=Path, required=True, help="folder of FACEGOOD's takes")
    args = parser.parse_args()
    grid, takes = read_grid(args.captures), read_facegood(args.more)
    groups = [[k for k, name in enumerate(ARKIT_NAMES) if joined(name) == group] for group in NAMES]

    def inputs(weights: np.ndarray) -> np.ndarray:
        return np.stack([weights[:, group].mean(1) for group in groups], axis=1).astype(np.float64)

    x = inputs(mouths([capture for capture in [*grid, *takes] if capture.split == "train"]))
    targets = nearest(x)
    table = np.linalg.solve(x.T @ x + RIDGE * np.eye(len(NAMES)), x.T @ targets)
    found = {v: dict(zip(NAMES, np.round(c, 3).tolist(), strict=True)) for v, c in zip(VISEMES, table.T, strict=True)}
    PROJECTION.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    poses = np.zeros((len(VISEMES), len(ARKIT_NAMES)), np.float32)
    for row, vowel in enumerate(VISEMES):
        for column, name in enumerate(ARKIT_NAMES):
            poses[row, column] = POSES[vowel].get(joined(name), 0.0)
    for source in (grid, takes):
        weights = mouths([capture for capture in source if capture.split == "test"])
        mixed = viseme_weights(weights, ARKIT_NAMES) @ poses
        captured, shown = (np.concatenate([lip_gap(v, HEAD) for v in HEAD.stream(x)]) for x in (weights, mixed))
        print(
            f"{source[0].source}: lip gap r {correlation(captured, shown):.3f}, of closed frames stay closed", end=" "
        )
        print(f"{(shown[captured < 0.02] < 0.05).mean():.3f}")


if __name__ == "__main__":
    main()
