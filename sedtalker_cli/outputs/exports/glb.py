"""glTF 2.0 binary: a head with its shapes as morph targets, and one animation of their weights and of its neck.

glTF is in metres, y up, and its front looks to +z: as our heads are. Its animation has times in seconds; the frame
rate stands in `extras`. It knows no sound: `extras.audio` names the file.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.face.drawn import DrawnVertices, drawn_vertices
from sedtalker_cli.formats.gltf_writing import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, GltfStore, pack_glb

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.face.texture import PartTexture
    from sedtalker_cli.motion.head_motion import NeckTracks

THIN = ("lashes", "brows", "hair", "other")  # seen from both sides
ROUGHNESS = {"eye": 0.2, "glossy": 0.2, "teeth": 0.35, "lips": 0.45, "tongue": 0.4}
SIDE, QUALITY = 1024, 88  # of pictures [pixels]; of JPEG

Normals = tuple[np.ndarray, np.ndarray]


def build_glb(
    head: Head,
    weights: np.ndarray,
    fps: float,
    normals: Normals | None = None,
    extras: dict[str, Any] | None = None,
    neck: NeckTracks | None = None,
    split: bool = True,
) -> bytes:
    """Make the file's content.

    Args:
        head: neutral shape, shapes, parts, colours; shapes that move nothing are left out.
        weights: (T, K) in the order of `head.shape_names`.
        fps: frames a second.
        normals: of the neutral face (V, 3), and their change by shape (K, V, 3); without them viewers shade flat.
        extras: facts for the scene's `extras`, e.g. `audio`.
        neck: motion of the whole head: of the node `neck` that carries it; None makes no such node.
        split: whether each part has vertices of its own, as graphics cards want it: what parts share, they would load
            once for each part. Without it the vertices stay in the order of `drawn_vertices`, and an attribute
            `_VERTEX` tells which of the head's each is, where these differ.
    """
    store = GltfStore()
    drawn = drawn_vertices(head)
    pictures = _Pictures(store)
    moving = [k for k in range(len(head.shape_names)) if head.deltas[k].any()]
    pieces = {part: drawn.faces[start:stop] for part, (start, stop) in head.parts.items() if stop > start}
    primitives = []
    shared = None if split else _vertices(store, head, drawn, np.arange(len(drawn.source)), moving, normals)
    if shared is not None and head.textures:
        shared["attributes"]["_VERTEX"] = store.add(drawn.source.astype(np.float32), target=ARRAY_BUFFER)
    for material, faces in enumerate(pieces.values()):
        indices, own = faces.ravel(), shared
        if own is None:
            used, indices = np.unique(faces, return_inverse=True)
            own = _vertices(store, head, drawn, used, moving, normals)
        indices = store.add(indices.ravel().astype(np.uint32), target=ELEMENT_ARRAY_BUFFER)
        primitives.append({**own, "indices": indices, "material": material})
    times = store.add((np.arange(len(weights)) / fps).astype(np.float32), bounds=True)
    values = store.add(np.ascontiguousarray(weights[:, moving], np.float32).ravel())
    nodes: list[dict[str, Any]] = [{"mesh": 0, "name": head.name}]
    tracks = [(0, "weights", values)]
    if neck is not None:
        nodes[0]["translation"] = (-neck.pivot).tolist()
        nodes.append({"name": "neck", "children": [0], "translation": neck.pivot.tolist()})
        tracks += [(1, "translation", store.add(neck.places)), (1, "rotation", store.add(neck.turns))]
    materials = [_material(part, head, pictures) for part in pieces]
    body = store.body
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
                "extras": {"targetNames": [head.shape_names[k] for k in moving]},
            }
        ],
        "materials": materials,
        **pictures.entries,
        "animations": [animation("speech", times, tracks)],
        "accessors": store.accessors,
        "bufferViews": store.views,
        "buffers": [{"byteLength": len(body)}],
    }
    return pack_glb(content, body)


def animation(name: str, times: int, tracks: list[tuple[int, str, int]]) -> dict[str, Any]:
    """An animation whose tracks share their times.

    Args:
        name: of the animation.
        times: accessor of the times [s].
        tracks: (node, path as glTF names it, accessor of the values) of each.
    """
    return {
        "name": name,
        "channels": [
            {"sampler": k, "target": {"node": node, "path": path}} for k, (node, path, _) in enumerate(tracks)
        ],
        "samplers": [{"input": times, "output": output, "interpolation": "LINEAR"} for _, _, output in tracks],
    }


def _vertices(
    store: GltfStore, head: Head, drawn: DrawnVertices, places: np.ndarray, moving: list[int], normals: Normals | None
) -> dict[str, Any]:
    """Attributes and targets of a primitive that has the drawn vertices `places`."""
    used = drawn.source[places]
    attributes = {
        "POSITION": store.add(head.neutral[used].astype(np.float32), target=ARRAY_BUFFER, bounds=True),
        "COLOR_0": store.add(_linear(drawn.colors[places]), target=ARRAY_BUFFER),
    }
    if head.textures:
        attributes["TEXCOORD_0"] = store.add(drawn.uv[places], target=ARRAY_BUFFER)
    targets = [{"POSITION": store.add_offsets(head.deltas[k][used].astype(np.float32), bounds=True)} for k in moving]
    if normals is not None:
        attributes["NORMAL"] = store.add(normals[0][used], target=ARRAY_BUFFER)
        for target, k in zip(targets, moving, strict=True):
            target["NORMAL"] = store.add_offsets(normals[1][k][used])
    return {"attributes": attributes, "targets": targets}


def _material(part: str, head: Head, pictures: _Pictures) -> dict[str, Any]:
    material = head.materials[part]
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": ROUGHNESS.get(material, 0.65)}
    entry = {"name": part, "doubleSided": material in THIN, "pbrMetallicRoughness": surface}
    if part in head.textures:
        texture = head.textures[part]
        surface["baseColorTexture"] = {"index": pictures.add(texture)}
        if texture.cutoff:
            entry |= {"alphaMode": "MASK", "alphaCutoff": texture.cutoff}
    return entry


class _Pictures:
    """The pictures of a file, each once, at most `SIDE` pixels wide and high."""

    def __init__(self, store: GltfStore) -> None:
        self._store = store
        self._images: dict[int, int] = {}
        self._textures: dict[tuple[int, tuple[int, int]], int] = {}
        self.entries: dict[str, list[dict[str, Any]]] = {}

    def add(self, texture: PartTexture) -> int:
        """Index of the texture."""
        number = id(texture.image)
        if number not in self._images:
            kind, content = _encoded(texture.image)
            self._images[number] = self._append(
                "images", {"bufferView": self._store.add_bytes(content), "mimeType": kind}
            )
        key = self._images[number], texture.wrap
        if key not in self._textures:
            sampler = self._append("samplers", {"wrapS": texture.wrap[0], "wrapT": texture.wrap[1]})
            self._textures[key] = self._append("textures", {"source": key[0], "sampler": sampler})
        return self._textures[key]

    def _append(self, kind: str, entry: dict[str, Any]) -> int:
        entries = self.entries.setdefault(kind, [])
        entries.append(entry)
        return len(entries) - 1


def _encoded(image: np.ndarray) -> tuple[str, bytes]:
    """A picture (H, W, 3 or 4) as JPEG, or as PNG where it has alpha."""
    from PIL import Image

    picture = Image.fromarray(image)
    picture.thumbnail((SIDE, SIDE))
    content = io.BytesIO()
    if image.shape[2] == 3:
        picture.save(content, "JPEG", quality=QUALITY)
        return "image/jpeg", content.getvalue()
    picture.save(content, "PNG")
    return "image/png", content.getvalue()


def _linear(srgb: np.ndarray) -> np.ndarray:
    """Linear colours (V, 4) uint16 with alpha, from sRGB (V, 3) uint8: glTF's vertex colours are linear."""
    value = srgb / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.round(np.pad(linear, ((0, 0), (0, 1)), constant_values=1.0) * 65535).astype(np.uint16)
