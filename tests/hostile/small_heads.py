"""A whole glTF head of a few vertices, to be damaged by tests."""

import io
import json
import struct

import numpy as np


def small_head() -> tuple[dict, bytes]:
    """Content and buffer of a tiny glTF head: a strip of skin with two shapes, a skin, a texture, sparse offsets."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], "<f4")
    arrays = {
        "POSITION": points,
        "indices": np.array([0, 1, 2, 1, 3, 2], "<u2"),
        "jawOpen": points * 0.1,
        "sparse": np.array([1, 3], "<u2"),
        "values": points[:2] + 0.1,
        "uv": points[:, :2].copy(),
        "joints": np.zeros((4, 4), "<u1"),
        "weights": np.eye(4, dtype="<f4")[[0, 0, 0, 0]],
        "image": np.frombuffer(png(), np.uint8),
    }
    views, body = [], b""
    for array in arrays.values():
        views.append({"buffer": 0, "byteOffset": len(body), "byteLength": array.nbytes})
        body += array.tobytes() + bytes(-array.nbytes % 4)
    kinds = {"<f4": 5126, "<u2": 5123, "|u1": 5121}

    def accessor(view: int, kind: str) -> dict:
        array = list(arrays.values())[view]
        return {"bufferView": view, "componentType": kinds[array.dtype.str], "count": len(array), "type": kind}

    sparse = {
        "count": 2,
        "indices": {"bufferView": 3, "componentType": 5123, "byteOffset": 0},
        "values": {"bufferView": 4, "byteOffset": 0},
    }
    kinds_of = ((0, "VEC3"), (1, "SCALAR"), (2, "VEC3"), (5, "VEC2"), (6, "VEC4"), (7, "VEC4"))
    attributes = {"POSITION": 0, "TEXCOORD_0": 3, "JOINTS_0": 4, "WEIGHTS_0": 5}
    primitive = {"attributes": attributes, "indices": 1, "material": 0, "targets": [{"POSITION": 2}, {"POSITION": 6}]}
    content = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"children": [1], "scale": [2, 2, 2]}, {"mesh": 0, "skin": 0, "rotation": [0, 0, 0, 1]}],
        "meshes": [{"name": "skin", "primitives": [primitive], "extras": {"targetNames": ["jawOpen", "eyeBlinkLeft"]}}],
        "materials": [{"pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 1], "baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}],
        "images": [{"bufferView": 8, "mimeType": "image/png"}],
        "skins": [{"joints": [0]}],
        "accessors": [
            *(accessor(view, kind) for view, kind in kinds_of),
            {"componentType": 5126, "count": 4, "type": "VEC3", "sparse": sparse},
        ],
        "bufferViews": views,
        "buffers": [{"byteLength": len(body)}],
    }
    return content, body


def png() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (200, 120, 90)).save(buffer, "PNG")
    return buffer.getvalue()


def glb(content: bytes, body: bytes) -> bytes:
    content += b" " * (-len(content) % 4)
    size = 28 + len(content) + len(body)
    head = struct.pack("<4sIIII", b"glTF", 2, size, len(content), 0x4E4F534A)
    return head + content + struct.pack("<II", len(body), 0x004E4942) + body


HEAD, BODY = small_head()
WHOLE = glb(json.dumps(HEAD).encode(), BODY)
