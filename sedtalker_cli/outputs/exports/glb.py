"""glTF 2.0 binary: a head with its shapes as morph targets, and one animation of their weights and of its neck.

glTF is in metres, y up, and its front looks to +z: as our heads are. Its animation has times in seconds; the frame
rate stands in `extras`. It knows no sound: `extras.audio` names the file.
"""

from __future__ import annotations

import json
import os
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.formats.atomic import atomic_file

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.motion.head_motion import NeckTracks

FLOAT, UNSIGNED_SHORT, UNSIGNED_INT = 5126, 5123, 5125
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
THIN = ("lashes", "brows", "hair", "other")  # seen from both sides
ROUGHNESS = {"eye": 0.2, "glossy": 0.2, "teeth": 0.35, "lips": 0.45, "tongue": 0.4}
TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}


class _Bin:
    """The binary chunk as it grows, with its views and accessors."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.length = 0
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: np.ndarray, *, target: int | None = None, bounds: bool = False) -> int:
        """Store (N,) or (N, k) as an accessor; returns its index."""
        kinds = {"float32": FLOAT, "uint16": UNSIGNED_SHORT, "uint32": UNSIGNED_INT}
        data = np.ascontiguousarray(array).tobytes()
        padded = data + b"\0" * (-len(data) % 4)
        view = {"buffer": 0, "byteOffset": self.length, "byteLength": len(data)}
        self.views.append(view | ({"target": target} if target else {}))
        self.parts.append(padded)
        self.length += len(padded)
        columns = np.atleast_2d(array.T).T
        accessor = {
            "bufferView": len(self.views) - 1,
            "componentType": kinds[array.dtype.name],
            "count": len(array),
            "type": TYPES[columns.shape[1]],
        }
        if array.dtype == np.uint16:
            accessor["normalized"] = True
        if bounds:
            accessor |= {"min": columns.min(0).tolist(), "max": columns.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def build_glb(
    head: Head,
    weights: np.ndarray,
    fps: float,
    normals: tuple[np.ndarray, np.ndarray] | None = None,
    extras: dict[str, Any] | None = None,
    neck: NeckTracks | None = None,
) -> bytes:
    """Make the file's content.

    Args:
        head: neutral shape, shapes, parts, colours; shapes that move nothing are left out.
        weights: (T, K) in the order of `head.shape_names`.
        fps: frames a second.
        normals: of the neutral face (V, 3), and their change by shape (K, V, 3); without them viewers shade flat.
        extras: facts for the scene's `extras`, e.g. `audio`.
        neck: motion of the whole head: of the node `neck` that carries it; None makes no such node.
    """
    store = _Bin()
    moving = [k for k in range(len(head.shape_names)) if head.deltas[k].any()]
    names = [head.shape_names[k] for k in moving]
    attributes = {
        "POSITION": store.add(head.neutral.astype(np.float32), target=ARRAY_BUFFER, bounds=True),
        "COLOR_0": store.add(_linear(head.colors), target=ARRAY_BUFFER),
    }
    targets = [
        {"POSITION": store.add(head.deltas[k].astype(np.float32), target=ARRAY_BUFFER, bounds=True)} for k in moving
    ]
    if normals is not None:
        attributes["NORMAL"] = store.add(normals[0], target=ARRAY_BUFFER)
        for target, k in zip(targets, moving, strict=True):
            target["NORMAL"] = store.add(normals[1][k], target=ARRAY_BUFFER)
    primitives, materials = [], []
    for part, (start, stop) in head.parts.items():
        indices = head.faces[start:stop].astype(np.uint32).ravel()
        if len(indices) == 0:
            continue
        primitives.append(
            {
                "attributes": attributes,
                "indices": store.add(indices, target=ELEMENT_ARRAY_BUFFER),
                "material": len(materials),
                "targets": targets,
            }
        )
        materials.append(
            {
                "name": part,
                "doubleSided": head.materials[part] in THIN,
                "pbrMetallicRoughness": {
                    "metallicFactor": 0.0,
                    "roughnessFactor": ROUGHNESS.get(head.materials[part], 0.65),
                },
            }
        )
    times = store.add((np.arange(len(weights)) / fps).astype(np.float32), bounds=True)
    values = store.add(np.ascontiguousarray(weights[:, moving], np.float32).ravel())
    nodes: list[dict[str, Any]] = [{"mesh": 0, "name": head.name}]
    tracks = [(0, "weights", values)]
    if neck is not None:
        nodes[0]["translation"] = (-neck.pivot).tolist()
        nodes.append({"name": "neck", "children": [0], "translation": neck.pivot.tolist()})
        tracks += [(1, "translation", store.add(neck.places)), (1, "rotation", store.add(neck.turns))]
    content = {
        "asset": {"version": "2.0", "generator": "sedtalker"},
        "scene": 0,
        "scenes": [{"nodes": [len(nodes) - 1], "extras": {"fps": fps, "units": "metres", **(extras or {})}}],
        "nodes": nodes,
        "meshes": [
            {
                "name": head.name,
                "primitives": primitives,
                "weights": [0.0] * len(moving),
                "extras": {"targetNames": names},
            }
        ],
        "materials": materials,
        "animations": [
            {
                "name": "speech",
                "channels": [
                    {"sampler": k, "target": {"node": node, "path": path}} for k, (node, path, _) in enumerate(tracks)
                ],
                "samplers": [{"input": times, "output": output, "interpolation": "LINEAR"} for _, _, output in tracks],
            }
        ],
        "accessors": store.accessors,
        "bufferViews": store.views,
        "buffers": [{"byteLength": store.length}],
    }
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    body = b"".join(store.parts)
    header = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(body))
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body
    return header + chunks


def write_glb(path: str | os.PathLike, content: bytes) -> None:
    """Write what `build_glb` makes."""
    with atomic_file(path) as part:
        part.write_bytes(content)


def _linear(srgb: np.ndarray) -> np.ndarray:
    """Linear colours (V, 4) uint16 with alpha, from sRGB (V, 3) uint8: glTF's vertex colours are linear."""
    value = srgb / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.round(np.pad(linear, ((0, 0), (0, 1)), constant_values=1.0) * 65535).astype(np.uint16)
