"""Meshes as other programs write them."""

import json
import struct

import numpy as np


def unpack(path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def flame_like() -> tuple[np.ndarray, np.ndarray]:
    """A strip of FLAME's 5,023 vertices."""
    k = np.arange(5023)
    vertices = np.stack([0.1 * np.cos(k / 40), k / 5023 * 0.27, 0.1 * np.sin(k / 40)], axis=1)
    return vertices, np.stack([k[:-2], k[1:-1], k[2:]], axis=1)
