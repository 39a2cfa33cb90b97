"""Confusion of classes, in frames, clips or seconds, and the scores that follow from it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sedtalker_cli.errors import InputError


@dataclass
class Confusion:
    """How much of every class was called what.

    Attributes:
        classes: C class names.
        matrix: (C, C) float64, rows the reference, columns the answer.
        unanswered: (C,) float64, reference without an answer; it lowers recall.
        unasked: (C,) float64, answers where the reference has nothing; they lower precision.
    """

    classes: tuple[str, ...]
    matrix: np.ndarray
    unanswered: np.ndarray
    unasked: np.ndarray

    @classmethod
    def empty(cls, classes: Sequence[str]) -> Confusion:
        """All zero."""
        size = len(classes)
        return cls(tuple(classes), np.zeros((size, size)), np.zeros(size), np.zeros(size))

    @classmethod
    def of_labels(cls, reference: np.ndarray, answer: np.ndarray, classes: Sequence[str]) -> Confusion:
        """Count labelled frames or clips.

        Args:
            reference: (N,) integers, indices into `classes`.
            answer: (N,) integers, the same.
            classes: C class names.

        Raises:
            InputError: The lengths differ or an index is out of range.
        """
        reference, answer = np.asarray(reference), np.asarray(answer)
        size = len(classes)
        if reference.shape != answer.shape or reference.ndim != 1:
            raise InputError(f"labels of shapes {reference.shape} and {answer.shape} cannot be compared")
        labels = np.concatenate([reference, answer])
        if len(labels) and (labels.min() < 0 or labels.max() >= size):
            raise InputError(f"labels from {labels.min()} to {labels.max()} do not fit {size} classes")
        confusion = cls.empty(classes)
        np.add.at(confusion.matrix, (reference.astype(np.intp), answer.astype(np.intp)), 1.0)
        return confusion

    def count(self, reference: str | None, answer: str | None, amount: float = 1.0) -> None:
        """Add an amount in place; None stands for no label.

        Raises:
            InputError: A label is none of the classes.
        """
        row, column = self._index(reference), self._index(answer)
        if row is not None and column is not None:
            self.matrix[row, column] += amount
        elif row is not None:
            self.unanswered[row] += amount
        elif column is not None:
            self.unasked[column] += amount

    def __add__(self, other: Confusion) -> Confusion:
        if self.classes != other.classes:
            raise InputError(f"classes {self.classes} and {other.classes} differ")
        return Confusion(
            self.classes,
            self.matrix + other.matrix,
            self.unanswered + other.unanswered,
            self.unasked + other.unasked,
        )

    @property
    def support(self) -> np.ndarray:
        """(C,) amount of every class in the reference."""
        return self.matrix.sum(1) + self.unanswered

    @property
    def recall(self) -> np.ndarray:
        """(C,) right / reference; NaN for classes that do not occur."""
        return _ratio(self.matrix.diagonal(), self.support, math.nan)

    @property
    def precision(self) -> np.ndarray:
        """(C,) right / answered; 0 for classes that were never answered."""
        return _ratio(self.matrix.diagonal(), self.matrix.sum(0) + self.unasked, 0.0)

    @property
    def f1(self) -> np.ndarray:
        """(C,) harmonic mean of precision and recall; NaN for classes that do not occur."""
        answered = self.matrix.sum(0) + self.unasked
        return np.where(self.support > 0, _ratio(2 * self.matrix.diagonal(), self.support + answered, 0.0), math.nan)

    @property
    def accuracy(self) -> float:
        """Right / everything in the reference."""
        total = self.support.sum()
        return float(self.matrix.trace() / total) if total else math.nan

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that occur in the reference."""
        return _mean(self.f1)

    @property
    def weighted_f1(self) -> float:
        """Mean F1 weighted by the classes' share of the reference."""
        total = self.support.sum()
        return float(np.nansum(self.f1 * self.support) / total) if total else math.nan

    @property
    def uar(self) -> float:
        """Unweighted average recall over the classes that occur in the reference (balanced accuracy)."""
        return _mean(self.recall)

    def to_dict(self) -> dict[str, Any]:
        """Scores and table as numbers, strings and None (for what is not defined), ready for JSON."""
        columns = zip(self.classes, self.precision, self.recall, self.f1, self.support, strict=True)
        return {
            "accuracy": _plain(self.accuracy),
            "macro_f1": _plain(self.macro_f1),
            "weighted_f1": _plain(self.weighted_f1),
            "uar": _plain(self.uar),
            "per_class": {
                name: {
                    "precision": _plain(precision),
                    "recall": _plain(recall),
                    "f1": _plain(f1),
                    "support": float(support),
                }
                for name, precision, recall, f1, support in columns
            },
            "classes": list(self.classes),
            "matrix": self.matrix.tolist(),
            "unanswered": self.unanswered.tolist(),
            "unasked": self.unasked.tolist(),
        }

    def _index(self, label: str | None) -> int | None:
        if label is None:
            return None
        if label not in self.classes:
            raise InputError(f"emotion {label!r} is none of {', '.join(self.classes)}")
        return self.classes.index(label)


def confusion_by_group(
    groups: Sequence[Hashable], reference: np.ndarray, answer: np.ndarray, classes: Sequence[str]
) -> dict[Hashable, Confusion]:
    """One confusion per group, e.g. per corpus for its UAR.

    Args:
        groups: (N,) group of every frame or clip.
        reference: (N,) integers, indices into `classes`.
        answer: (N,) integers.
        classes: C class names.

    Returns:
        Group -> its confusion, in order of first appearance.
    """
    keys = {group: index for index, group in enumerate(dict.fromkeys(groups))}
    member = np.array([keys[group] for group in groups], dtype=np.intp)
    reference, answer = np.asarray(reference), np.asarray(answer)
    if not len(member) == len(reference) == len(answer):
        raise InputError(f"{len(member)} groups, {len(reference)} references and {len(answer)} answers differ")
    return {
        group: Confusion.of_labels(reference[member == index], answer[member == index], classes)
        for group, index in keys.items()
    }


def _ratio(part: np.ndarray, whole: np.ndarray, otherwise: float) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), otherwise), where=whole > 0)


def _mean(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else math.nan


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def sum_confusions(confusions: Mapping[str, Confusion]) -> Confusion:
    """One confusion over all groups."""
    values = list(confusions.values())
    return sum(values[1:], values[0])
