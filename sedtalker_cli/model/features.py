"""Encoder features of one recording, of whatever length, in bounded memory."""

import tempfile
import weakref
from typing import Any

import torch

IN_MEMORY = 32 << 20  # bytes; about four minutes of the bundled encoder


class FeatureStore:
    """Features (T, L, D) as float16 that grow at the end: those of long recordings lie in a temporary file.

    The file has no name where the system allows that, and goes with the object. It is read when slices are asked for:
    the pages of a mapped file would count as memory.

    Args:
        num_taps, dim: L and D.
        in_memory: bytes from which on they lie on disk.

    Attributes:
        shape: (T, L, D).
        known: what models keep that have heard these features, by whatever they choose; gone when more is added.
    """

    def __init__(self, num_taps: int, dim: int, in_memory: int = IN_MEMORY):
        self._file = tempfile.SpooledTemporaryFile(max_size=in_memory)  # noqa: SIM115, closed with the object
        self.shape = (0, num_taps, dim)
        self.known: dict[Any, Any] = {}
        weakref.finalize(self, self._file.close)

    def append(self, features: torch.Tensor) -> None:
        """Add the next frames (t, L, D)."""
        self.known.clear()
        self._file.seek(0, 2)
        self._file.write(features.to("cpu", torch.float16).contiguous().numpy().tobytes())
        self.shape = (self.shape[0] + len(features), *self.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: slice) -> torch.Tensor:
        """(t, L, D) float16 on the CPU, of a plain slice."""
        start, stop, _ = key.indices(len(self))
        count, size = max(stop - start, 0), 2 * self.shape[1] * self.shape[2]
        if not count:
            return torch.empty(0, *self.shape[1:], dtype=torch.float16)
        self._file.seek(start * size)
        return torch.frombuffer(bytearray(self._file.read(count * size)), dtype=torch.float16).view(-1, *self.shape[1:])


Features = torch.Tensor | FeatureStore  # (T, L, D)
