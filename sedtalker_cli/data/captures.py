"""Captured mouth motion in one form: ARKit coefficients of the mouth with the sound, and the measured lip opening."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.face.head import Head
from sedtalker_cli.face.regions import CLOSED, eye_distance, lip_opening

_INDEX = {name: i for i, name in enumerate(ARKIT_NAMES)}
UNSEEN = "dev"  # split of voices for choosing: nothing is trained on them
CLOSED_GAP = 0.004  # lips that touch, in units of the outer eye-corner distance, as tracked
# Share of a narrowing of the lips that mouthPucker takes over. All of it would make the lips pout wherever the jaw
# narrows them; this share keeps r = .91 with the tracked pucker and .97 with the tracked width.
NARROWING = 0.4


@dataclass(frozen=True)
class Capture:
    """One recording with its motion.

    Attributes:
        name: of the recording.
        source: `grid`, `facegood`, or the name of a folder of voices.
        split: train, val, test, or `UNSEEN` for voices that nothing is trained on.
        audio: the sound file.
        fps: of the motion.
        weights: (T, 52) ARKit coefficients of the mouth, silence baseline removed; other channels 0.
        channels: (52,) bool, channels that the source measured.
        gap: (T,) inner lip gap over outer eye-corner distance, or None.
        width: (T,) lip width over outer eye-corner distance, or None; `rest_width` is its mean in silence.
        words: (word, start s, end s) with `sil` for silence; empty where unknown.
        seen: (T,) bool, frames that were measured; None is all of them.
        speaker, kind: where they are told; kind is the sort of recording, `studio`, `web` or `acted`.
    """

    name: str
    source: str
    split: str
    audio: Path
    fps: float
    weights: np.ndarray
    channels: np.ndarray
    gap: np.ndarray | None = None
    width: np.ndarray | None = None
    rest_width: float = 0.0
    words: tuple[tuple[str, float, float], ...] = ()
    seen: np.ndarray | None = None
    speaker: str = ""
    kind: str = ""


def close_lips(weights: np.ndarray, gap: np.ndarray, head: Head) -> np.ndarray:
    """Choose mouthClose so that the head's lips are as far apart as the tracked ones.

    ARKit keeps lips together under an open jaw only with mouthClose; trackers measure it poorly, lip landmarks well.

    Args:
        weights: (T, 52), jaw already scaled to the head.
        gap: (T,) measured inner lip gap over outer eye-corner distance; `CLOSED_GAP` and less is closed as at rest.
        head: with ARKit shapes.

    Returns:
        (T, 52) with mouthClose in [0, jawOpen] set anew.
    """
    rest, change = lip_opening(head)
    jaw, close = _INDEX["jawOpen"], _INDEX["mouthClose"]
    weights = weights.copy()
    weights[:, close] = 0
    # Lips that touch overlap a little on the head (rest < 0); from `CLOSED` on both openings are the same.
    wanted = np.interp(gap, (CLOSED_GAP, CLOSED, 1.0), (rest, CLOSED, 1.0))
    weights[:, close] = np.clip((wanted - rest - weights @ change) / change[close], 0, weights[:, jaw])
    return weights


def match_width(weights: np.ndarray, change: np.ndarray, head: Head) -> np.ndarray:
    """Widen (mouthStretch) or narrow (mouthPucker) the mouth until its width follows the tracked one.

    Args:
        weights: (T, 52).
        change: (T,) measured lip width minus that of the resting mouth, over outer eye-corner distance.
        head: with ARKit shapes.

    Returns:
        (T, 52) with both coefficients adjusted, within [0, 1].
    """
    corners = head.regions["mouth_corner_points"]
    scale = eye_distance(head.neutral, head)
    # The corners move almost sideways only, so their distance is linear in the coefficients.
    wide = (head.deltas[:, corners[0], 0] - head.deltas[:, corners[1], 0]) / scale
    wide *= np.sign(head.neutral[corners[0], 0] - head.neutral[corners[1], 0])
    missing = change - weights @ wide
    weights = weights.copy()
    stretch, pucker = [_INDEX["mouthStretchLeft"], _INDEX["mouthStretchRight"]], _INDEX["mouthPucker"]
    weights[:, stretch] += (np.maximum(missing, 0) / wide[stretch].sum())[:, None]
    weights[:, pucker] += NARROWING * np.minimum(missing, 0) / wide[pucker]
    return np.clip(weights, 0, 1)


def on_head(capture: Capture, head: Head) -> np.ndarray:
    """The capture's coefficients (T, 52) such that this head's lips open and widen as the tracked ones did."""
    weights = capture.weights
    if capture.width is not None:
        weights = match_width(weights, capture.width - capture.rest_width, head)
    return weights if capture.gap is None else close_lips(weights, capture.gap, head)
