"""VRM animations (`.vrma`, VRMC_vrm_animation 1.0): expressions and the turn of the head, for any VRM avatar.

A glTF binary without a mesh: a skeleton in VRM's T pose, and a node for each expression, whose weight is the x of its
translation. There are two kinds, since an avatar that has both kinds of expressions would move twice:
presets (aa ih ou ee oh, blinks, emotions), which every VRM has, and ARKit's 52 ("perfect sync").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sedtalker_cli.face.visemes import VISEMES, viseme_weights
from sedtalker_cli.formats.gltf_writing import GltfStore, pack_glb
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.outputs.exports.glb import animation

# Bone, the one that carries it, and its place from there [m], left ones; right ones are mirrored.
SPINE = (("hips", None, (0, 0.95, 0)), ("spine", "hips", (0, 0.12, 0)), ("head", "spine", (0, 0.5, 0)))
LIMBS = (
    ("UpperLeg", "hips", (0.09, -0.05, 0)),
    ("LowerLeg", "UpperLeg", (0, -0.4, 0)),
    ("Foot", "LowerLeg", (0, -0.42, 0)),
    ("UpperArm", "spine", (0.16, 0.36, 0)),
    ("LowerArm", "UpperArm", (0.27, 0, 0)),
    ("Hand", "LowerArm", (0.25, 0, 0)),
)
EMOTIONS = {"happy": "happy", "angry": "angry", "sad": "sad", "surprise": "surprised"}  # VRM's names by ours


def build_vrma(motion: Motion, arkit: bool = False) -> bytes:
    """Make the file's content.

    Args:
        motion: with coefficients; with its emotions, presets show them.
        arkit: whether to move ARKit's 52 instead of the presets.
    """
    nodes, bones = _skeleton()
    roots = [bones["hips"]]
    store = GltfStore()
    times = store.add((np.arange(motion.frames) / motion.fps).astype(np.float32), bounds=True)
    tracks = []
    if motion.head_motion is not None:
        neck = motion.neck_tracks()
        assert neck is not None
        tracks.append((bones["head"], "rotation", store.add(neck.turns)))
    names: dict[str, Any] = {}
    for name, values in (_perfect_sync(motion) if arkit else _presets(motion)).items():
        roots.append(len(nodes))
        names[name] = {"node": len(nodes)}
        nodes.append({"name": name})
        places = np.zeros((motion.frames, 3), np.float32)
        places[:, 0] = np.clip(values, 0, 1)
        tracks.append((names[name]["node"], "translation", store.add(places)))
    facts = {
        "specVersion": "1.0",
        "humanoid": {"humanBones": {bone: {"node": node} for bone, node in bones.items()}},
        "expressions": {"custom" if arkit else "preset": names},
    }
    body = store.body
    content = {
        "asset": {"version": "2.0", "generator": "sedtalker"},
        "extensionsUsed": ["VRMC_vrm_animation"],
        "extensions": {"VRMC_vrm_animation": facts},
        "scene": 0,
        "scenes": [{"nodes": roots}],
        "nodes": nodes,
        "animations": [animation("speech", times, tracks)],
        "accessors": store.accessors,
        "bufferViews": store.views,
        "buffers": [{"byteLength": len(body)}],
    }
    return pack_glb(content, body)


def _skeleton() -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Nodes of the bones that VRM requires, and their indices by name."""
    nodes: list[dict[str, Any]] = []
    bones: dict[str, int] = {}

    def add(name: str, carrier: str | None, place: tuple[float, ...]) -> None:
        bones[name] = len(nodes)
        nodes.append({"name": name, "translation": list(place)})
        if carrier is not None:
            nodes[bones[carrier]].setdefault("children", []).append(bones[name])

    for name, carrier, place in SPINE:
        add(name, carrier, place)
    for side, sign in (("left", 1), ("right", -1)):
        for name, carrier, (x, y, z) in LIMBS:
            add(side + name, carrier if carrier in bones else side + carrier, (sign * x, y, z))
    return nodes, bones


def _perfect_sync(motion: Motion) -> dict[str, np.ndarray]:
    weights = motion.shape_weights()
    return {name: weights[:, k] for k, name in enumerate(motion.head.shape_names)}


def _presets(motion: Motion) -> dict[str, np.ndarray]:
    weights, names = motion.shape_weights(), motion.head.shape_names
    found = dict(zip(VISEMES, viseme_weights(weights, names).T, strict=True))
    for side in ("Left", "Right"):
        found[f"blink{side}"] = weights[:, names.index(f"eyeBlink{side}")]
    timeline = motion.timeline
    if timeline is not None:
        posteriors, intensity = timeline.sample(np.arange(motion.frames) / motion.fps)
        for ours, preset in EMOTIONS.items():
            if ours in timeline.classes:
                found[preset] = posteriors[:, timeline.classes.index(ours)] * intensity
    return found
