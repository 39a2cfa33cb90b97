"""Calibration of confidence and intensity against labels: reliability, AUC, rank correlation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sedtalker_cli.errors import InputError


@dataclass(frozen=True)
class Reliability:
    """Reliability of top-label confidences in equal-width bins (Guo et al., arXiv 1706.04599, section 2).

    Bin k of B covers (k / B, (k + 1) / B]; a confidence of 0 counts in the first.

    Attributes:
        count: (B,) int64.
        confidence: (B,) mean confidence, NaN in empty bins.
        accuracy: (B,) share that is right, NaN in empty bins.
    """

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def name(self) -> str:
        """Name of the definition, for tables."""
        return f"ECE, top label, {len(self.count)} equal-width bins"

    @property
    def ece(self) -> float:
        """Expected calibration error: sum over bins of count / N * |accuracy - confidence|."""
        filled = self.count > 0
        if not filled.any():
            return math.nan
        gaps = np.abs(self.accuracy - self.confidence)[filled]
        return float(np.sum(self.count[filled] * gaps) / self.count.sum())

    @property
    def mce(self) -> float:
        """Maximum calibration error: the largest gap of any bin that is not empty."""
        filled = self.count > 0
        return float(np.abs(self.accuracy - self.confidence)[filled].max()) if filled.any() else math.nan

    def table(self) -> list[dict[str, Any]]:
        """One row a bin: low, high, count, confidence, accuracy (None where empty)."""
        size = len(self.count)
        return [
            {
                "low": k / size,
                "high": (k + 1) / size,
                "count": int(self.count[k]),
                "confidence": float(self.confidence[k]) if self.count[k] else None,
                "accuracy": float(self.accuracy[k]) if self.count[k] else None,
            }
            for k in range(size)
        ]


def reliability(posteriors: np.ndarray, labels: np.ndarray, bins: int = 15) -> Reliability:
    """Compare the confidence of the top class with how often it is right.

    Args:
        posteriors: (N, C), rows sum to 1.
        labels: (N,) integers, the true classes.
        bins: Number of equal-width bins B.

    Raises:
        InputError: Shapes do not fit, posteriors are outside [0, 1], or there is no bin.
    """
    posteriors, labels = np.asarray(posteriors, np.float64), np.asarray(labels)
    if posteriors.ndim != 2 or labels.shape != posteriors.shape[:1]:
        raise InputError(f"posteriors {posteriors.shape} and labels {labels.shape} do not fit")
    if bins < 1:
        raise InputError(f"{bins} bins: at least one is needed")
    if posteriors.size and not (posteriors.min() >= 0 and posteriors.max() <= 1 + 1e-6):
        raise InputError("posteriors must lie between 0 and 1 (logits need a softmax first)")
    if not len(labels):
        return Reliability(np.zeros(bins, np.int64), np.full(bins, math.nan), np.full(bins, math.nan))
    confidence = np.minimum(posteriors.max(1), 1.0)
    right = posteriors.argmax(1) == labels
    # side="left" puts a confidence on an edge into the bin below it.
    member = np.clip(np.searchsorted(np.arange(1, bins + 1) / bins, confidence, side="left"), 0, bins - 1)
    count = np.bincount(member, minlength=bins)
    means = [
        np.divide(np.bincount(member, values, minlength=bins), count, out=np.full(bins, math.nan), where=count > 0)
        for values in (confidence, right)
    ]
    return Reliability(count, *means)


def expected_calibration_error(posteriors: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of the top label in equal-width bins (see `reliability`)."""
    return reliability(posteriors, labels, bins).ece


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: the probability that a positive scores higher than a negative, ties half.

    Mann-Whitney: (rank sum of the positives - P (P + 1) / 2) / (P N).

    Args:
        scores: (M,) float.
        positive: (M,) bool.

    Returns:
        0..1, NaN where one side is empty.

    Raises:
        InputError: Shapes do not fit or a score is NaN.
    """
    from scipy.stats import rankdata

    scores, positive = _paired(scores, positive)
    positive = positive.astype(bool)
    positives = int(positive.sum())
    negatives = len(scores) - positives
    if not positives or not negatives:
        return math.nan
    rank_sum = rankdata(scores)[positive].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation, ties with mean ranks.

    Args:
        first: (M,) float.
        second: (M,) float.

    Returns:
        -1..1, NaN where one side is constant or there are fewer than two pairs.

    Raises:
        InputError: Shapes do not fit or a value is NaN.
    """
    from scipy.stats import spearmanr

    first, second = _paired(first, second)
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(spearmanr(first, second).statistic)


def _paired(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise InputError(f"values of shapes {first.shape} and {second.shape} cannot be paired")
    if np.isnan(first).any() or np.isnan(second).any():
        raise InputError("NaN among the values: leave those pairs out")
    return first, second
