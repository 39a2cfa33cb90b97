"""Measures of mouth motion against captured motion."""

from collections.abc import Sequence

import numpy as np

BILABIALS = {"bin": 0.0, "blue": 0.0, "place": 0.0, "please": 0.0, "by": 0.0, "b": 0.0, "p": 0.0}
"""Words of the GRID corpus that begin with closed lips -> offset of the closure from the word's onset in s."""
CLOSED = 0.02  # inner lip gap over outer eye-corner distance below which lips count as closed


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r of two tracks (T,), 0 if one is constant."""
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / norm) if norm > 0 else 0.0


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


def score_captures(animator, captures, features, head, style: str | None = None) -> dict[str, float]:
    """Score an animator on captured recordings, neutral emotion.

    Args:
        animator: with `predict`.
        captures: sequence of `data.captures.Capture` of one frame rate.
        features: encoder features of each.
        head: whose lips are measured.
        style: speaking style; None takes each capture's own source.

    Returns:
        pooled Pearson r of jawOpen, mouthFunnel and mouthPucker, of lip gap and lip width where captured; best lag of jaw
        opening in frames; closure rate at bilabial onsets; jitter of jawOpen relative to the captured.
    """
    from sedtalker_cli.face.arkit import ARKIT_NAMES
    from sedtalker_cli.face.regions import lip_gap, lip_width

    fps = captures[0].fps
    tracks: dict[str, tuple[list, list]] = {}
    shut = []
    for capture, encoded in zip(captures, features, strict=True):
        posteriors = np.zeros((len(encoded), len(animator.classes)), np.float32)
        posteriors[:, animator.classes.index("neutral")] = 1
        weights = animator.predict(
            encoded, posteriors, np.zeros(len(encoded), np.float32), len(capture.weights) / fps, fps,
            style or capture.source,
        )  # fmt: skip
        vertices = head.vertices(weights)
        pairs = {
            name: (capture.weights[:, ARKIT_NAMES.index(name)], weights[:, ARKIT_NAMES.index(name)])
            for name in ("jawOpen", "mouthFunnel", "mouthPucker")
        }
        gap = lip_gap(vertices, head)
        if capture.gap is not None:
            pairs["lip_gap"] = (capture.gap, gap)
            pairs["lip_width"] = (capture.width, lip_width(vertices, head))
        for name, (reference, found) in pairs.items():
            tracks.setdefault(name, ([], []))
            tracks[name][0].append(reference)
            tracks[name][1].append(found)
        shut += closures(gap, fps, capture.words)
    joined = {name: (np.concatenate(a), np.concatenate(b)) for name, (a, b) in tracks.items()}
    scores = {f"{name}_r": correlation(a, b) for name, (a, b) in joined.items()}
    lag, _ = best_lag(*joined["jawOpen"], reach=round(0.2 * fps))
    scores["lag_frames"] = float(lag)
    if shut:
        scores["closure_rate"] = float(np.mean(np.array(shut) < CLOSED))
    reference, found = tracks["jawOpen"]
    own = np.mean([jitter(x, fps) for x in reference])
    scores["jitter_ratio"] = float(np.mean([jitter(x, fps) for x in found]) / own) if own else 0.0
    return scores
