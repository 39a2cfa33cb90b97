"""Heads from elsewhere: absurd counts, files outside their folder, pictures that would start programs."""

import base64
import json
import os
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.custom import load_custom_head
from sedtalker_cli.face.landmarks import metres
from sedtalker_cli.formats.gltf import read_gltf
from tests.hostile.small_heads import BODY, HEAD, glb


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_custom_head(path)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)
    return str(caught.value)


def changed(path: Path, change) -> Path:
    """The small head with a change, as a GLB."""
    content = json.loads(json.dumps(HEAD))
    change(content)
    path.write_bytes(glb(json.dumps(content).encode(), BODY))
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["accessors"][0].update(count=2**31), "2147483648 elements"),
        (lambda c: c["accessors"][0].update(count=10**30), "1e.30 elements"),
        (lambda c: c["accessors"][0].update(count=5), "damaged"),
        (lambda c: c["accessors"][1].update(count=-3), "-3 elements"),
        (lambda c: c["accessors"][0].update(byteOffset=-12), "damaged"),
        (lambda c: c["accessors"][0].update(byteOffset=10**30), "damaged"),
        (lambda c: c["bufferViews"][0].update(byteOffset=-20), "before its buffer"),
        (lambda c: c["bufferViews"][0].update(byteLength=10), "damaged"),
        (lambda c: c["bufferViews"][0].update(buffer=-1), "no index of buffers"),
        (lambda c: c["nodes"][1].update(mesh=-1), "no index of meshes"),
        (lambda c: c["scenes"][0].update(nodes=[-2]), "no index of nodes"),
        (lambda c: c["meshes"][0]["primitives"][0].update(targets=[{"POSITION": 99}] * 2), "damaged"),
        (lambda c: c["meshes"][0]["primitives"][0]["targets"][0].update(POSITION=-1), "no index of accessors"),
        (lambda c: c["meshes"][0]["primitives"][0].pop("targets"), "has no shape to move it"),
        (lambda c: c["nodes"][0].update(scale=[1e300] * 3), "not finite, or absurdly large"),
        (lambda c: c["nodes"][0].update(translation=[1e30, 0, 0]), "not finite, or absurdly large"),
        (lambda c: c["accessors"][6]["sparse"].update(count=2**31), "damaged"),
    ],
)
def test_absurd_gltf(tmp_path, change, said):
    assert re.search(said, refusal(changed(tmp_path / "a.glb", change)))


def test_offsets_that_are_not_finite(tmp_path):
    body = bytearray(BODY)
    place = HEAD["bufferViews"][2]["byteOffset"]
    body[place : place + 4] = np.float32(np.nan).tobytes()
    (tmp_path / "a.glb").write_bytes(glb(json.dumps(HEAD).encode(), bytes(body)))
    assert "shape 'jawOpen' has coordinates that are not finite" in refusal(tmp_path / "a.glb")


def test_small_files_take_little_memory(tmp_path):
    """Vertices that are not in the file (glTF lets them be zeros), and one mesh at many nodes."""

    def empty(content: dict) -> None:
        content["accessors"][0] = {"componentType": 5126, "count": 4_999_998, "type": "VEC3"}
        del content["meshes"][0]["primitives"][0]["indices"]

    tracemalloc.start()
    assert "more than 500000 vertices" in refusal(changed(tmp_path / "empty.glb", empty))
    repeated = [{"mesh": 0}] * 20_000
    assert "more than 1000 pieces" in refusal(
        changed(tmp_path / "many.glb", lambda c: c.update(nodes=repeated, scenes=[{"nodes": [*range(20_000)]}]))
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6e8


def gltf(path: Path, **buffer) -> Path:
    content = json.loads(json.dumps(HEAD))
    content["buffers"] = [{"byteLength": len(BODY), **buffer}]
    path.write_text(json.dumps(content))
    return path


def test_files_outside_of_the_folder_are_not_followed(tmp_path):
    folder = tmp_path / "head"
    (folder / "inner").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(BODY)
    (folder / "inner/own.bin").write_bytes(BODY)
    (folder / "link.bin").symlink_to("../secret.bin")
    assert read_gltf(gltf(folder / "a.gltf", uri="inner/own.bin"))
    assert read_gltf(gltf(folder / "a.gltf", uri="inner/../inner/own.bin"))
    for uri in ("../secret.bin", "..%2fsecret.bin", str(tmp_path / "secret.bin"), "link.bin", "inner/../../secret.bin"):
        assert "outside of its folder" in refusal(gltf(folder / "a.gltf", uri=uri))
    for uri in ("file:///etc/passwd", "http://localhost/a.bin", "a\0b", ""):
        refusal(gltf(folder / "a.gltf", uri=uri))
    os.mkfifo(folder / "pipe.bin")
    assert "is no file" in refusal(gltf(folder / "a.gltf", uri="pipe.bin"))


def test_only_pictures_of_gltf_are_opened(tmp_path, monkeypatch):
    """Pillow hands EPS to a program; such a texture is left out."""
    import subprocess

    monkeypatch.setattr(subprocess, "check_call", lambda *a, **k: pytest.fail("started a program"))
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n"
    uri = "data:image/png;base64," + base64.b64encode(eps).decode()
    path = changed(tmp_path / "a.glb", lambda c: c.update(images=[{"uri": uri}]))
    (piece,) = read_gltf(path)
    assert piece.colors is not None and np.allclose(piece.colors, 1)  # the factor's white


def test_heads_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.glb")
    (tmp_path / "loop.glb").symlink_to("loop.glb")
    (tmp_path / "zero.glb").symlink_to("/dev/zero")
    for name in ("pipe.glb", "loop.glb", "zero.glb", "x" * 300 + ".glb"):
        refusal(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 2147483648\n", "does not exist"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999999999999999\n", "neutral.obj:4: is not a face"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 -9\n", "does not exist"),
        ("v 0 0 nan\n", "neutral.obj:1: is not a vertex"),
        ("v 0 0 1e39\n", "neutral.obj:1: is not a vertex"),
    ],
)
def test_folders_of_objs(tmp_path, text, said):
    (tmp_path / "neutral.obj").write_text(text)
    (tmp_path / "jawOpen.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 2 0\nf 1 2 3\n")
    with pytest.raises(InputError, match=said):
        load_custom_head(tmp_path)


def test_templates(tmp_path, monkeypatch, caplog):
    """A PLY's texture is not looked for; indices and numbers are checked."""
    monkeypatch.setattr("sedtalker_cli.face.custom.TEMPLATES", {3: "three"})
    head = (
        "ply\nformat ascii 1.0\ncomment TextureFile ../../../../etc/passwd\nelement vertex {}\nproperty float x\n"
        "property float y\nproperty float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    )
    path = tmp_path / "a.ply"
    path.write_text(head.format(3) + "0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n")
    assert len(load_custom_head(path).faces) == 1 and not caplog.records
    for text, said in (
        (head.format(3) + "0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n", "does not exist"),
        (head.format(3) + "0 0 0\n1 0 0\n0 1 0\n3 0 1 -1\n", "does not exist"),
        (head.format(3) + "0 0 nan\n1 0 0\n0 1 0\n3 0 1 2\n", "not finite"),
        (head.format(2**31) + "0 0 0\n", "cannot be read|vertices"),
        (head.format(3).replace("ascii", "binary_little_endian") + "x", "cannot be read"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=said):
            load_custom_head(path)


@pytest.mark.filterwarnings("error")
def test_size_of_a_head_that_has_none():
    """Numbers near the smallest that there are: no power of ten brings such a head to metres."""
    tiny = np.array([[0, 0, 0], [4.6e-41, 0, 0], [0, 4.6e-41, 0]], np.float32)
    assert metres(tiny, np.zeros((52, 3, 3), np.float32)) == 1.0


PAGE, POINTER = b"<!DOCTYPE html>\n<html><head>", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


@pytest.mark.parametrize("name", ["a.glb", "a.gltf", "a.vrm", "a.ply", "a.obj", "a.folder"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PAGE, "is an HTML page, not the file; download it again"),
        (POINTER, "is a Git LFS pointer, not the file itself; fetch it with git lfs pull"),
        (b"PK\x03\x04" + bytes(40), "is a ZIP archive; unpack it first"),
    ],
)
def test_what_only_bears_the_name_of_a_head_is_named(tmp_path, name, content, said):
    path = tmp_path / name
    if name == "a.folder":
        path.mkdir()
        (path / "jawOpen.obj").write_text("v 0 0 0\n")
        path /= "neutral.obj"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_custom_head(tmp_path / name)
    assert str(caught.value) == f"{path}: {said}"


def test_what_only_bears_the_name_of_weights_or_a_motion_is_named(tmp_path):
    from sedtalker_cli.formats.motion import read_frames
    from sedtalker_cli.model.checkpoint import load_state

    for name, read in (("model.safetensors", lambda path: load_state(path.parent)), ("a.npy", read_frames)):
        (tmp_path / name).write_bytes(POINTER)
        with pytest.raises(InputError, match="is a Git LFS pointer, not the file itself; fetch it with git lfs pull"):
            read(tmp_path / name)
