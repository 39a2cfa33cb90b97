"""Measures of how a coefficient moves while somebody speaks: how far, how fast, and with the voice or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfiltfilt

from sedtalker_cli.evaluation.metrics.lipsync import correlation

FAST_BAND = (0.5, 8.0)  # [Hz]


@dataclass(frozen=True)
class Dynamics:
    """How a track moves.

    Attributes:
        mean, p95, deviation: over all frames.
        spoken: mean over the frames in which somebody speaks.
        apex: largest value.
        half_life: after how many seconds the autocorrelation has fallen to a half; nan where nothing moves.
        fast: deviation of what lies within `FAST_BAND`.
        energy_r: Pearson's r with the loudness of the voice.
    """

    mean: float
    spoken: float
    p95: float
    apex: float
    deviation: float
    half_life: float
    fast: float
    energy_r: float


def measure_dynamics(track: np.ndarray, fps: float, loudness: np.ndarray, speaking: np.ndarray) -> Dynamics:
    """Measure a track (T,) with the loudness (T,) of the voice and a mask (T,) of the frames of speech."""
    track = np.asarray(track, np.float64)
    spoken = track[speaking] if speaking.any() else track
    return Dynamics(
        mean=float(track.mean()),
        spoken=float(spoken.mean()),
        p95=float(np.percentile(track, 95)),
        apex=float(track.max()),
        deviation=float(track.std()),
        half_life=half_life(track, fps),
        fast=float(fast_part(track, fps).std()),
        energy_r=correlation(track, loudness),
    )


def half_life(track: np.ndarray, fps: float) -> float:
    """First lag [s] at which the autocorrelation of a track (T,), about its mean, has fallen to a half.

    Each lag is averaged over the pairs that it has; lags up to half the track are looked at, and the last stands for
    what never falls that far.
    """
    moved = np.asarray(track, np.float64) - np.mean(track)
    if len(moved) < 4 or np.abs(moved).max() < 1e-6:
        return float("nan")
    count = len(moved)
    spectrum = np.fft.rfft(moved, 2 * count)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[: count // 2 + 1] / (count - np.arange(count // 2 + 1))
    return _first_half(products / products[0], fps)


def fast_part(track: np.ndarray, fps: float) -> np.ndarray:
    """What of a track (T,) lies within `FAST_BAND`, without delay."""
    low, high = FAST_BAND
    if len(track) < 16:
        return np.zeros(len(track))
    filters = butter(2, (low, min(high, 0.49 * fps)), "bandpass", fs=fps, output="sos")
    return sosfiltfilt(filters, track, padlen=min(len(track) - 1, round(fps)))


def pooled_half_life(tracks: list[np.ndarray], fps: float, longest: float = 3.0) -> float:
    """Half-life [s] of the autocorrelation of several recordings together, about their common mean.

    A track of three seconds about its own mean seems faster than it is: what is slower than the track is taken for
    its mean. Over many recordings the mean is known. Lags up to `longest` seconds are looked at.
    """
    mean = np.concatenate(tracks).mean()
    reach = round(longest * fps) + 1
    products, pairs = np.zeros(reach), np.zeros(reach)
    for track in tracks:
        moved = np.asarray(track, np.float64) - mean
        for lag in range(min(reach, len(moved))):
            products[lag] += (moved[: len(moved) - lag] * moved[lag:]).sum()
            pairs[lag] += len(moved) - lag
    if products[0] < 1e-9:
        return float("nan")
    shares = products / np.maximum(pairs, 1)
    return _first_half(shares / shares[0], fps)


def _first_half(shares: np.ndarray, fps: float) -> float:
    """Where an autocorrelation (L,), 1 at lag 0, first falls below a half [s]; its end if it never does."""
    below = np.flatnonzero(shares < 0.5)
    if not len(below):
        return (len(shares) - 1) / fps
    last = below[0]
    before, after = shares[last - 1], shares[last]
    return float(last - 1 + (before - 0.5) / (before - after)) / fps
