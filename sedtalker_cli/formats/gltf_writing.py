"""What every glTF 2.0 binary is written with: numbers as accessors, and the file around them."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from sedtalker_cli.formats.atomic import atomic_file

COMPONENTS = {"float32": 5126, "uint16": 5123, "uint32": 5125}
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
SPARSE_GAIN = 0.75  # a sparse accessor takes at most this share of the bytes of a plain one


class GltfStore:
    """A binary chunk as it grows, with its views and accessors.

    Attributes:
        views, accessors: entries of the file's lists; new ones go to the end.
        body: bytes of the chunk.
    """

    def __init__(
        self,
        views: Sequence[dict[str, Any]] = (),
        accessors: Sequence[dict[str, Any]] = (),
        body: bytes = b"",
    ) -> None:
        """Begin empty, or go on with what a file has."""
        self.views, self.accessors = [*views], [*accessors]
        self._parts = [body + b"\0" * (-len(body) % 4)]
        self._length = len(self._parts[0])
        self._zeros: dict[tuple[int, int], int] = {}

    @property
    def body(self) -> bytes:
        return b"".join(self._parts)

    def add(self, array: np.ndarray, *, target: int | None = None, bounds: bool = False) -> int:
        """Store (N,) or (N, k) as an accessor; returns its index.

        Args:
            array: float32, uint16 (normalized: 65535 is 1) or uint32.
            target: what a graphics card will use it for, None for what it never sees.
            bounds: whether to note the least and the largest values.
        """
        accessor = {"bufferView": self._view(array, target), **self._described(array, bounds)}
        if array.dtype == np.uint16:
            accessor["normalized"] = True
        return self._accessor(accessor)

    def add_offsets(self, offsets: np.ndarray, *, bounds: bool = False) -> int:
        """Store what is mostly zero, (N, 3) float32, in as few bytes as glTF allows; returns the accessor's index."""
        rows = np.flatnonzero(offsets.any(1))
        if len(rows) == 0:
            key = (len(offsets), int(bounds))
            if key not in self._zeros:  # without a view, it holds zeros
                self._zeros[key] = self._accessor(self._described(offsets, bounds))
            return self._zeros[key]
        index = rows.astype(np.uint16 if len(offsets) <= 0xFFFF else np.uint32)
        if len(rows) * (12 + index.itemsize) > SPARSE_GAIN * 12 * len(offsets):
            return self.add(offsets, target=ARRAY_BUFFER, bounds=bounds)
        sparse = {
            "count": len(rows),
            "indices": {"bufferView": self._view(index), "componentType": COMPONENTS[index.dtype.name]},
            "values": {"bufferView": self._view(offsets[rows])},
        }
        return self._accessor({**self._described(offsets, bounds), "sparse": sparse})

    def add_bytes(self, data: bytes) -> int:
        """Store what is no numbers, e.g. a picture; returns the view's index."""
        return self._view(np.frombuffer(data, np.uint8))

    def _described(self, array: np.ndarray, bounds: bool) -> dict[str, Any]:
        columns = np.atleast_2d(array.T).T
        entry = {
            "componentType": COMPONENTS[array.dtype.name],
            "count": len(array),
            "type": TYPES[columns.shape[1]],
        }
        return entry | ({"min": columns.min(0).tolist(), "max": columns.max(0).tolist()} if bounds else {})

    def _accessor(self, entry: dict[str, Any]) -> int:
        self.accessors.append(entry)
        return len(self.accessors) - 1

    def _view(self, array: np.ndarray, target: int | None = None) -> int:
        data = np.ascontiguousarray(array).tobytes()
        view = {"buffer": 0, "byteOffset": self._length, "byteLength": len(data)}
        self.views.append(view | ({"target": target} if target else {}))
        self._parts.append(data + b"\0" * (-len(data) % 4))
        self._length += len(self._parts[-1])
        return len(self.views) - 1


def pack_glb(content: dict[str, Any], body: bytes) -> bytes:
    """A whole file from its JSON part and its binary chunk."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode("utf-8", "replace")
    text += b" " * (-len(text) % 4)
    body += b"\0" * (-len(body) % 4)
    header = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(body))
    return header + struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body


def write_glb(path: str | os.PathLike, content: bytes) -> None:
    """Write what `pack_glb` makes."""
    with atomic_file(path) as part:
        part.write_bytes(content)
