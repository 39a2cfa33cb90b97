"""Avatars that have visemes instead of ARKit's shapes: they talk."""

import logging

import numpy as np
import pytest

from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.custom import load_custom_head
from sedtalker_cli.face.head import load_head
from sedtalker_cli.face.visemes import VISEMES, blink_names, has_visemes, viseme_name, viseme_weights
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.outputs.exports.registry import write_exports
from tests.face.gltf_files import GltfBuilder, piece
from tests.outputs.test_avatars import FPS, FRAMES, parts_of, stays_itself, tracks_of

OCULUS = [f"viseme_{name}" for name in ("sil", "PP", "FF", "DD", "SS", "nn", "aa", "E", "I", "O", "U")]
VROID = ["Fcl_ALL_Joy", *(f"Fcl_MTH_{vowel}" for vowel in "AIUEO"), "Fcl_EYE_Close_L", "Fcl_EYE_Close_R"]
VRM = ["happy", "aa", "ih", "ou", "ee", "oh", "blink"]
POSES = {
    "aa": {"jawOpen": 0.62},
    "ih": {"jawOpen": 0.22, "mouthStretchLeft": 0.2, "mouthStretchRight": 0.2},
    "ou": {"mouthPucker": 0.75, "mouthFunnel": 0.25, "jawOpen": 0.1},
    "ee": {"jawOpen": 0.2, "mouthSmileLeft": 0.3, "mouthSmileRight": 0.3},
    "oh": {"mouthFunnel": 0.45, "mouthPucker": 0.35, "jawOpen": 0.38},
}


def avatar(path, names: list[str]):
    """The built-in head as a file whose shapes are an avatar's visemes and blinks."""
    head = load_head("anna")
    vertices, faces, offsets = piece(head, *parts_of(head)[0])
    shapes = []
    for name in names:
        pose = POSES.get(viseme_name(name), {}) | dict.fromkeys(blink_names(name), 1.0)
        shapes.append(sum((w * offsets[ARKIT_INDEX[shape]] for shape, w in pose.items()), np.zeros_like(vertices)))
    build = GltfBuilder()
    mesh = build.mesh("Face", vertices, faces, np.stack(shapes), names, material="Skin")
    build.node(name="Face", mesh=mesh)
    return build.write(path)


def gap(face, motion) -> np.ndarray:
    """Distance (T,) [m] of the vertices that lie where the built-in head's lips meet."""
    ours = load_head("anna")
    frames = np.concatenate(list(face.stream(motion.weights)))
    lips = []
    for lip in ("upper", "lower"):
        place = ours.neutral[ours.regions[f"inner_lips_{lip}"]].mean(0)
        near = np.argsort(np.linalg.norm(face.neutral - place, axis=1))
        side = [k for k in near[:40] if (face.deltas[ARKIT_INDEX["jawOpen"]][k, 1] < -0.01) == (lip == "lower")]
        lips.append(frames[:, side[0]])
    return np.linalg.norm(lips[0] - lips[1], axis=1)


def speech(head) -> Motion:
    """A mouth that opens, rounds and closes, with a blink."""
    weights = np.zeros((FRAMES, 52), np.float32)
    phase = np.linspace(0, 4 * np.pi, FRAMES)
    weights[:, ARKIT_INDEX["jawOpen"]] = 0.25 * (1 - np.cos(phase))
    weights[FRAMES // 2 :, ARKIT_INDEX["mouthPucker"]] = 0.4
    weights[2:4, [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]] = 1
    return Motion(head, FPS, FRAMES, lambda: head.stream(weights), weights)


@pytest.mark.parametrize("names", [OCULUS, VROID, VRM], ids=["oculus", "vroid", "vrm"])
def test_an_avatar_of_visemes_talks(tmp_path, caplog, names):
    source = avatar(tmp_path / "me.glb", names)
    with caplog.at_level(logging.WARNING, "sedtalker"):
        head = load_custom_head(source)
    assert "has visemes instead of ARKit's mouth shapes" in caplog.text
    motion, ours = speech(head), load_head("anna")
    gaps = [gap(face, motion) for face in (head, ours)]
    assert np.corrcoef(*gaps)[0, 1] > 0.95 and gaps[0].max() > 0.5 * gaps[1].max()
    assert gaps[0][0] == pytest.approx(gaps[1][0], abs=2e-3)  # closed lips stay closed

    write_exports(tmp_path / "out", motion, ("glb",))
    stays_itself(source, tmp_path / "out.glb")
    _, tracks = tracks_of(tmp_path / "out.glb")
    moved = dict(zip(names, tracks["Face", "weights"].reshape(FRAMES, len(names)).T, strict=True))
    wanted = dict(zip(VISEMES, viseme_weights(motion.weights, ARKIT_NAMES).T, strict=True))
    for name, values in moved.items():
        if blink_names(name):
            np.testing.assert_allclose(values, np.isin(np.arange(FRAMES), (2, 3)), atol=1e-6)
        else:
            vowel = wanted.get(viseme_name(name), np.zeros(FRAMES))
            np.testing.assert_allclose(values, vowel, atol=1e-6)
    assert wanted["aa"].max() > 0.3 and wanted["ou"][-3] > 0.3 and wanted["ou"][3] < 0.05


def test_weights_of_vowels_stay_between_0_and_1():
    weights = np.random.default_rng(0).uniform(0, 1, (200, 52)).astype(np.float32)
    found = viseme_weights(weights, ARKIT_NAMES)
    assert found.shape == (200, 5) and found.min() >= 0 and found.max() <= 1
    assert not viseme_weights(np.zeros((1, 52), np.float32), ARKIT_NAMES).any()


def test_weights_of_vowels_by_hand():
    """A jaw half open, then with the lips stretched to one side, then with closed lips; sums of the fitted table."""
    weights = np.zeros((3, 52), np.float32)
    weights[:, ARKIT_NAMES.index("jawOpen")] = 0.5
    weights[1, ARKIT_NAMES.index("mouthStretchLeft")] = 0.4
    weights[2, ARKIT_NAMES.index("mouthClose")] = 0.5
    wanted = [[0.6045, 0.369, 0, 0, 0.0325], [0.4819, 0.7726, 0, 0, 0.0209], [0.073, 0.1465, 0, 0, 0.038]]
    np.testing.assert_allclose(viseme_weights(weights, ARKIT_NAMES), wanted, atol=1e-6)


def test_shapes_of_arkit_come_first(tmp_path, caplog):
    """An avatar that has both is moved by ARKit's shapes; visemes rest."""
    head = load_head("anna")
    vertices, faces, offsets = piece(head, *parts_of(head)[0])
    build = GltfBuilder()
    shapes = np.concatenate([offsets, offsets[:5]])
    mesh = build.mesh("Face", vertices, faces, shapes, [*ARKIT_NAMES, *VISEMES], material="Skin")
    build.node(name="Face", mesh=mesh)
    motion = speech(load_custom_head(build.write(tmp_path / "me.glb")))
    assert "visemes" not in caplog.text
    write_exports(tmp_path / "out", motion, ("glb",))
    _, tracks = tracks_of(tmp_path / "out.glb")
    values = tracks["Face", "weights"].reshape(FRAMES, 57)
    np.testing.assert_allclose(values[:, :52], motion.weights, atol=1e-6)
    assert not values[:, 52:].any()


@pytest.mark.parametrize(
    ("text", "vowel"),
    [
        ("viseme_aa", "aa"),
        ("viseme_E", "ee"),
        ("viseme_U", "ou"),
        ("vrc.v_oh", "oh"),
        ("Fcl_MTH_I", "ih"),
        ("A", "aa"),
        ("viseme_PP", None),
        ("Fcl_EYE_A", None),
        ("jawOpen", None),
        ("", None),
    ],
)
def test_spellings_of_vowels(text, vowel):
    assert viseme_name(text) == vowel
    assert not has_visemes([text])
