"""Hair of the built-in head: where it grows, how it follows, and that it is in pictures only."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sedtalker_cli.face.head import load_head
from sedtalker_cli.render import OPENGL, choose_renderer, make_scene
from sedtalker_cli.render.hair import grow_hair
from sedtalker_cli.render.view import View
from tests.commands import call
from tests.motions import write_talk


def needs_opengl():
    if choose_renderer() != OPENGL:
        pytest.skip("hair is drawn by OpenGL")


@pytest.mark.parametrize("identity", ["robin", "anna", "kofi", "mei", "7"])
def test_hair_leaves_face_and_ears_free(identity):
    head = load_head(identity)
    hair = grow_hair(head)
    brows = head.neutral[head.regions["brows"]]
    front = hair.vertices[hair.vertices[:, 2] > brows[:, 2].min() - 0.03]
    assert front[:, 1].min() > brows[:, 1].max() + 0.01  # a forehead between
    ears = head.neutral[np.abs(head.neutral[:, 0]) > 0.985 * np.abs(head.neutral[:, 0]).max()]
    near = np.linalg.norm(hair.vertices[:, None] - ears[None], axis=2).min()
    assert near > 0.002
    top = head.neutral[:, 1].max()
    assert top + 0.005 < hair.vertices[:, 1].max() < top + 0.03
    assert np.allclose(np.linalg.norm(hair.normals, axis=1), 1, atol=1e-4)


def test_hair_follows_the_skull():
    head = load_head()
    hair = grow_hair(head)
    turn, shift = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], float), np.array([0.1, 0.2, 0.3])
    rotation, moved = hair.place(head.neutral @ turn.T + shift)
    assert np.allclose(rotation, turn, atol=1e-6) and np.allclose(moved, shift, atol=1e-6)
    weights = np.zeros(52, np.float32)
    weights[head.shape_names.index("jawOpen")] = 1
    rotation, moved = hair.place(head.vertices(weights))
    assert np.allclose(rotation, np.eye(3), atol=2e-3) and np.abs(moved).max() < 1e-3  # speech leaves it alone


def test_other_heads_have_no_hair_of_ours():
    assert grow_hair(replace(load_head(), name="mine")) is None


def test_hair_darkens_the_crown_and_nothing_below_the_brows():
    needs_opengl()
    head = load_head()
    pictures = []
    for wanted in (True, False):
        with make_scene(head, 128, 128, View(hair=wanted)) as scene:
            pictures.append(scene.draw(head.neutral)[..., :3].astype(int))
            brows = scene._framing.project(head.neutral[head.regions["brows"]], 128, 128)
    top, left, right = int(brows[:, 1].min()), int(brows[:, 0].min()), int(brows[:, 0].max())
    grown, bare = pictures
    assert grown[12:24, 50:78].mean() < 0.7 * bare[12:24, 50:78].mean()
    assert (grown[top:, left:right] == bare[top:, left:right]).all()


def test_hair_is_an_option_of_pictures(tmp_path):
    needs_opengl()
    motion = write_talk(tmp_path / "in", frames=1)
    made = {}
    for hair in ("on", "off"):
        call("render", motion, "--png", "--size", "96x96", "--hair", hair, "-o", tmp_path / hair)
        made[hair] = np.asarray(Image.open(tmp_path / hair / "a.png/000000.png")).astype(int)
    assert np.abs(made["on"] - made["off"]).max() > 40
    again = call("render", motion, "--png", "--size", "96x96", "--hair", "off", "-o", tmp_path / "on", "--resume")
    assert "made with another view" in again.stderr
