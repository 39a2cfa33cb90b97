"""Vertices that are made from coefficients when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sedtalker_cli.face.head import Head


class PosedFrames:
    """Frames of a head with shapes, as `formats.motion.Frames`: a `FrameFile` without its file.

    Args:
        head: with K shapes.
        weights: coefficients (T, K).
    """

    ndim, dtype = 3, np.dtype(np.float32)

    def __init__(self, head: Head, weights: np.ndarray):
        self._head, self._weights = head, weights
        self.shape = (len(weights), *head.neutral.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: int | slice) -> np.ndarray:
        """(V, 3) of one frame, or (t, V, 3) of a slice."""
        return self._head.vertices(self._weights[key])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)

    def stream(self) -> Iterator[np.ndarray]:
        """Consecutive (t, V, 3) pieces."""
        return self._head.stream(self._weights)
