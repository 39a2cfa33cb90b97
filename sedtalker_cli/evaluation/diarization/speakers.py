"""Scores of each speaker, and how they spread: a corpus of few speakers tells less than its many clips seem to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sedtalker_cli.evaluation.metrics.confusion import Confusion


@dataclass(frozen=True)
class Spread:
    """Values of several speakers.

    Attributes:
        count: speakers.
        mean, deviation: of their values; the deviation is the population's.
        quartiles: first quartile, median, third quartile.
    """

    count: int
    mean: float
    deviation: float
    quartiles: tuple[float, float, float]

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Spread of at least one value."""
        first, median, third = np.percentile(values, (25, 50, 75)).tolist()
        return cls(len(values), float(np.mean(values)), float(np.std(values)), (first, median, third))

    def to_dict(self) -> dict[str, Any]:
        """Numbers, ready for JSON."""
        return {
            "speakers": self.count,
            "mean": self.mean,
            "deviation": self.deviation,
            "quartiles": list(self.quartiles),
        }


def over_speakers(
    confusions: Mapping[tuple[str, str], Confusion], measure: Callable[[Confusion], float]
) -> dict[str, Spread]:
    """Spread of a measure over the speakers of each corpus.

    Args:
        confusions: (corpus, speaker) -> confusion.
        measure: of one.
    """
    values = defaultdict(list)
    for (corpus, _), confusion in confusions.items():
        values[corpus].append(measure(confusion))
    return {corpus: Spread.of(row) for corpus, row in values.items()}
