"""Measures of mouth motion against captured motion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sedtalker_cli.face.regions import CLOSED

BILABIALS = {"bin": 0.0, "blue": 0.0, "place": 0.0, "please": 0.0, "by": 0.0, "b": 0.0, "p": 0.0}
"""Words of the GRID corpus that begin with closed lips -> offset of the closure from the word's onset in s."""


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r of two tracks (T,), 0 if one is constant."""
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / norm) if norm > 1e-9 * len(a) else 0.0


def best_lag(a: np.ndarray, b: np.ndarray, reach: int) -> tuple[int, float]:
    """Lag in frames (positive: `b` comes later than `a`) with the highest correlation, and that correlation."""
    scores = {}
    for lag in range(-reach, reach + 1):
        first, second = (a[: len(a) - lag], b[lag:]) if lag >= 0 else (a[-lag:], b[: len(b) + lag])
        scores[lag] = correlation(first, second)
    lag = max(scores, key=scores.get)
    return lag, scores[lag]


def jitter(track: np.ndarray, fps: float) -> float:
    """Mean |third difference| x fps^3."""
    return float(np.abs(np.diff(track, 3, axis=0)).mean() * fps**3)


def closures(gap: np.ndarray, fps: float, words: Sequence[tuple[str, float, float]]) -> list[float]:
    """Smallest lip gap around the onset of every word that begins with closed lips (80 ms before to 120 ms after)."""
    found = []
    for word, start, _ in words:
        if word in BILABIALS:
            onset = start + BILABIALS[word]
            part = gap[max(0, round((onset - 0.08) * fps)) : round((onset + 0.12) * fps) + 1]
            if len(part):
                found.append(float(part.min()))
    return found


@dataclass(frozen=True)
class Track:
    """Mouth motion of one recording.

    Attributes:
        channels: name -> (T,), e.g. jawOpen, mouthFunnel, mouthPucker, lip_gap, lip_width.
        fps: frames a second.
        words: (word, start s, end s).
    """

    channels: dict[str, np.ndarray]
    fps: float
    words: tuple[tuple[str, float, float], ...] = ()


def score_tracks(references: Sequence[Track], predictions: Sequence[Track]) -> dict[str, float]:
    """Compare predicted with captured mouth motion, recording by recording.

    Args:
        references: captured.
        predictions: of the same recordings, lengths and frame rate.

    Returns:
        `NAME_r`, Pearson's r of every common channel over all frames; `lag_ms` and `lag_r`, lag of the best correlation
        of jawOpen within 0.2 s (positive: the prediction comes late); `closure_rate`, share of word onsets with closed
        lips at which the predicted lips close (`CLOSED`); `jitter_ratio` of jawOpen against the captured.
    """
    pooled: dict[str, tuple[list, list]] = {}
    for reference, prediction in zip(references, predictions, strict=True):
        for name in reference.channels.keys() & prediction.channels.keys():
            columns = pooled.setdefault(name, ([], []))
            columns[0].append(reference.channels[name])
            columns[1].append(prediction.channels[name])
    scores = {f"{name}_r": correlation(np.concatenate(a), np.concatenate(b)) for name, (a, b) in sorted(pooled.items())}
    fps = references[0].fps
    reference, found = pooled["jawOpen"]
    lag, scores["lag_r"] = best_lag(np.concatenate(reference), np.concatenate(found), round(0.2 * fps))
    scores["lag_ms"] = 1000 * lag / fps
    shut = [
        gap
        for reference, prediction in zip(references, predictions, strict=True)
        if "lip_gap" in prediction.channels
        for gap in closures(prediction.channels["lip_gap"], fps, reference.words)
    ]
    if shut:
        scores["closure_rate"] = float(np.mean(np.array(shut) < CLOSED))
    own = np.mean([jitter(x, fps) for x in reference])
    scores["jitter_ratio"] = float(np.mean([jitter(x, fps) for x in found]) / own) if own else float("nan")
    return scores
