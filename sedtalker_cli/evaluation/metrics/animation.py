"""Measures of face motion against a reference, vertex by vertex, each under a named definition.

Reference x and prediction y are (T, V, 3), the face at rest n is (V, 3), all in one unit (metres, where the data set
has them). Measures of `standard` are those of the FaceFormer and CodeTalker evaluations; those of `sedtalker` are what
the evaluation script of SEDTalker's authors computes under the same names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from sedtalker_cli.evaluation.metrics.lipsync import correlation

STANDARD, SEDTALKER = "standard", "sedtalker"
Scores = dict[str, float]

_COMMON = {
    "mve": "mean over frames and all vertices of |x-y|",
    "ve": "mean over frames and all vertices of |first difference of x-y| (a frame's step, not a second's)",
    "ae": "mean over frames and all vertices of |second difference of x-y|",
    "jitter": "mean over frames and all vertices of |third difference of y| times fps^3",
    "jitter_reference": "the same of x",
    "lip_r": "Pearson's r of the lip openings of x and y",
    "lip_timing_ms": "mean |shift| of extrema of the lip opening of y against those of x, matched one to one within "
    "150 ms, kind by kind",
    "lip_matched": "share of the extrema of x that have a match in y",
    "lip_speech_r": "Pearson's r of the lip opening of y and the loudness of the sound",
    "lip_speech_r_reference": "the same of x",
}
DEFINITIONS: dict[str, dict[str, str]] = {
    STANDARD: {
        "lve": "mean over frames of the largest |x-y|^2 among lip vertices",
        "eve": "mean over frames of the largest |x-y|^2 among eye and forehead vertices",
        "eve_unsquared": "mean over frames of the largest |x-y| among eye and forehead vertices",
        "fdd": "mean over sequences of s(x) - s(y), s = mean over upper-face vertices of the deviation over time of "
        "|v-n|^2; positive: the prediction moves too little",
        "fdd_abs": "mean over sequences of |s(x) - s(y)|",
        **_COMMON,
    },
    SEDTALKER: {
        "lve": "mean over frames and mask vertices of |x-y|: neither largest nor squared; mask 94-113, 146-177, "
        "183-191 of the vertex numbers, whatever the topology",
        "eve": "mean over frames and mask vertices of |x-y|, mask 36-93",
        "fdd": "mean over sequences and mask vertices of d(x) - d(y), d = deviation over time of |v|^2: positions, not "
        "displacements from the face at rest; mask: the rest of 0-191",
        "fdd_abs": "mean over sequences and mask vertices of |d(x) - d(y)|",
        **_COMMON,
    },
}
POOLING = {
    STANDARD: "Frames of all sequences count alike; FDD and the measures of the lips are means over sequences.",
    SEDTALKER: "All measures are means over sequences, however long.",
}
_BY_SEQUENCE = ("fdd", "fdd_abs", *(name for name in _COMMON if name.startswith("lip_")))

# vertex numbers in the authors' evaluation script; of FLAME's 5,023 vertices these are no anatomical regions
_LIPS_OF_AUTHORS = np.r_[94:114, 146:178, 183:192]
_EYES_OF_AUTHORS = np.r_[36:94]
_UPPER_OF_AUTHORS = np.setdiff1d(np.arange(192), _LIPS_OF_AUTHORS)

ROUNDING = 1e-6  # of the mouth's width: lips that move less are still, but for the rounding of float32
MATCHED = 0.15  # s between extrema that may be the same movement
PROMINENCE = 0.1  # of an extremum, as a share of the opening's range (5 to 95 %)


@dataclass(frozen=True)
class Masks:
    """Vertex indices that `standard` looks at.

    Attributes:
        lips: of LVE and of the lip opening.
        upper_face: of FDD.
        eyes: of EVE, eyes and forehead.
        origin: measure -> where its mask comes from.
    """

    lips: np.ndarray
    upper_face: np.ndarray
    eyes: np.ndarray
    origin: dict[str, str]


def vertex_scores(
    reference: np.ndarray, prediction: np.ndarray, template: np.ndarray, masks: Masks, fps: float, definitions: str
) -> Scores:
    """Measures of one sequence that compare vertices.

    Args:
        reference, prediction: (T, V, 3), T at least 1.
        template: (V, 3).
        masks: of the topology.
        fps: frames a second.
        definitions: `standard` or `sedtalker`; the latter needs 192 vertices or more.

    Returns:
        Name -> value, see `DEFINITIONS`; NaN where a sequence is too short.
    """
    difference = np.subtract(reference, prediction, dtype=np.float64)
    distance = np.linalg.norm(difference, axis=2)
    scores = {
        "mve": float(distance.mean()),
        "ve": _mean_norm(np.diff(difference, axis=0)),
        "ae": _mean_norm(np.diff(difference, 2, axis=0)),
        "jitter": _vertex_jitter(prediction, fps),
        "jitter_reference": _vertex_jitter(reference, fps),
    }
    own = _standard if definitions == STANDARD else _sedtalker
    return own(distance, reference, prediction, template, masks) | scores


def _standard(
    distance: np.ndarray, reference: np.ndarray, prediction: np.ndarray, template: np.ndarray, masks: Masks
) -> Scores:
    upper, rest = masks.upper_face, template[masks.upper_face]
    dynamics = _deviation(reference[:, upper] - rest).mean() - _deviation(prediction[:, upper] - rest).mean()
    return {
        "lve": float((distance[:, masks.lips] ** 2).max(1).mean()),
        "eve": float((distance[:, masks.eyes] ** 2).max(1).mean()),
        "eve_unsquared": float(distance[:, masks.eyes].max(1).mean()),
        "fdd": float(dynamics),
        "fdd_abs": float(abs(dynamics)),
    }


def _sedtalker(
    distance: np.ndarray, reference: np.ndarray, prediction: np.ndarray, template: np.ndarray, masks: Masks
) -> Scores:
    dynamics = _deviation(reference[:, _UPPER_OF_AUTHORS]) - _deviation(prediction[:, _UPPER_OF_AUTHORS])
    return {
        "lve": float(distance[:, _LIPS_OF_AUTHORS].mean()),
        "eve": float(distance[:, _EYES_OF_AUTHORS].mean()),
        "fdd": float(dynamics.mean()),
        "fdd_abs": float(np.abs(dynamics).mean()),
    }


def _deviation(vertices: np.ndarray) -> np.ndarray:
    """Standard deviation over time (V,) of the squared lengths of (T, V, 3)."""
    return np.square(vertices, dtype=np.float64).sum(2).std(0)


def _mean_norm(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors, axis=2).mean()) if len(vectors) else float("nan")


def _vertex_jitter(vertices: np.ndarray, fps: float) -> float:
    return _mean_norm(np.diff(np.asarray(vertices, np.float64), 3, axis=0)) * fps**3


def lip_opening(vertices: np.ndarray, template: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """How far the lips are apart (T,), 0 at rest, in the vertices' unit.

    It needs no landmarks: mean height (y) of the upper minus that of the lower half of the lip vertices in the middle
    third of the mouth, halved where the face at rest has its median height.
    """
    rest = template[lips].astype(np.float64)
    low, high = rest[:, 0].min(), rest[:, 0].max()
    middle = np.abs(rest[:, 0] - (low + high) / 2) <= max((high - low) / 6, 1e-9)
    chosen = lips[middle] if middle.sum() >= 2 else lips
    height = template[chosen, 1]
    upper = height > np.median(height)
    if upper.all() or not upper.any():
        return np.zeros(len(vertices))

    def apart(points: np.ndarray) -> np.ndarray:
        return points[..., upper].mean(-1) - points[..., ~upper].mean(-1)

    opening = apart(vertices[:, chosen, 1].astype(np.float64)) - apart(height.astype(np.float64))
    return opening if np.ptp(opening) > ROUNDING * (high - low) else np.zeros(len(vertices))


def lip_scores(reference: np.ndarray, prediction: np.ndarray, fps: float, loudness: np.ndarray | None = None) -> Scores:
    """Measures of one sequence's lip openings.

    Args:
        reference, prediction: openings (T,).
        fps: frames a second.
        loudness: of the speech (T,), None where there is no sound.

    Returns:
        Name -> value, see `DEFINITIONS`; NaN where something has no extrema.
    """
    shifts, count = extremum_shifts(reference, prediction, fps)
    scores = {
        "lip_r": correlation(reference, prediction),
        "lip_timing_ms": float(1000 * np.abs(shifts).mean()) if len(shifts) else float("nan"),
        "lip_matched": len(shifts) / count if count else float("nan"),
    }
    if loudness is not None:
        scores["lip_speech_r"] = correlation(prediction, loudness)
        scores["lip_speech_r_reference"] = correlation(reference, loudness)
    return scores


def extremum_shifts(reference: np.ndarray, prediction: np.ndarray, fps: float) -> tuple[np.ndarray, int]:
    """Shifts [s] of the extrema of a prediction (positive: late), nearest pairs first, and the reference's count."""
    shifts, count = [], 0
    for sign in (1, -1):
        own, other = extrema(sign * reference, fps), extrema(sign * prediction, fps)
        count += len(own)
        apart = other[None, :] - own[:, None]
        while apart.size and np.abs(apart).min() <= MATCHED:
            row, column = np.unravel_index(np.abs(apart).argmin(), apart.shape)
            shifts.append(apart[row, column])
            apart = np.delete(np.delete(apart, row, 0), column, 1)
    return np.array(shifts), count


def extrema(track: np.ndarray, fps: float) -> np.ndarray:
    """Times [s] of the maxima that stand out of a track (T,), between frames by a parabola."""
    span = float(np.subtract(*np.percentile(track, (95, 5))))
    if span <= 0:
        return np.zeros(0)
    at, _ = find_peaks(track, prominence=PROMINENCE * span)
    before, here, after = track[at - 1], track[at], track[at + 1]
    bend = before - 2 * here + after
    offset = np.divide(0.5 * (before - after), bend, out=np.zeros(len(at)), where=bend < 0)
    return (at + np.clip(offset, -0.5, 0.5)) / fps


def pool(rows: Sequence[Scores], frames: Sequence[int], definitions: str) -> Scores:
    """Scores of several sequences as one, see `POOLING`; what is NaN in a sequence does not count.

    Args:
        rows: scores of the sequences.
        frames: their lengths.
        definitions: `standard` or `sedtalker`.
    """
    lengths = np.asarray(frames, np.float64)
    found: Scores = {}
    for name in dict.fromkeys(key for row in rows for key in row):
        values = np.array([row.get(name, np.nan) for row in rows])
        weights = np.ones(len(rows)) if definitions == SEDTALKER or name in _BY_SEQUENCE else lengths
        known = ~np.isnan(values)
        found[name] = float(np.average(values[known], weights=weights[known])) if known.any() else float("nan")
    return found
