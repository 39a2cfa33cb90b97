"""`animate --no-vertices`: coefficients and sidecar, from which everything else is made."""

import json

import numpy as np
import pytest
from PIL import Image

from sedtalker_cli.motion.reading import read_motion
from tests.commands import MOTION_FILES, call, made
from tests.conftest import tree, write_sound
from tests.outputs.test_page import read_facts

COEFFICIENT_FILES = sorted(set(MOTION_FILES) - {"speech.npy", "speech.faces.npy"})


@pytest.fixture(scope="module")
def motions(tmp_path_factory):
    """One recording twice: `full/` with vertices, `light/` without; the head moves."""
    from tests.conftest import FakeAnimator, FakeDiarizer, FakeEncoder

    folder = tmp_path_factory.mktemp("motions")
    write_sound(folder / "speech.wav", 0.4)
    with pytest.MonkeyPatch.context() as patch:
        from sedtalker_cli import pipeline

        def load(options=None, **changes):
            return pipeline.Pipeline(FakeEncoder(), FakeDiarizer(), FakeAnimator, "cpu")

        patch.setattr(pipeline.Pipeline, "load", staticmethod(load))
        call("animate", folder / "speech.wav", "-o", folder / "full", "--head-motion", "on")
        call("animate", folder / "speech.wav", "-o", folder / "light", "--head-motion", "on", "--no-vertices")
    return folder


def test_coefficients_and_sidecar_only(motions):
    assert made(motions / "light") == sorted([*COEFFICIENT_FILES, "speech.head.npy"])
    full, light = (json.loads((motions / name / "speech.json").read_text()) for name in ("full", "light"))
    assert full["vertices_file"] == "speech.npy" and light["vertices_file"] is None and "faces_file" not in light
    assert np.array_equal(*(np.load(motions / name / "speech.weights.npy") for name in ("full", "light")))
    assert sum(path.stat().st_size for path in (motions / "light").iterdir() if path.is_file()) < 20_000
    vertices = read_motion(motions / "light/speech.weights.npy").vertices
    assert np.abs(vertices - np.load(motions / "full/speech.npy")).max() < 1e-7


def test_every_export_and_the_page_need_no_vertices(motions, tmp_path):
    pytest.importorskip("pxr")
    formats = "arkit-csv,arkit-npy,glb,mdd,npy,obj,pc2,usd,usdz,vrma,vrma-arkit"
    for name in ("full", "light"):
        given = motions / name / ("speech.npy" if name == "full" else "speech.weights.npy")
        call("render", given, "-o", tmp_path / name, "--export", formats, "--html")
    assert made(tmp_path / "light") == made(tmp_path / "full") and len(made(tmp_path / "light")) > 12
    for file in made(tmp_path / "full"):
        same = (tmp_path / "full" / file).read_bytes() == (tmp_path / "light" / file).read_bytes()
        if file.endswith((".usd", ".usdz")):  # these name their layers by the time
            continue
        assert same, file
    assert read_facts(tmp_path / "light/speech.html")["title"] == "speech"


@pytest.mark.needs("opengl")
def test_films_need_no_vertices(motions, tmp_path):
    size = ("--size", "96x96", "--png")
    call("render", motions / "full", "-o", tmp_path / "full", *size)
    call("render", motions / "light", "-o", tmp_path / "light", *size)  # a folder is searched for coefficients, too
    assert made(tmp_path / "light") == made(tmp_path / "full")
    for file in made(tmp_path / "full"):
        full, light = (np.asarray(Image.open(tmp_path / kind / file)).astype(int) for kind in ("full", "light"))
        assert np.abs(full - light).max() <= 2, file  # sums in blocks of another size
    compared = ("--compare", "--heatmap", motions / "light/speech.weights.npy", "--sheet", "--frames", "2")
    call(
        "render", motions / "full/speech.npy", motions / "light/speech.weights.npy", "-o", tmp_path / "both", *compared
    )
    assert made(tmp_path / "both") == ["speech.compare.heatmap.sheet.png"]


def test_vertices_left_from_an_earlier_run_do_not_count(tmp_path, fake_models):
    sound = write_sound(tmp_path / "speech.wav", 0.4)
    call("animate", sound, "-o", tmp_path)
    old = (tmp_path / "speech.npy").read_bytes()
    call("animate", sound, "-o", tmp_path, "--no-vertices", "--overwrite", "--identity", "anna", "--seed", "5")
    assert not (tmp_path / "speech.npy").exists()  # it was ours, and of another motion
    (tmp_path / "speech.npy").write_bytes(old)
    motion = read_motion(tmp_path / "speech.npy")
    assert motion.head.identity == "anna"
    assert np.array_equal(motion.vertices, motion.head.vertices(np.load(tmp_path / "speech.weights.npy")))
    assert not np.array_equal(motion.vertices, np.load(tmp_path / "speech.npy"))


def test_what_no_vertices_cannot_do(motions, tmp_path, fake_models):
    sound = motions / "speech.wav"
    result = call("animate", sound, "-o", tmp_path / "out", "--no-vertices", "--export", "npy", expect=2)
    assert "--export npy writes the vertices: leave it out, or --no-vertices" in result.stderr
    for name in ("speech.json", "speech.weights.npy"):
        (tmp_path / name).write_bytes((motions / "light" / name).read_bytes())
    (tmp_path / "speech.weights.npy").unlink()
    (tmp_path / "speech.npy").write_bytes((motions / "full/speech.npy").read_bytes())
    result = call("render", tmp_path / "speech.npy", "-o", tmp_path / "out", "--export", "obj", expect=1)
    assert "speech.weights.npy: is not there, and there are no vertices; animate again" in result.stderr
    assert tree(tmp_path / "out") == []
