"""glTF files as pygltflib opens them."""

import numpy as np

KINDS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def read_accessor(gltf, index: int) -> np.ndarray:
    """An accessor (N, k) of a `pygltflib.GLTF2`: plain, sparse, or of zeros, as glTF 2.0 says."""
    accessor, blob = gltf.accessors[index], gltf.binary_blob()
    width = WIDTHS[accessor.type]

    def numbers(view: int, offset: int | None, kind: str, count: int) -> np.ndarray:
        start = (gltf.bufferViews[view].byteOffset or 0) + (offset or 0)
        return np.frombuffer(blob, kind, count, start)

    kind = KINDS[accessor.componentType]
    if accessor.bufferView is None:
        values = np.zeros((accessor.count, width), kind)
    else:
        values = numbers(accessor.bufferView, accessor.byteOffset, kind, accessor.count * width).reshape(-1, width)
    if accessor.sparse is not None:
        place, changed = accessor.sparse.indices, accessor.sparse.values
        values, count = values.copy(), accessor.sparse.count
        rows = numbers(place.bufferView, place.byteOffset, KINDS[place.componentType], count)
        assert (np.diff(rows.astype(int)) > 0).all()
        values[rows] = numbers(changed.bufferView, changed.byteOffset, kind, count * width).reshape(-1, width)
    return values


def posed(gltf, weights: np.ndarray) -> np.ndarray:
    """Corners of all triangles (3 F, 3) of the first mesh with its morph targets at `weights` (K,)."""
    corners = []
    for primitive in gltf.meshes[0].primitives:
        vertices = read_accessor(gltf, primitive.attributes.POSITION).astype(float)
        for weight, target in zip(weights, primitive.targets, strict=True):
            vertices = vertices + weight * read_accessor(gltf, target["POSITION"])
        corners.append(vertices[read_accessor(gltf, primitive.indices)[:, 0]])
    return np.concatenate(corners)
