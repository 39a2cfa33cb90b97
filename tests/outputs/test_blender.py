"""Blender's recipes, followed in Blender: the GLB of a motion opened, and turned into an FBX file."""

import json
import subprocess

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.head import load_head
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.outputs.exports.registry import write_exports
from tests.conftest import ROOT
from tests.needs import blender_command

RECIPE = ROOT / "docs/tools/fbx_from_glb.py"
FPS, FRAMES, SHOWN = 30, 12, 7


@pytest.fixture(scope="module")
def motion() -> Motion:
    head = load_head()
    weights = np.random.default_rng(0).uniform(0, 0.8, (FRAMES, 52)).astype(np.float32)
    moved = np.tile(np.eye(4, dtype=np.float32), (FRAMES, 1, 1))
    moved[:, :3, :3] = Rotation.from_euler("yx", np.outer(np.arange(FRAMES), (0.02, -0.01))).as_matrix()
    return Motion(head, FPS, FRAMES, lambda: head.stream(weights), weights, moved)


def run(script, *arguments) -> str:
    done = subprocess.run([*blender_command(script), "--", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.needs("blender")
def test_blender_opens_the_glb_as_the_recipe_says(motion, tmp_path):
    write_exports(tmp_path / "speech", motion, ["glb"])
    said = run(ROOT / "tests/blender/gltf_imports.py", tmp_path / "speech.glb", FPS, SHOWN)
    found = json.loads(next(line for line in said.splitlines() if line.startswith("FOUND "))[6:])
    ((_, keys),) = found["keys"].items()
    assert len(keys) > 45
    for name, value in keys.items():
        assert value == pytest.approx(motion.weights[SHOWN, ARKIT_INDEX[name]], abs=1e-4), name
    assert "neck" in found["places"] and set(found["materials"]) >= set(motion.head.parts)
    # what is shown lies where a film shows it, z up
    place = motion.head_motion[SHOWN]
    film = motion.head.vertices(motion.weights[SHOWN]) @ place[:3, :3].T + place[:3, 3]
    ((_, shown),) = found["first"].items()
    from scipy.spatial import cKDTree

    shown = np.array(shown)[:, [0, 2, 1]] * (1, 1, -1)
    assert cKDTree(film).query(shown)[0].max() < 2e-5
    assert cKDTree(shown).query(film)[0].max() < 2e-5


@pytest.mark.slow
@pytest.mark.needs("blender")
def test_blender_makes_an_fbx_file(motion, tmp_path):
    write_exports(tmp_path / "a", motion, ["glb"])
    run(RECIPE, tmp_path / "a.glb", tmp_path / "a.fbx", FPS)
    content = (tmp_path / "a.fbx").read_bytes()
    assert content.startswith(b"Kaydara FBX Binary")
    for name in ARKIT_NAMES[:20]:
        assert name.encode() in content
    assert content.count(b"AnimationCurveNode") > 1


def test_the_recipe_is_a_script_that_compiles():
    compile(RECIPE.read_text(encoding="utf-8"), str(RECIPE), "exec")
    assert f"docs/tools/{RECIPE.name}" in (ROOT / "docs/guide/exports.md").read_text(encoding="utf-8")
