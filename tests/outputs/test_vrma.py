"""VRM animations, read as their specification says, with pygltflib."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sedtalker_cli.emotion.timeline import EmotionTimeline
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.head import load_head
from sedtalker_cli.face.visemes import VISEMES, viseme_weights
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.outputs.exports.registry import write_exports
from tests.outputs.gltf_reading import read_accessor

pygltflib = pytest.importorskip("pygltflib")
FPS, FRAMES = 30, 15
SIDED = ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")
REQUIRED = {"hips", "spine", "head", *(f"{side}{bone}" for side in ("left", "right") for bone in SIDED)}


@pytest.fixture(scope="module")
def motion() -> Motion:
    head = load_head("anna")
    weights = np.random.default_rng(0).uniform(0, 1, (FRAMES, 52)).astype(np.float32)
    moved = np.tile(np.eye(4, dtype=np.float32), (FRAMES, 1, 1))
    moved[:, :3, :3] = Rotation.from_euler("y", np.linspace(0, 0.3, FRAMES)[:, None]).as_matrix()
    classes = ("angry", "happy", "neutral")
    posteriors = np.tile([0.0, 1.0, 0.0], (25, 1))
    timeline = EmotionTimeline.from_posteriors(classes, posteriors, np.full(25, 0.6), 0.5)
    return Motion(head, FPS, FRAMES, lambda: head.stream(weights), weights, moved, timeline)


def opened(path):
    """The extension, and the values of the nodes' tracks by node and path."""
    gltf = pygltflib.GLTF2().load_binary(path)
    assert not gltf.meshes and gltf.extensionsUsed == ["VRMC_vrm_animation"] and len(gltf.animations) == 1
    animation = gltf.animations[0]
    tracks = {}
    for channel in animation.channels:
        sampler = animation.samplers[channel.sampler]
        np.testing.assert_allclose(read_accessor(gltf, sampler.input)[:, 0], np.arange(FRAMES) / FPS, atol=1e-6)
        tracks[channel.target.node, channel.target.path] = read_accessor(gltf, sampler.output)
    return gltf, gltf.extensions["VRMC_vrm_animation"], tracks


def test_bones_and_head(motion, tmp_path):
    write_exports(tmp_path / "a", motion, ("vrma",))
    gltf, facts, tracks = opened(tmp_path / "a.vrma")
    bones = {name: bone["node"] for name, bone in facts["humanoid"]["humanBones"].items()}
    assert facts["specVersion"] == "1.0" and set(bones) == REQUIRED
    turns = Rotation.from_quat(tracks[bones["head"], "rotation"]).as_matrix()
    np.testing.assert_allclose(turns, motion.head_motion[:, :3, :3], atol=1e-6)
    assert not [node for node, path in tracks if path == "translation" and node in bones.values()]
    assert all(node.rotation is None and node.scale is None for node in gltf.nodes)


def test_presets(motion, tmp_path):
    write_exports(tmp_path / "a", motion, ("vrma",))
    _, facts, tracks = opened(tmp_path / "a.vrma")
    presets = {
        name: tracks[entry["node"], "translation"][:, 0] for name, entry in facts["expressions"]["preset"].items()
    }
    assert set(presets) == {*VISEMES, "blinkLeft", "blinkRight", "happy", "angry"}
    np.testing.assert_allclose(presets["happy"], 0.6, atol=1e-6)
    vowels = np.stack([presets[name] for name in VISEMES], axis=1)  # as in the GLB of an avatar of vowels
    np.testing.assert_allclose(vowels, viseme_weights(motion.weights, ARKIT_NAMES), atol=1e-6)
    np.testing.assert_allclose(presets["blinkLeft"], motion.weights[:, ARKIT_INDEX["eyeBlinkLeft"]], atol=1e-6)


def test_perfect_sync(motion, tmp_path):
    write_exports(tmp_path / "a", motion, ("vrma-arkit",))
    _, facts, tracks = opened(tmp_path / "a.arkit.vrma")
    assert set(facts["expressions"]["custom"]) == set(ARKIT_NAMES) and "preset" not in facts["expressions"]
    for name, entry in facts["expressions"]["custom"].items():
        np.testing.assert_allclose(
            tracks[entry["node"], "translation"][:, 0], motion.weights[:, ARKIT_INDEX[name]], atol=1e-6
        )
