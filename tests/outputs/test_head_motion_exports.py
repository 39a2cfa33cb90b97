"""Head motion in glTF, USD and the page: other readers put the vertices where the film puts them."""

import json
import subprocess

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.custom import load_custom_head
from sedtalker_cli.face.head import load_head
from sedtalker_cli.motion.head_motion import head_motion, neck_tracks
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.motion.reading import read_head_motion
from sedtalker_cli.outputs.exports.glb import build_glb
from sedtalker_cli.outputs.exports.registry import write_exports
from tests.commands import call
from tests.conftest import ROOT
from tests.face.meshes import unpack
from tests.motion.speech import syllables
from tests.outputs.gltf_reading import posed, read_accessor

FPS, FRAMES = 25, 40
SHOWN = (7, 31)


@pytest.fixture(scope="module")
def motion() -> Motion:
    head = load_head("anna")
    weights = np.random.default_rng(0).uniform(0, 1, (FRAMES, 52)).astype(np.float32)
    moved = head_motion(FRAMES, FPS, 1, syllables(FPS, FRAMES / FPS), np.ones(FRAMES))
    return Motion(head, FPS, FRAMES, lambda: head.stream(weights, 16), weights, moved)


def in_the_film(motion: Motion, frame: int) -> np.ndarray:
    """(V, 3) where `render.picture.Face` draws the vertices."""
    matrix = motion.head_motion[frame]
    return motion.head.vertices(motion.weights[frame]) @ matrix[:3, :3].T + matrix[:3, 3]


def test_the_motion_can_be_seen(motion):
    for frame in SHOWN:
        rest = motion.head.vertices(motion.weights[frame])
        assert np.linalg.norm(in_the_film(motion, frame) - rest, axis=1).max() > 1e-3


def test_glb_in_pygltflib(motion, tmp_path):
    pygltflib = pytest.importorskip("pygltflib")
    write_exports(tmp_path / "a", motion, ("glb",))
    gltf = pygltflib.GLTF2().load(tmp_path / "a.glb")
    animation = gltf.animations[0]
    tracks = {
        c.target.path: (c.target.node, read_accessor(gltf, animation.samplers[c.sampler].output))
        for c in animation.channels
    }
    assert set(tracks) == {"weights", "translation", "rotation"}
    neck = gltf.nodes[gltf.scenes[gltf.scene].nodes[0]]
    assert neck.name == "neck" and {tracks["translation"][0], tracks["rotation"][0]} == {gltf.nodes.index(neck)}
    child = gltf.nodes[neck.children[0]]
    assert child.mesh == 0 and tracks["weights"][0] == neck.children[0]
    np.testing.assert_allclose(np.add(neck.translation, child.translation), 0, atol=1e-12)  # at rest it stays
    turns = tracks["rotation"][1]
    np.testing.assert_allclose(np.linalg.norm(turns, axis=1), 1, atol=1e-6)
    assert (turns[:, 3] >= 0).all()
    weights = tracks["weights"][1].reshape(FRAMES, -1)
    for frame in SHOWN:
        corners = posed(gltf, weights[frame]) + child.translation
        shown = Rotation.from_quat(turns[frame]).apply(corners) + tracks["translation"][1][frame]
        np.testing.assert_allclose(shown, in_the_film(motion, frame)[motion.head.faces.ravel()], atol=1e-6)


def test_usd_in_usd_core(motion, tmp_path):
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom, UsdSkel

    write_exports(tmp_path / "a", motion, ("usd",))
    stage = Usd.Stage.Open(str(tmp_path / "a.usd"))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Head/Face"))
    UsdSkel.BakeSkinning(UsdSkel.Root(stage.GetPrimAtPath("/Head")))
    for frame in SHOWN:
        to_world = np.array(UsdGeom.Imageable(mesh).ComputeLocalToWorldTransform(frame))
        shown = np.array(mesh.GetPointsAttr().Get(frame), float) @ to_world[:3, :3] + to_world[3, :3]
        np.testing.assert_allclose(shown, in_the_film(motion, frame), atol=1e-5)


def run_page_script(glb, times: list[float]) -> list[list[float]]:
    """What the page's own reader makes of a file: the head's matrix at each time, column by column."""
    code = (
        (ROOT / "sedtalker_cli/outputs/page/gltf.js").read_text()
        + "const data = require('fs').readFileSync(process.argv[2]);\n"
        + "const model = readGltf(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));\n"
        + "console.log(JSON.stringify(JSON.parse(process.argv[3]).map((time) => placement(model, time))));\n"
    )
    command = ["node", "-", str(glb), json.dumps(times)]
    return json.loads(subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout)


@pytest.mark.needs("node")
def test_page_script_moves_the_head(motion, tmp_path):
    (tmp_path / "a.glb").write_bytes(
        build_glb(motion.head, motion.weights, FPS, neck=motion.neck_tracks(), split=False)
    )
    times = [frame / FPS for frame in SHOWN] + [(SHOWN[0] + 0.5) / FPS, 1e6]
    found = [np.reshape(matrix, (4, 4)).T for matrix in run_page_script(tmp_path / "a.glb", times)]
    for matrix, frame in zip(found, (*SHOWN, None, FRAMES - 1), strict=True):
        if frame is not None:
            np.testing.assert_allclose(matrix, motion.head_motion[frame], atol=2e-6)
    between = motion.head_motion[SHOWN[0] : SHOWN[0] + 2].mean(0)
    np.testing.assert_allclose(found[2], between, atol=1e-4)
    (tmp_path / "still.glb").write_bytes(build_glb(motion.head, motion.weights, FPS, split=False))
    np.testing.assert_array_equal(np.reshape(run_page_script(tmp_path / "still.glb", [0.3])[0], (4, 4)), np.eye(4))


def test_turns_have_one_sign_for_any_rotation():
    turns = np.tile(np.eye(4), (50, 1, 1))
    turns[:, :3, :3] = Rotation.random(50, random_state=0).as_matrix()
    turns[:, :3, 3] = np.random.default_rng(0).normal(size=(50, 3))
    pivot = np.array([0.1, 1.6, -0.2])
    tracks = neck_tracks(turns, pivot)
    assert (tracks.turns[:, 3] >= 0).all()
    point = np.array([0.3, 1.5, 0.4])
    shown = Rotation.from_quat(tracks.turns).apply(point - pivot) + tracks.places
    np.testing.assert_allclose(shown, (turns @ np.append(point, 1))[:, :3], atol=1e-6)


@pytest.mark.parametrize("spoil", [lambda m: m.__setitem__((2, 0, 0), 1.5), lambda m: m.__setitem__((2, 3, 0), 0.5)])
def test_matrices_that_are_not_rigid_are_one_line(motion, tmp_path, spoil):
    motion = np.array(motion.head_motion)
    np.save(tmp_path / "a.head.npy", motion)
    facts = {"head_motion_file": "a.head.npy"}
    np.testing.assert_array_equal(read_head_motion(tmp_path / "a.npy", facts, FRAMES), motion)
    spoil(motion)
    np.save(tmp_path / "a.head.npy", motion)
    with pytest.raises(InputError, match=r"a\.head\.npy: frame 2 is not rigid"):
        read_head_motion(tmp_path / "a.npy", facts, FRAMES)


def test_animate_and_render_write_the_same_scene(tmp_path, sound, fake_models):
    call("animate", sound, "--head-motion", "on", "--export", "glb", "-o", tmp_path / "out")
    call("render", tmp_path / "out/speech.npy", "--export", "glb", "-o", tmp_path / "again")
    contents = [unpack(tmp_path / folder / "speech.glb") for folder in ("out", "again")]
    assert [node["name"] for node in contents[0][0]["nodes"]] == ["sedtalker-head", "neck"]
    assert contents[0] == contents[1]
    head = load_custom_head(tmp_path / "out/speech.glb")  # at rest it is where it was
    own = load_head()
    np.testing.assert_allclose(head.neutral[head.faces.ravel()], own.neutral[own.faces.ravel()], atol=1e-6)
