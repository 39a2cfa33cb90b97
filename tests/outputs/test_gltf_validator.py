"""Exported files as glTF's own validator judges them: no errors, no warnings."""

import json
import subprocess

import numpy as np
import pytest

from sedtalker_cli.face.custom import load_custom_head
from sedtalker_cli.face.head import load_head
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.outputs.exports.registry import write_exports
from tests.face.meshes import unpack
from tests.face.textured import plate
from tests.needs import NODE
from tests.outputs.test_avatars import LAYOUTS, act

pytestmark = pytest.mark.needs("three")


def complaints(*paths) -> dict[str, list[str]]:
    """Errors and warnings by the name of the file."""
    command = ["node", str(NODE / "validate.mjs"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {path: said for path, said in json.loads(done.stdout).items() if said}


def test_files_of_heads(tmp_path):
    motion = act(load_head())
    write_exports(tmp_path / "shipped", motion, ["glb", "vrma", "vrma-arkit"])
    # a .gltf head is written anew, with its picture
    content, body = unpack(plate(tmp_path / "me.glb", alpha=True, alphaMode="MASK"))
    (tmp_path / "me.bin").write_bytes(body)
    content["buffers"][0] |= {"uri": "me.bin"}
    (tmp_path / "me.gltf").write_text(json.dumps(content))
    head, weights = load_custom_head(tmp_path / "me.gltf"), np.zeros((3, 52), np.float32)
    write_exports(tmp_path / "textured", Motion(head, 30, 3, lambda: head.stream(weights), weights), ["glb"])
    names = ("shipped.glb", "shipped.vrma", "shipped.arkit.vrma", "textured.glb")
    assert complaints(*(tmp_path / name for name in names)) == {}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_avatars_stay_valid(tmp_path, layout):
    source = LAYOUTS[layout](tmp_path)
    write_exports(tmp_path / "out", act(load_custom_head(source)), ["glb"])
    assert complaints(source, tmp_path / "out.glb") == {}


def test_the_validator_finds_what_is_wrong(tmp_path):
    source = plate(tmp_path / "me.glb")
    source.write_bytes(source.read_bytes().replace(b'"VEC3"', b'"VEC2"', 1))
    assert complaints(source)
