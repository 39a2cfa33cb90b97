"""The recipe for FBX: Blender turns the GLB of a motion into an FBX file with shape keys and their curves."""

import subprocess

import pytest

from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.formats.motion import write_array
from sedtalker_cli.motion.reading import read_motion
from sedtalker_cli.outputs.exports.registry import write_exports
from tests.conftest import ROOT
from tests.motions import write_talk

SCRIPT = ROOT / "docs/tools/fbx_from_glb.py"


@pytest.mark.slow
@pytest.mark.needs("blender")
def test_blender_makes_an_fbx_file(tmp_path):
    import numpy as np

    path = write_talk(tmp_path, fps=30, frames=12)
    weights = np.zeros((12, 52), np.float32)
    weights[:, ARKIT_NAMES.index("jawOpen")] = np.linspace(0, 0.8, 12)
    write_array(tmp_path / "a.weights.npy", weights)
    write_exports(tmp_path / "a", read_motion(path), ["glb"])
    command = ["blender", "--background", "--factory-startup", "--python-exit-code", "1", "--python", str(SCRIPT)]
    done = subprocess.run([*command, "--", str(tmp_path / "a.glb"), str(tmp_path / "a.fbx"), "30"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    content = (tmp_path / "a.fbx").read_bytes()
    assert content.startswith(b"Kaydara FBX Binary")
    for name in ("jawOpen", "eyeBlinkLeft", "mouthSmileRight"):
        assert name.encode() in content
    assert content.count(b"AnimationCurveNode") > 1


def test_the_recipe_is_a_script_that_compiles():
    compile(SCRIPT.read_text(encoding="utf-8"), str(SCRIPT), "exec")
    assert f"docs/tools/{SCRIPT.name}" in (ROOT / "docs/guide/exports.md").read_text(encoding="utf-8")
