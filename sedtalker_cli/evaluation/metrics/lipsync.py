"""Measures of mouth motion against captured motion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sedtalker_cli.face.regions import CLOSED
from sedtalker_cli.formats.phones import SILENCE

# Words of the GRID corpus whose vowels are rounded or spread throughout. Left out: those of another vowel, and `white`,
# which begins rounded and ends spread.
ROUNDED = frozenset(["blue", "four", "one", "soon", "two", "o", "q", "u"])
SPREAD = frozenset(["again", "eight", "green", "please", "set", "six", "three", *"abcdegptv"])
ROUNDING = ("mouthFunnel", "mouthPucker")  # coefficients
BILABIALS = {"bin": 0.0, "blue": 0.0, "place": 0.0, "please": 0.0, "by": 0.0, "b": 0.0, "p": 0.0}
"""Words of the GRID corpus that begin with closed lips -> offset of the closure from the word's onset in s."""
CONSTANT = 1e-6  # of a track's size: what moves less does not move


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r of two tracks (T,), 0 if one is constant."""
    tracks = np.array([a, b], np.float64)
    if not tracks.size:
        return 0.0
    a, b = moved = tracks - tracks.mean(1, keepdims=True)
    if not (np.abs(moved).max(1) > CONSTANT * np.abs(tracks).max(1)).all():
        return 0.0
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


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


def rounding_contrast(tracks: Sequence["Track"], name: str) -> float | None:
    """Mean of a coefficient over the words `ROUNDED` minus that over the words `SPREAD`; None if one kind is missing.

    Args:
        tracks: with words; a word counts by its mean from its start to its end.
        name: of the coefficient; tracks without it are passed over.
    """
    means: dict[bool, list[float]] = {True: [], False: []}
    for track in tracks:
        for word, start, end in track.words if name in track.channels else ():
            part = track.channels[name][round(start * track.fps) : round(end * track.fps) + 1]
            if len(part) and word in ROUNDED | SPREAD:
                means[word in ROUNDED].append(float(part.mean()))
    return float(np.mean(means[True]) - np.mean(means[False])) if means[True] and means[False] else None


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


def spoken_frames(track: Track) -> slice:
    """Frames from the beginning of the first word to the end of the last; all where no words are known."""
    times = [(start, end) for word, start, end in track.words if word != SILENCE]
    if not times:
        return slice(None)
    return slice(round(times[0][0] * track.fps), round(times[-1][1] * track.fps) + 1)


def score_tracks(references: Sequence[Track], predictions: Sequence[Track]) -> dict[str, float]:
    """Compare predicted with captured mouth motion, recording by recording.

    Args:
        references: captured.
        predictions: of the same recordings, lengths and frame rate.

    Returns:
        `NAME_r`, Pearson's r over all frames of every common channel that moves in the references; `lag_ms`,
        `lag_frames` and `lag_r`, lag of the best correlation of jawOpen within 0.2 s (positive: the prediction comes
        late); `closure_rate`, share of word onsets with closed lips at which the predicted lips close (`CLOSED`);
        `NAME_contrast`, see `rounding_contrast`, at the words of the reference; `jitter_ratio` of jawOpen against the
        captured.
    """
    pooled: dict[str, tuple[list, list]] = {}
    for reference, prediction in zip(references, predictions, strict=True):
        for name in reference.channels.keys() & prediction.channels.keys():
            columns = pooled.setdefault(name, ([], []))
            columns[0].append(reference.channels[name])
            columns[1].append(prediction.channels[name])
    joined = {name: (np.concatenate(a), np.concatenate(b)) for name, (a, b) in sorted(pooled.items())}
    scores = {f"{name}_r": correlation(a, b) for name, (a, b) in joined.items() if np.ptp(a) > 0}
    fps = references[0].fps
    reference, found = pooled["jawOpen"]
    reach = min(round(0.2 * fps), len(joined["jawOpen"][0]) // 2)
    lag, scores["lag_r"] = best_lag(*joined["jawOpen"], reach)
    scores |= {"lag_ms": 1000 * lag / fps, "lag_frames": lag}
    shut = [
        gap
        for reference, prediction in zip(references, predictions, strict=True)
        if "lip_gap" in prediction.channels
        for gap in closures(prediction.channels["lip_gap"], fps, reference.words)
    ]
    if shut:
        scores["closure_rate"] = float(np.mean(np.array(shut) < CLOSED))
    spoken = [replace(p, words=r.words) for r, p in zip(references, predictions, strict=True)]
    for name in ROUNDING:
        contrast = rounding_contrast(spoken, name)
        if contrast is not None:
            scores[f"{name}_contrast"] = contrast
    own = np.mean([jitter(x, fps) for x in reference])
    scores["jitter_ratio"] = float(np.mean([jitter(x, fps) for x in found]) / own) if own else float("nan")
    return scores
