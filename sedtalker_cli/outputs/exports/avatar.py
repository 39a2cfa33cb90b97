"""A user's own glTF binary with an animation added; everything that was in the file stays as it was.

Numbers are appended to the binary chunk, and an animation is put before those that the file has: weights of every mesh
with ARKit's shapes under the file's own names, a turn of the joint that carries the head, and of the eyes' joints where
no shape moves the eyes. Without such a joint, the nodes at the top that carry the face move as a whole.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.transform import Rotation

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit_spelling import arkit_name
from sedtalker_cli.face.visemes import VISEMES, blink_names, has_visemes, viseme_name, viseme_weights
from sedtalker_cli.formats.gltf import local_matrix, target_names, world_matrices
from sedtalker_cli.formats.gltf_file import GltfFile
from sedtalker_cli.formats.gltf_writing import GltfStore, pack_glb
from sedtalker_cli.formats.vrm import expressions, humanoid_bones
from sedtalker_cli.outputs.exports.glb import animation

if TYPE_CHECKING:
    from sedtalker_cli.motion.motion import Motion

SUFFIXES = (".glb", ".vrm")
LOOK_SIDEWAYS, LOOK_UP, LOOK_DOWN = np.radians((24.0, 17.0, 22.0))  # turn of an eye at a coefficient of 1
JOINTS = {  # by VRM's name of the bone: the last words of usual names of its node
    "head": (("head",),),
    "neck": (("neck",),),
    "leftEye": (("left", "eye"), ("l", "eye"), ("eye", "left"), ("eye", "l")),
    "rightEye": (("right", "eye"), ("r", "eye"), ("eye", "right"), ("eye", "r")),
}


def build_avatar(motion: Motion, audio: str | None = None) -> bytes:
    """Make the file's content.

    Args:
        motion: of a head that was read from a `.glb` or `.vrm` file.
        audio: its sound as seen from the file; `extras` of the animation name it.

    Raises:
        InputError: the file cannot be read.
    """
    source = motion.head.source
    assert source is not None
    file = GltfFile(source)
    content = copy.deepcopy(file.content)
    if file.chunk is None:
        raise InputError(f"{source}: keeps its numbers outside of the file; export it as one .glb")
    store = GltfStore(content.get("bufferViews", []), content.get("accessors", []), file.chunk)
    tracks = [(node, "weights", store.add(values)) for node, values in _weight_tracks(file, motion)]
    bones = _bones(file.content)
    places = world_matrices(file)
    if motion.head_motion is not None:
        carrier = bones.get("head", bones.get("neck"))
        tracks += _head_tracks(store, content, places, motion, carrier)
    if not _has_eye_shapes(file):
        tracks += _eye_tracks(store, content, places, motion, bones)
    times = store.add((np.arange(motion.frames) / motion.fps).astype(np.float32), bounds=True)
    added = animation("speech", times, tracks)
    added["extras"] = {"fps": motion.fps, **({"audio": audio} if audio else {})}
    content["animations"] = [added, *content.get("animations", [])]
    body = store.body
    content |= {"accessors": store.accessors, "bufferViews": store.views}
    content["buffers"][0]["byteLength"] = len(body)
    return pack_glb(content, body)


def _weight_tracks(file: GltfFile, motion: Motion) -> Iterator[tuple[int, np.ndarray]]:
    """Nodes and weights (T x targets,) of all that have shapes of ARKit's, or visemes in their place."""
    curves = _curves(file, motion)
    groups = expressions(file.content)
    for node, entry in enumerate(file.content.get("nodes", [])):
        if "mesh" not in entry:
            continue
        mesh = file.entry("meshes", entry["mesh"])
        primitive = mesh["primitives"][0]
        count = len(primitive.get("targets", []))
        rest = entry.get("weights", mesh.get("weights", [0.0] * count))
        values = np.tile(np.array(rest, np.float32), (motion.frames, 1))
        moved: set[str] = set()
        for target, name in enumerate(target_names(file, mesh, primitive)[:count]):
            meant, curve = curves(name)
            if meant is not None and meant not in moved:
                values[:, target] = curve
                moved.add(meant)
        for name, binds in groups.get(entry["mesh"], {}).items():
            meant, curve = curves(name)
            if meant is not None and meant not in moved:
                for target, weight in binds:
                    values[:, target] += np.float32(weight) * curve
                moved.add(meant)
        if moved:
            yield node, np.ascontiguousarray(values).ravel()


def _curves(file: GltfFile, motion: Motion) -> Callable[[str], tuple[str | None, np.ndarray]]:
    """What a shape's own name stands for, None for nothing of ours, and its weights (T,)."""
    weights, names = motion.shape_weights(), motion.head.shape_names
    speaks = has_visemes(shape_names(file))
    vowels = dict(zip(VISEMES, viseme_weights(weights, names).T, strict=True)) if speaks else {}

    def curve(text: str) -> tuple[str | None, np.ndarray]:
        meant = arkit_name(text)
        if meant is not None:
            return meant, weights[:, names.index(meant)]
        vowel = viseme_name(text)
        if vowel in vowels:
            return vowel, vowels[vowel]
        blinks = blink_names(text) if speaks else ()
        if blinks:
            return "+".join(blinks), np.mean([weights[:, names.index(name)] for name in blinks], axis=0)
        return None, weights[:, 0]

    return curve


def _has_eye_shapes(file: GltfFile) -> bool:
    return any((arkit_name(name) or "").startswith("eyeLook") for name in shape_names(file))


def shape_names(file: GltfFile) -> set[str]:
    """Names of all morph targets and expressions of a file."""
    meshes = file.content.get("meshes", [])
    targets = {name for mesh in meshes for name in target_names(file, mesh, mesh["primitives"][0])}
    return targets | {name for group in expressions(file.content).values() for name in group}


def _bones(content: dict[str, Any]) -> dict[str, int]:
    """Nodes that carry head, neck and eyes: as VRM names them, else joints of skins by their names."""
    found = {name: node for name, node in humanoid_bones(content).items() if name in JOINTS}
    nodes = content.get("nodes", [])
    joints = [joint for skin in content.get("skins", []) for joint in skin["joints"]]
    for node in joints:
        words = tuple(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", str(nodes[node].get("name", ""))))
        for bone, endings in JOINTS.items():
            if bone not in found and any(words[-len(ending) :] == ending for ending in endings):
                found[bone] = node
    return found


def _head_tracks(
    store: GltfStore, content: dict[str, Any], places: dict[int, np.ndarray], motion: Motion, carrier: int | None
) -> list[tuple[int, str, int]]:
    assert motion.head_motion is not None
    to_head = motion.head.placement
    scale = np.cbrt(np.linalg.det(to_head))
    turn = to_head / scale  # from the file's axes to the head's
    moves = motion.head_motion.astype(np.float64)
    turns = Rotation.from_matrix(turn.T @ moves[:, :3, :3] @ turn)
    if carrier is not None:
        return [(carrier, "rotation", _turned(store, content, places, carrier, turns))]
    shifts = moves[:, :3, 3] @ turn / scale
    tracks = []
    for root in _carriers(content):
        rest = _separate(content["nodes"][root])
        places_of_root = turns.apply(rest["translation"]) + shifts
        tracks.append((root, "translation", store.add(places_of_root.astype(np.float32))))
        tracks.append((root, "rotation", store.add(_quaternions(turns * Rotation.from_quat(rest["rotation"])))))
    return tracks


def _carriers(content: dict[str, Any]) -> list[int]:
    """Nodes at the top of the scene below which there are shapes."""
    nodes = content["nodes"]

    def has_shapes(node: int) -> bool:
        mesh = nodes[node].get("mesh")
        own = mesh is not None and any("targets" in part for part in content["meshes"][mesh]["primitives"])
        return own or any(map(has_shapes, nodes[node].get("children", [])))

    scenes = content.get("scenes")
    roots = scenes[content.get("scene", 0)].get("nodes", []) if scenes else range(len(nodes))
    return [root for root in roots if has_shapes(root)]


def _eye_tracks(
    store: GltfStore, content: dict[str, Any], places: dict[int, np.ndarray], motion: Motion, bones: dict[str, int]
) -> list[tuple[int, str, int]]:
    weights, names = motion.shape_weights(), motion.head.shape_names
    turn = motion.head.placement / np.cbrt(np.linalg.det(motion.head.placement))

    def column(name: str) -> np.ndarray:
        return weights[:, names.index(name)].astype(np.float64)

    tracks = []
    for side, to_left, to_right in (("Left", "Out", "In"), ("Right", "In", "Out")):
        if f"{side.lower()}Eye" not in bones:
            continue
        yaw = LOOK_SIDEWAYS * (column(f"eyeLook{to_left}{side}") - column(f"eyeLook{to_right}{side}"))
        pitch = LOOK_DOWN * column(f"eyeLookDown{side}") - LOOK_UP * column(f"eyeLookUp{side}")
        looks = Rotation.from_euler("YX", np.stack([yaw, pitch], axis=1)).as_matrix()
        node = bones[f"{side.lower()}Eye"]
        turns = Rotation.from_matrix(turn.T @ looks @ turn)
        tracks.append((node, "rotation", _turned(store, content, places, node, turns)))
    return tracks


def _turned(
    store: GltfStore, content: dict[str, Any], places: dict[int, np.ndarray], node: int, turns: Rotation
) -> int:
    """Accessor of a node's rotations that turn it by `turns` of the scene about its own place."""
    rest = _separate(content["nodes"][node])
    local = np.eye(4)
    local[:3, :3] = Rotation.from_quat(rest["rotation"]).as_matrix() * rest["scale"]
    local[:3, 3] = rest["translation"]
    above = (places[node] @ np.linalg.inv(local))[:3, :3]
    parent = Rotation.from_matrix(above / np.linalg.norm(above, axis=0))
    return store.add(_quaternions(parent.inv() * turns * parent * Rotation.from_quat(rest["rotation"])))


def _quaternions(turns: Rotation) -> np.ndarray:
    """(T, 4) float32, neighbours on the same side of the sphere, so that players turn the shorter way."""
    values = turns.as_quat()
    flips = np.cumprod(np.where((values[1:] * values[:-1]).sum(1) < 0, -1.0, 1.0))
    values[1:] *= flips[:, None]
    return values.astype(np.float32)


def _separate(node: dict[str, Any]) -> dict[str, Any]:
    """Translation, rotation and scale of a node; a matrix is replaced by them, as glTF wants of nodes that move."""
    if "matrix" in node:
        matrix = local_matrix(node)
        scale = np.linalg.norm(matrix[:3, :3], axis=0)
        del node["matrix"]
        node["translation"] = matrix[:3, 3].tolist()
        node["rotation"] = Rotation.from_matrix(matrix[:3, :3] / scale).as_quat().tolist()
        node["scale"] = scale.tolist()
    return {
        "translation": node.get("translation", [0.0, 0.0, 0.0]),
        "rotation": node.get("rotation", [0.0, 0.0, 0.0, 1.0]),
        "scale": node.get("scale", [1.0, 1.0, 1.0]),
    }
