"""Long signals in few columns: peaks of a waveform, means of a table."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def peak_envelope(blocks: Iterable[np.ndarray], samples: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest sample of every column, from a stream and in memory that does not grow with it.

    Args:
        blocks: consecutive pieces (n,) of a waveform.
        samples: N, of all pieces together; what comes beyond counts in the last column.
        columns: M <= N; column k covers the samples with floor(i * M / N) = k.

    Returns:
        lows and highs, both (M,) float32; 0 where a column got no sample.
    """
    lows, highs = np.full(columns, np.inf, np.float32), np.full(columns, -np.inf, np.float32)
    place = 0
    for block in blocks:
        if not len(block):
            continue
        column = np.minimum((np.arange(place, place + len(block)) * columns) // samples, columns - 1)
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        at = column[starts]
        lows[at] = np.minimum(lows[at], np.minimum.reduceat(block, starts))
        highs[at] = np.maximum(highs[at], np.maximum.reduceat(block, starts))
        place += len(block)
    empty = lows > highs
    lows[empty] = highs[empty] = 0
    return lows, highs


def column_means(values: np.ndarray, columns: int) -> np.ndarray:
    """Means of consecutive rows.

    Args:
        values: (T, ...) float.
        columns: M; with M >= T the values come back as they are.

    Returns:
        (min(M, T), ...).
    """
    if len(values) <= columns:
        return values
    starts = (np.arange(columns) * len(values)) // columns
    counts = np.diff(starts, append=len(values)).reshape(-1, *[1] * (values.ndim - 1))
    return np.add.reduceat(values, starts, axis=0, dtype=np.float64) / counts
