"""`--head` and `--export` through the commands."""

import json

import numpy as np
import pytest

from sedtalker_cli.face.head import load_head
from sedtalker_cli.formats.gltf_writing import write_glb
from sedtalker_cli.formats.obj import write_obj
from sedtalker_cli.outputs.exports.glb import build_glb
from tests.commands import MOTION_FILES, call, made
from tests.conftest import write_sound
from tests.face.meshes import flame_like


@pytest.fixture(scope="module")
def glb(tmp_path_factory):
    path = tmp_path_factory.mktemp("head") / "me.glb"
    head = load_head("kofi")
    write_glb(path, build_glb(head, np.zeros((1, 52), np.float32), 30))
    return path


@pytest.fixture
def animated(tmp_path, glb, fake_models):
    """A motion of the user's head in `out/`, the head in `heads/`."""
    (tmp_path / "heads").mkdir()
    (tmp_path / "heads/me.glb").write_bytes(glb.read_bytes())
    sound = write_sound(tmp_path / "speech.wav", 0.4)
    call("animate", sound, "--head", tmp_path / "heads/me.glb", "-o", tmp_path / "out", "--export", "arkit-csv, glb")
    return tmp_path


def test_animate_names_the_head_and_render_finds_it(animated):
    out = animated / "out"
    assert made(out) == sorted([*MOTION_FILES, "speech.arkit.csv", "speech.glb"])
    sidecar = json.loads((out / "speech.json").read_text())
    assert (sidecar["head"], sidecar["head_file"]) == ("me.glb", "../heads/me.glb")
    assert len(sidecar["head_sha256"]) == 64
    assert np.load(out / "speech.npy").shape == (12, sidecar["vertices"], 3)
    call("render", out / "speech.npy", "-o", animated / "films", "--size", "96x96", "--sheet", "--frames", "4")
    assert made(animated / "films") == ["speech.sheet.png"]
    (animated / "moved").mkdir()
    for name in ("heads", "out"):
        (animated / name).rename(animated / "moved" / name)
    motion = animated / "moved/out/speech.npy"
    call("render", motion, "-o", animated / "again", "--export", "mdd")
    source = animated / "moved/heads/me.glb"
    source.write_bytes(source.read_bytes()[:-4] + b"\1\1\1\1")
    result = call("render", motion, "-o", animated / "x", "--export", "mdd", expect=1)
    assert "was changed since" in result.stderr
    source.unlink()
    result = call("render", motion, "-o", animated / "x", "--export", "mdd", expect=1)
    assert "me.glb is not there; put it back, or name it with --head" in result.stderr
    assert not (animated / "x").exists()


def test_render_exports_what_animate_exports(animated):
    out = animated / "out"
    call("render", out / "speech.npy", "-o", animated / "again", "--export", "glb", "--export", "arkit-csv")
    assert made(animated / "again") == ["speech.arkit.csv", "speech.glb"]
    for name in made(animated / "again"):
        assert (animated / "again" / name).read_bytes() == (out / name).read_bytes(), name
    result = call("render", out / "speech.npy", "-o", animated / "again", "--export", "glb", expect=2)
    assert "already exist" in result.stderr
    arguments = ("render", out / "speech.npy", "-o", animated / "again", "--export", "glb,arkit-csv", "--resume")
    assert "skipped" in call(*arguments).stderr
    weights = np.load(out / "speech.weights.npy")
    np.save(out / "speech.weights.npy", weights * np.float32(0.5))
    assert "made with another input" in call(*arguments).stderr


def test_an_export_does_not_replace_the_head(animated):
    head = animated / "out/speech.glb"
    sound = animated / "speech.wav"
    result = call("animate", sound, "--head", head, "-o", animated / "out", "--export", "glb", "--overwrite", expect=2)
    assert "speech.glb is an input and would be replaced" in result.stderr


def test_exports_need_coefficients(animated):
    (animated / "out/speech.weights.npy").unlink()
    result = call("render", animated / "out/speech.npy", "-o", animated / "x", "--export", "glb", expect=1)
    assert "speech.npy: has vertices only" in result.stderr
    call("render", animated / "out/speech.npy", "-o", animated / "x", "--export", "pc2")
    assert made(animated / "x") == ["speech.neutral.obj", "speech.pc2"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--head", "none.glb"], "--head none.glb: does not exist"),
        (["--head", "me.glb", "--identity", "anna"], "leave it out with --head"),
        (["--head", "flame.obj"], "template without shapes"),
        (["--export", "glb,fbx"], "'fbx' is unknown"),
    ],
)
def test_wrong_usage(tmp_path, glb, fake_models, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    write_sound(tmp_path / "speech.wav", 0.4)
    (tmp_path / "me.glb").write_bytes(glb.read_bytes())
    write_obj(tmp_path / "flame.obj", *flame_like())
    result = call("animate", "speech.wav", *arguments, "-o", "out", expect=2)
    assert said in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_identity_of_a_row_does_not_go_with_a_head(tmp_path, glb, fake_models):
    write_sound(tmp_path / "speech.wav", 0.4)
    (tmp_path / "list.csv").write_text(f"path,identity\n{tmp_path}/speech.wav,anna\n")
    result = call("animate", "--list", tmp_path / "list.csv", "--head", glb, "-o", tmp_path / "out", expect=2)
    assert "speech.wav: identity 'anna' is for the built-in head" in result.stderr


def test_vertices_of_another_model_are_shown_on_their_template(tmp_path):
    vertices, faces = flame_like()
    write_obj(tmp_path / "subject.obj", vertices, faces)
    motion = np.repeat(vertices[None].astype(np.float32), 3, axis=0)
    motion[2] += 0.01
    np.save(tmp_path / "a.npy", motion)
    (tmp_path / "a.json").write_text('{"fps": 25}')
    arguments = ("render", tmp_path / "a.npy", "-o", tmp_path / "out", "--size", "96x96")
    assert "5023 vertices, sedtalker-head has" in call(*arguments, expect=1).stderr
    call(*arguments, "--head", tmp_path / "subject.obj")
    assert made(tmp_path / "out") == ["a.mp4"]
