"""Reads meshes with morph targets from glTF 2.0 (`.glb`, `.gltf`), placed as the scene places them."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.draco import EXTENSION as DRACO
from sedtalker_cli.formats.draco import decode_draco
from sedtalker_cli.formats.gltf_file import GltfFile
from sedtalker_cli.formats.gltf_surface import Surfaces, Texture
from sedtalker_cli.formats.obj import FARTHEST
from sedtalker_cli.formats.vrm import expressions

MOST_PIECES = 1000  # one mesh may be at many nodes
MOST_VERTICES = 500_000  # of all pieces; each has 52 offsets
TRIANGLES = 4


@dataclass(frozen=True)
class Primitive:
    """One piece of a mesh with one material, in the scene's coordinates.

    Attributes:
        names: of its material, mesh and node, those that there are.
        vertices: (V, 3) float32.
        faces: (F, 3) int64.
        targets: offsets (V, 3) float32 of the morph targets by name, later ones of the same name left out, and of
            the expressions of a VRM avatar.
        colors: (V, 3) float in 0..1, sRGB; None where the file gives none.
        texture: its picture, None where there is none.
        tint: (V, 3) float in 0..1, sRGB, by which the picture is multiplied; None without one.
    """

    names: tuple[str, ...]
    vertices: np.ndarray
    faces: np.ndarray
    targets: dict[str, np.ndarray]
    colors: np.ndarray | None
    texture: Texture | None = None
    tint: np.ndarray | None = None


def read_gltf(path: str | os.PathLike) -> list[Primitive]:
    """Read all triangles of a file's scene.

    Raises:
        InputError: the file is damaged, or uses what is not read here (compression, strips).
    """
    path = Path(path)
    try:
        with np.errstate(all="ignore"):  # what is too large is found by `_moderate`
            return _Reader(GltfFile(path)).primitives()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, struct.error) as error:
        raise InputError(f"{path}: is damaged glTF ({type(error).__name__}: {error}); export the head again") from error


class _Reader:
    """Collects the triangles of a file's scene."""

    def __init__(self, file: GltfFile) -> None:
        self._file, self._path, self._content = file, file.path, file.content
        self._surfaces = Surfaces(file)
        self._expressions = expressions(file.content)
        self._vertices = 0

    def primitives(self) -> list[Primitive]:
        found = []
        places = world_matrices(self._file)
        nodes = self._content.get("nodes", [])
        for index, matrix in places.items():
            node = nodes[index]
            if "mesh" not in node:
                continue
            mesh = self._file.entry("meshes", node["mesh"])
            for primitive in mesh["primitives"]:
                if primitive.get("mode", TRIANGLES) in (0, 1, 2, 3):
                    continue  # points and lines
                if len(found) == MOST_PIECES:
                    raise InputError(f"{self._path}: has more than {MOST_PIECES} pieces; join them before the export")
                names = (mesh.get("name"), node.get("name"))
                found.append(self._primitive(mesh, primitive, names, node, matrix, places))
        return found

    def _primitive(
        self, mesh: dict, primitive: dict, names: tuple, node: dict, matrix: np.ndarray, places: dict
    ) -> Primitive:
        if primitive.get("mode", TRIANGLES) != TRIANGLES:
            raise InputError(f"{self._path}: holds strips of triangles; export it as plain triangles")
        attributes = primitive["attributes"]
        if DRACO in primitive.get("extensions", {}):
            self._unpack(primitive)
        points = self._file.accessor(attributes["POSITION"])
        if "indices" in primitive:
            faces = self._file.accessor(primitive["indices"]).astype(np.int64).reshape(-1, 3)
        else:
            faces = np.arange(len(points)).reshape(-1, 3)
        if len(faces) and not (faces.min() >= 0 and faces.max() < len(points)):
            raise ValueError("a triangle names a vertex that does not exist")
        turn = self._skin(node, attributes, places)
        if turn is None:
            turn = np.broadcast_to(matrix, (len(points), 4, 4))
            if np.linalg.det(matrix[:3, :3]) < 0:  # mirrored: what was outside must stay outside
                faces = faces[:, ::-1]
        used, faces = np.unique(faces, return_inverse=True)  # primitives may share the vertices of a whole mesh
        faces = faces.reshape(-1, 3)
        self._vertices += len(used)
        if self._vertices > MOST_VERTICES:
            raise InputError(f"{self._path}: has more than {MOST_VERTICES} vertices; export a simpler head")
        linear = turn[used, :3, :3]
        offsets = self._offsets(primitive, len(points), used, linear)
        targets: dict[str, np.ndarray] = {}
        for index, name in enumerate(target_names(self._file, mesh, primitive)):
            if index in offsets:
                targets.setdefault(name, _moderate(offsets[index], f"the shape {name!r}"))
        for name, binds in self._expressions.get(node["mesh"], {}).items():
            mixed = [np.float32(weight) * offsets[index] for index, weight in binds if index in offsets]
            if mixed:
                targets.setdefault(name, _moderate(np.sum(mixed, 0), f"the expression {name!r}"))
        vertices = _moderate(np.einsum("vij,vj->vi", linear, points[used]) + turn[used, :3, 3], "a mesh")
        material = self._file.entry("materials", primitive["material"]) if "material" in primitive else {}
        told = tuple(str(name) for name in (material.get("name"), *names) if name)
        surface = self._surfaces.of(material, attributes)
        colors = None if surface.colors is None else surface.colors[used]
        if surface.texture is None:
            return Primitive(told, vertices, faces, targets, colors)
        texture = replace(surface.texture, uv=surface.texture.uv[used])
        return Primitive(told, vertices, faces, targets, colors, texture, surface.tint[used])

    def _offsets(self, primitive: dict, count: int, used: np.ndarray, linear: np.ndarray) -> dict[int, np.ndarray]:
        """Offsets (V, 3) float32 of the `used` vertices by the morph target's place."""
        found = {}
        for index, target in enumerate(primitive.get("targets", [])):
            if "POSITION" in target:
                offsets = self._file.accessor(target["POSITION"])
                if offsets.shape != (count, 3):
                    raise ValueError(f"morph target {index} has {len(offsets)} vertices, its mesh {count}")
                found[index] = np.einsum("vij,vj->vi", linear, offsets[used]).astype(np.float32)
        return found

    def _unpack(self, primitive: dict) -> None:
        """Decode what a piece keeps compressed, unless the file has it uncompressed, too."""
        packed, attributes = primitive["extensions"][DRACO], primitive["attributes"]
        if "bufferView" in self._file.entry("accessors", attributes["POSITION"]):
            return
        data = bytes(self._file.view(packed["bufferView"])[0])
        indices, found = decode_draco(self._path, data, packed["attributes"])
        decoded = {primitive["indices"]: indices} | {attributes[name]: array for name, array in found.items()}
        for index, array in decoded.items():
            if len(array) != self._file.entry("accessors", index)["count"]:
                raise ValueError(f"accessor {index} has another number of elements than its compressed data")
        self._file.decoded |= decoded

    def _skin(self, node: dict, attributes: dict, places: dict[int, np.ndarray]) -> np.ndarray | None:
        """Matrices (V, 4, 4) of a skinned mesh at rest; None where there is no skin."""
        if "skin" not in node or "JOINTS_0" not in attributes:
            return None
        skin = self._file.entry("skins", node["skin"])
        joints = np.stack([places.get(joint, np.eye(4)) for joint in skin["joints"]])
        if "inverseBindMatrices" in skin:
            inverse = self._file.accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
            joints = joints @ inverse[: len(joints)]
        total = 0.0
        for number in range(2):
            if f"JOINTS_{number}" in attributes:
                index = self._file.accessor(attributes[f"JOINTS_{number}"]).astype(np.int64)
                weight = self._file.accessor(attributes[f"WEIGHTS_{number}"]).astype(np.float64)
                if len(index) and index.min() < 0:
                    raise ValueError("a vertex hangs on a joint below zero")
                total = total + np.einsum("vj,vjab->vab", weight, joints[index])
        return total / np.maximum(total[:, 3:4, 3:4], 1e-9)


def world_matrices(file: GltfFile) -> dict[int, np.ndarray]:
    """Matrix (4, 4) from a node to the scene, for every node of the scene, in order."""
    nodes = file.content.get("nodes", [])
    if file.content.get("scenes"):
        roots = file.entry("scenes", file.content.get("scene", 0)).get("nodes", [])
    else:
        children = {child for node in nodes for child in node.get("children", [])}
        roots = [k for k in range(len(nodes)) if k not in children]
    places: dict[int, np.ndarray] = {}
    waiting = [(index, np.eye(4)) for index in reversed(roots)]
    while waiting:
        index, above = waiting.pop()
        if index in places:
            raise ValueError(f"node {index} has two parents")
        node = file.entry("nodes", index)
        places[index] = above @ local_matrix(node)
        waiting += [(child, places[index]) for child in reversed(node.get("children", []))]
    return places


def target_names(file: GltfFile, mesh: dict, primitive: dict) -> list[str]:
    """Names of the morph targets: from `extras.targetNames` as all exporters write them, else the accessors'."""
    for holder in (mesh, primitive):
        extras = holder.get("extras")
        if isinstance(extras, dict) and isinstance(extras.get("targetNames"), list):
            return [str(name) for name in extras["targetNames"]]
    places = [target.get("POSITION") for target in primitive.get("targets", [])]
    return ["" if place is None else str(file.entry("accessors", place).get("name", "")) for place in places]


def _moderate(points: np.ndarray, what: str) -> np.ndarray:
    """Coordinates (V, 3) as float32, if a head can have them."""
    if not (np.abs(points) <= FARTHEST).all():  # NaN compares as False
        raise ValueError(f"{what} has coordinates that are not finite, or absurdly large")
    return points.astype(np.float32)


def local_matrix(node: dict) -> np.ndarray:
    """Matrix (4, 4) of a node within its parent."""
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix[:3, :3] = rotation * np.array(node.get("scale", (1.0, 1.0, 1.0)), float)
    matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return matrix
