"""Builds glTF files as other programs write them, for tests of the reader."""

import json
import struct
from pathlib import Path

import numpy as np

from sedtalker_cli.face.head import Head

KINDS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


def piece(head: Head, *parts: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (V, 3), faces (F, 3) and offsets (K, V, 3) of some parts alone."""
    faces = np.concatenate([head.faces[slice(*head.parts[part])] for part in parts])
    used, faces = np.unique(faces, return_inverse=True)
    return head.neutral[used], faces.reshape(-1, 3), head.deltas[:, used]


def bounds(array: np.ndarray) -> dict[str, list[float]]:
    """What glTF wants to know of positions; JSON has no word for what is not finite."""
    if not np.isfinite(array).all():
        return {}
    return {"min": array.min(0).tolist(), "max": array.max(0).tolist()}


class GltfBuilder:
    """A file that grows; `content` may be changed before `write`."""

    def __init__(self) -> None:
        self.body = b""
        self.content = {"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": []}]}
        self.content |= {name: [] for name in ("nodes", "meshes", "materials", "accessors", "bufferViews")}

    def view(self, data: bytes, **facts) -> int:
        self.content["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.body), "byteLength": len(data), **facts}
        )
        self.body += data + b"\0" * (-len(data) % 4)
        return len(self.content["bufferViews"]) - 1

    def accessor(self, array: np.ndarray, **facts) -> int:
        """(N, k) or (N,); rows of small integers are padded to four bytes, as the standard wants it."""
        rows = np.ascontiguousarray(np.atleast_2d(array.T).T)
        size = rows.itemsize * rows.shape[1]
        stride = -(-size // 4) * 4 if rows.shape[1] > 1 else size
        data = np.zeros((len(rows), stride), np.uint8)
        data[:, :size] = rows.view(np.uint8).reshape(len(rows), size)
        view = self.view(data.tobytes(), **({"byteStride": stride} if stride != size else {}))
        return self._add(rows, bufferView=view, **facts)

    def sparse(self, array: np.ndarray, **facts) -> int:
        """(N, k) of which only the rows that are not 0 are stored, and no buffer view beside them."""
        touched = np.flatnonzero(array.any(1)).astype(np.uint32)
        if len(touched) == 0:
            return self._add(array, **facts)
        indices = {"bufferView": self.view(touched.tobytes()), "componentType": 5125}
        values = {"bufferView": self.view(np.ascontiguousarray(array[touched]).tobytes())}
        return self._add(array, sparse={"count": len(touched), "indices": indices, "values": values}, **facts)

    def _add(self, rows: np.ndarray, **facts) -> int:
        kind, width = KINDS[rows.dtype.name], TYPES[rows.shape[1]]
        self.content["accessors"].append({"componentType": kind, "count": len(rows), "type": width, **facts})
        return len(self.content["accessors"]) - 1

    def mesh(self, name, vertices, faces, offsets, names, *, sparse=False, material=None, extras_at="mesh") -> int:
        """A mesh of one primitive with float targets; returns its index."""
        store = self.sparse if sparse else self.accessor
        vertices, offsets = vertices.astype(np.float32), [offset.astype(np.float32) for offset in offsets]
        primitive = {
            "attributes": {"POSITION": self.accessor(vertices, **bounds(vertices))},
            "indices": self.accessor(faces.astype(np.uint32).ravel()),
        }
        if offsets:
            primitive["targets"] = [{"POSITION": store(offset, **bounds(offset))} for offset in offsets]
        if material is not None:
            primitive["material"] = len(self.content["materials"])
            self.content["materials"].append({"name": material})
        mesh = {"name": name, "primitives": [primitive], **({"weights": [0.0] * len(offsets)} if offsets else {})}
        (mesh if extras_at == "mesh" else primitive)["extras"] = {"targetNames": list(names)}
        self.content["meshes"].append(mesh)
        return len(self.content["meshes"]) - 1

    def compress(self, mesh: int, vertices, faces, required: bool = True, damaged: bool = False) -> None:
        """Triangles and vertices of a mesh by Draco, as exporters do; morph targets stay as they are."""
        import DracoPy

        primitive = self.content["meshes"][mesh]["primitives"][0]
        content = DracoPy.encode(vertices, faces.astype(np.uint32), quantization_bits=20, preserve_order=True)
        view = self.view(b"DRACO" + content[40:] if damaged else content)
        name = "KHR_draco_mesh_compression"
        primitive["extensions"] = {name: {"bufferView": view, "attributes": {"POSITION": 0}}}
        for accessor in (primitive["indices"], primitive["attributes"]["POSITION"]):
            self.content["accessors"][accessor].pop("bufferView")
        self.content["extensionsUsed"] = [name]
        if required:
            self.content["extensionsRequired"] = [name]

    def node(self, *, root: bool = True, **facts) -> int:
        self.content["nodes"].append(facts)
        index = len(self.content["nodes"]) - 1
        if root:
            self.content["scenes"][0]["nodes"].append(index)
        return index

    def write(self, path: Path) -> Path:
        content = {name: value for name, value in self.content.items() if value != []}
        content["buffers"] = [{"byteLength": len(self.body)}]
        text = json.dumps(content).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(self.body), b"BIN\0")
        path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks) + len(self.body)) + chunks + self.body)
        return path
