"""Exported files as three.js and three-vrm open and play them, by the recipe of the documentation."""

import json
import subprocess

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sedtalker_cli.emotion.timeline import EmotionTimeline
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.custom import load_custom_head
from sedtalker_cli.face.head import load_head
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.outputs.exports.registry import write_exports
from tests.needs import NODE
from tests.outputs.test_avatars import act, skinned

pytestmark = pytest.mark.needs("three")
FPS, FRAMES, SHOWN = 30, 15, 9


def run(script: str, *arguments) -> dict:
    command = ["node", str(NODE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def matrix(columns: list[float]) -> np.ndarray:
    """As three.js keeps it."""
    return np.reshape(columns, (4, 4)).T


@pytest.fixture(scope="module")
def motion() -> Motion:
    head = load_head("anna")
    weights = np.random.default_rng(0).uniform(0, 1, (FRAMES, 52)).astype(np.float32)
    moved = np.tile(np.eye(4, dtype=np.float32), (FRAMES, 1, 1))
    moved[:, :3, :3] = Rotation.from_euler("yx", np.outer(np.arange(FRAMES), (0.02, -0.01))).as_matrix()
    posteriors = np.tile([0.0, 1.0, 0.0], (25, 1))
    timeline = EmotionTimeline.from_posteriors(("angry", "happy", "neutral"), posteriors, np.full(25, 0.6), 0.5)
    return Motion(head, FPS, FRAMES, lambda: head.stream(weights), weights, moved, timeline)


def test_the_recipe_plays_weights_and_turns_the_head(motion, tmp_path):
    write_exports(tmp_path / "a", motion, ["glb"])
    found = run("three_reads.mjs", tmp_path / "a.glb", json.dumps([SHOWN / FPS, (SHOWN + 0.5) / FPS]), 0)
    assert found["clip"] == "speech" and found["duration"] == pytest.approx((FRAMES - 1) / FPS, abs=1e-6)
    expected = [motion.weights[SHOWN], motion.weights[SHOWN : SHOWN + 2].mean(0)]
    for shown, weights in zip(found["shown"], expected, strict=True):
        assert len(shown["weights"]) == len(motion.head.parts)
        for values in shown["weights"].values():
            assert len(values) > 45
            for name, value in values.items():
                assert value == pytest.approx(weights[ARKIT_INDEX[name]], abs=1e-4), name
    at_frame = found["shown"][0]
    np.testing.assert_allclose(matrix(at_frame["nodes"]["neck"])[:3, :3], motion.head_motion[SHOWN, :3, :3], atol=1e-5)
    # the first vertex of each part is where a film has it
    place = motion.head_motion[SHOWN]
    film = motion.head.vertices(motion.weights[SHOWN]) @ place[:3, :3].T + place[:3, 3]
    first = [np.unique(motion.head.faces[slice(*span)])[0] for span in motion.head.parts.values()]
    assert len(at_frame["places"]) == len(first)
    np.testing.assert_allclose([*at_frame["places"].values()], film[first], atol=2e-5)


@pytest.mark.parametrize("vrm", [False, True], ids=["skinned", "vrm"])
def test_avatars_play_and_a_vrm_stays_one(tmp_path, vrm):
    source = skinned(tmp_path / ("me.vrm" if vrm else "me.glb"), vrm=vrm)
    motion = act(load_custom_head(source))
    write_exports(tmp_path / "out", motion, ["glb"])
    frame = 13
    found = run("three_reads.mjs", tmp_path / "out.glb", json.dumps([0, frame / motion.fps]))
    if vrm:
        assert found["vrm"]["version"] == "1" and found["vrm"]["head"] == "mixamorigHead"
        assert set(found["vrm"]["expressions"]) >= set(ARKIT_NAMES)
    else:
        assert found["vrm"] is None
    rest, shown = found["shown"]
    for part in ("part0", "part1"):
        for name, value in shown["weights"][part].items():
            assert value == pytest.approx(motion.weights[frame, ARKIT_INDEX[name]], abs=1e-5)
    head, hips = "mixamorigHead", "Hips"  # three.js takes the colon out
    before, after = (matrix(state["nodes"][head])[:3, :3] for state in (rest, shown))
    turned = np.linalg.norm(Rotation.from_matrix(after @ before.T).as_rotvec())
    wanted = Rotation.from_matrix(motion.head_motion[[0, frame], :3, :3]).as_matrix()
    assert turned == pytest.approx(np.linalg.norm(Rotation.from_matrix(wanted[1] @ wanted[0].T).as_rotvec()), abs=1e-4)
    assert turned > 0.1 and rest["nodes"][hips] == shown["nodes"][hips]


def test_a_vrm_avatar_plays_the_vrm_animation(motion, tmp_path):
    avatar = skinned(tmp_path / "me.vrm", vrm=True)
    write_exports(tmp_path / "a", motion, ["vrma", "vrma-arkit"])
    found = run("vrma_plays.mjs", avatar, tmp_path / "a.arkit.vrma", SHOWN / FPS)
    assert found["duration"] == pytest.approx((FRAMES - 1) / FPS, abs=1e-6)
    for name in ARKIT_NAMES:
        assert found["values"][name] == pytest.approx(motion.weights[SHOWN, ARKIT_INDEX[name]], abs=1e-4), name
    still = run("vrma_plays.mjs", avatar, tmp_path / "a.arkit.vrma", 0)
    turn = Rotation.from_quat(found["head"]) * Rotation.from_quat(still["head"]).inv()
    wanted = Rotation.from_matrix(motion.head_motion[SHOWN, :3, :3] @ motion.head_motion[0, :3, :3].T)
    assert turn.magnitude() == pytest.approx(wanted.magnitude(), abs=1e-4)
