"""Heads drawn with OpenGL: shape, light, expression, camera; the painter agrees."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from sedtalker_cli.errors import SedtalkerError
from sedtalker_cli.face.head import Head, load_head
from sedtalker_cli.face.normals import VertexNormals
from sedtalker_cli.render import film, gl, video
from sedtalker_cli.render.geometry import find_eyes, frame_head, part_vertices
from sedtalker_cli.render.strip import strip_height
from sedtalker_cli.render.view import TRANSPARENT, View
from tests.pictures import FPS, FRAMES, SIZE, frames_of, probe
from tests.render.balls import ball as ball
from tests.render.balls import timeline


@pytest.fixture(scope="module")
def person() -> Head:
    return load_head()


def motion(head: Head, **ends: float) -> np.ndarray:
    """FRAMES frames in which the named blendshapes rise from 0 to a weight: (T, V, 3)."""
    weights = np.zeros((FRAMES, len(head.shape_names)), np.float32)
    for name, end in ends.items():
        weights[:, head.shape_names.index(name)] = np.linspace(0, end, FRAMES)
    return head.vertices(weights)


def sound_of(path) -> np.ndarray:
    command = [video.find_ffmpeg(), "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "1", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)


@pytest.mark.needs("opengl")
@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_film_of_a_ball(ball, tmp_path, seconds):
    audio, target = tmp_path / "tone.wav", tmp_path / "film.mp4"
    tone = 0.5 * np.sin(np.arange(round(seconds * 16000)) * 0.3)
    soundfile.write(audio, tone, 16000)
    seen = []
    film.render_film(
        motion(ball, jawOpen=1.0),
        ball,
        FPS,
        target,
        audio=audio,
        timeline=timeline(FRAMES / FPS),
        size=SIZE,
        progress=lambda *step: seen.append(step),
    )
    assert seen == [("filming", k + 1, FRAMES) for k in range(FRAMES)]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["film.mp4", "tone.wav"]
    text = probe(target)
    assert re.search(r"Video: h264 .*yuv420p.* 128x128.* 30 fps", text), text
    assert "Audio: aac" in text and "creation_time" not in text
    pictures = frames_of(target)
    assert len(pictures) == FRAMES
    face = pictures[:, : SIZE[1] - strip_height(SIZE[1])].astype(int)
    assert face.std() > 15  # not blank
    assert np.abs(face[-1] - face[0]).max() > 40  # it moved
    # The sound is as long as the motion: padded with silence, or cut (one AAC frame of 1024 samples may be left).
    sound = sound_of(target)
    assert abs(len(sound) - FRAMES / FPS * 48000) <= 1024
    loud = np.abs(sound[: round(0.09 * 48000)]).max()
    end = np.abs(sound[round(0.15 * 48000) : round(0.25 * 48000)]).max()
    assert loud > 0.3
    assert end < 0.01 if seconds < 0.15 else end > 0.3


@pytest.mark.needs("opengl")
def test_film_is_the_same_twice_and_may_be_mute(ball, tmp_path):
    for name in ("a.mp4", "b.mp4"):
        film.render_film(motion(ball, jawOpen=1.0), ball, 25, tmp_path / name, size=(129, 131))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    text = probe(tmp_path / "a.mp4")
    assert "128x130" in text and "25 fps" in text and "Audio" not in text


@pytest.mark.needs("opengl")
def test_ball_is_round_upright_and_lit_from_above(ball):
    from sedtalker_cli.render.scene import HeadScene

    with HeadScene(ball, 96, 96) as scene:
        still = scene.draw(ball.neutral)[..., :3].astype(int)
        lifted = scene.draw(ball.vertices(np.ones((1, 1)))[0])[..., :3].astype(int)
        again = scene.draw(ball.neutral)[..., :3].astype(int)
    assert np.array_equal(still, again)  # nothing of an earlier frame stays
    red = still[..., 0] - still[..., 2] > 20  # skin on a grey ground
    rows, columns = np.nonzero(red)
    assert abs(rows.mean() - 47.5) < 2 and abs(columns.mean() - 47.5) < 2
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 5 and rows.min() > 1 and rows.max() < 94
    assert still[30, 44].sum() > still[66, 52].sum() + 60
    lifted_rows = np.nonzero(lifted[..., 0] - lifted[..., 2] > 20)[0]
    assert lifted_rows.mean() < rows.mean() - 4  # y is up
    # Antialiased: along the edge there are shades between skin and ground.
    profile = still[48, : columns.min() + 6, 0]
    steps = np.abs(np.diff(profile))
    assert np.ptp(profile) > 40 and steps.max() < np.ptp(profile)


@pytest.mark.needs("opengl")
def test_faces_that_look_away_are_hidden(ball):
    from sedtalker_cli.render.scene import HeadScene

    inside_out = replace(ball, faces=ball.faces[:, ::-1].copy())
    with HeadScene(ball, 64, 64) as scene:
        right = scene.draw(ball.neutral).astype(int)
    with HeadScene(inside_out, 64, 64) as scene:
        wrong = scene.draw(ball.neutral).astype(int)
    assert right[32, 32, 0] > wrong[32, 32, 0] + 40


@pytest.mark.needs("opengl")
def test_film_of_the_head(person, tmp_path):
    target = tmp_path / "film.mp4"
    film.render_film(motion(person, jawOpen=0.8), person, FPS, target, size=SIZE)
    pictures = frames_of(target).astype(int)
    assert len(pictures) == FRAMES and pictures[0].std() > 20
    moved = np.abs(pictures[-1] - pictures[0]).max(-1)
    assert moved[80:].max() > 60 and moved[:30].max() < 12  # the jaw moves, the forehead does not


@pytest.mark.needs("opengl")
def test_expressions_of_the_head_can_be_seen(person):
    from sedtalker_cli.render.scene import HeadScene

    with HeadScene(person, 256, 256) as scene:

        def draw(**weights):
            row = np.zeros(len(person.shape_names), np.float32)
            for name, weight in weights.items():
                row[person.shape_names.index(name)] = weight
            vertices = person.vertices(row[None])[0]
            return scene.draw(vertices)[..., :3].astype(int), vertices

        calm, shape = draw()
        eyes = find_eyes(person)
        places = scene._framing.project(eyes.centres + np.array([0, 0, eyes.radius]), 256, 256).round().astype(int)
        blink, _ = draw(eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
        frown, _ = draw(browDownLeft=1.0, browDownRight=1.0)
        corners = scene._framing.project(shape, 256, 256)
    top = corners[:, 1].min()
    assert 2 < top < 60 and corners[:, 0].min() > 2 and corners[:, 0].max() < 253  # nothing of the head is cut
    for x, y in places:
        patch = calm[y - 2 : y + 3, x - 2 : x + 3]
        assert patch.min() < 90  # a dark pupil and iris
        lid = blink[y - 2 : y + 3, x - 2 : x + 3].mean((0, 1))
        assert lid[0] > lid[2] + 15 and lid[0] > 90  # skin
    brows = corners[person.regions["brows"]]
    box = np.s_[int(brows[:, 1].min()) : int(brows[:, 1].max()), int(brows[:, 0].min()) : int(brows[:, 0].max())]
    assert np.abs(frown - calm)[box].max() > 60


@pytest.mark.needs("opengl")
def test_head_motion_moves_the_picture_and_not_the_camera(person, tmp_path):
    still = np.tile(np.eye(4, dtype=np.float32), (FRAMES, 1, 1))
    moved = still.copy()
    moved[FRAMES // 2 :, 0, 3] = 0.02  # 2 cm to the person's left, the right of the picture
    films = {}
    for name, head_motion in (("none", None), ("still", still), ("moved", moved)):
        film.render_film(motion(person), person, FPS, tmp_path / f"{name}.mp4", head_motion=head_motion, size=SIZE)
        films[name] = frames_of(tmp_path / f"{name}.mp4").astype(int)
    assert np.array_equal(films["none"], films["still"])
    half = FRAMES // 2
    assert np.abs(films["moved"][: half - 1] - films["none"][: half - 1]).mean() < 1.5  # the codec looks ahead
    skin = [films[name][-1, ..., 0] - films[name][-1, ..., 2] > 25 for name in ("moved", "none")]  # red over blue
    columns = [np.argwhere(mask)[:, 1].mean() for mask in skin]
    assert 4 < columns[0] - columns[1] < 16
    assert np.abs(films["moved"][-1][:8, :8] - films["none"][-1][:8, :8]).max() < 8  # the backdrop stays


@pytest.mark.needs("opengl")
def test_a_second_film_uses_the_same_context(ball, tmp_path):
    film.render_film(motion(ball), ball, FPS, tmp_path / "a.mp4", size=SIZE)
    first = gl._context
    film.render_film(motion(ball), ball, FPS, tmp_path / "b.mp4", size=(200, 100))
    assert gl._context is first
    assert len(frames_of(tmp_path / "b.mp4", (200, 100))) == FRAMES


@pytest.mark.needs("opengl")
def test_forked_process_is_told(monkeypatch):
    gl.ensure_opengl()
    monkeypatch.setattr(gl, "_owner", -1)
    with pytest.raises(SedtalkerError, match="spawn"):
        gl.ensure_opengl()


def test_without_opengl_films_are_painted_and_one_line_says_what_to_install(tmp_path):
    # In a process of its own, because a platform once bound stays.
    code = (
        "import logging, sys\n"
        "import numpy as np\n"
        "from sedtalker_cli.render import choose_renderer, gl\n"
        "def missing(*names):\n"
        "    raise OSError(f'{names[0]} not found')\n"
        "gl._load_library = missing\n"
        "logging.basicConfig(format='%(message)s')\n"
        "assert choose_renderer() == choose_renderer() == 'painter'\n"
        "from sedtalker_cli.face.head import load_head\n"
        "from sedtalker_cli.render.film import render_film\n"
        "head = load_head()\n"
        "weights = np.zeros((8, 52), np.float32); weights[:, 17] = np.linspace(0, 1, 8)\n"
        "render_film(head.vertices(weights), head, 30, sys.argv[1], size=(128, 128))\n"
    )
    target = tmp_path / "film.mp4"
    done = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    for word in ("EGL: libEGL.so.1 not found", "OSMESA", "libegl1", "libgl1-mesa-dri", "libosmesa6", "mesa-libEGL"):
        assert word in lines[0]
    pictures = frames_of(target).astype(int)
    assert len(pictures) == 8 and pictures[0].std() > 20
    moved = np.abs(pictures[-1] - pictures[0]).max(-1)
    assert moved[80:].max() > 60 and moved[:30].max() < 12  # the jaw moves, the forehead does not


@pytest.mark.needs("opengl")
@pytest.mark.parametrize("camera", ["front", "three-quarter", "close"])
def test_painter_and_opengl_agree(person, camera):
    from sedtalker_cli.render.painter import PaintedScene
    from sedtalker_cli.render.scene import HeadScene

    view = View(camera, (0, 0, 255), hair=False)  # the painter draws none
    painted = PaintedScene(person, 128, 128, view).draw(person.neutral).astype(int)
    with HeadScene(person, 128, 128, view) as scene:
        drawn = scene.draw(person.neutral).astype(int)
    masks = [picture[..., 2] < 200 for picture in (painted, drawn)]
    assert (masks[0] & masks[1]).sum() > 0.95 * (masks[0] | masks[1]).sum()
    assert np.abs(painted - drawn)[masks[0] & masks[1]].mean() < 30


@pytest.mark.needs("opengl")
def test_transparent_background_and_shadow(person):
    from sedtalker_cli.render.scene import HeadScene

    pictures = []
    for shadow in (False, True):
        with HeadScene(person, 128, 128, View("front", TRANSPARENT, shadow)) as scene:
            pictures.append(scene.draw(person.neutral).astype(int))
    for picture in pictures:
        assert not picture[0, 0].any() and picture[64, 64, 3] == 255
        assert (picture[..., :3] <= picture[..., 3:]).all()  # multiplied by alpha
        edge = picture[..., 3][(picture[..., 3] > 0) & (picture[..., 3] < 255)]
        assert len(edge) > 50  # the outline is antialiased
    darker = (pictures[0] - pictures[1])[..., :3].sum(-1)
    assert (darker > 30).sum() > 20 and darker.min() > -15  # shadows fall, nothing gets lighter


def test_light_imports():
    code = "import sys, sedtalker_cli.render; print([m for m in ('pyrender', 'OpenGL', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_normals_of_a_ball_point_outwards(ball):
    normals = VertexNormals(ball.faces, len(ball.neutral))(ball.neutral)
    outward = ball.neutral / np.linalg.norm(ball.neutral, axis=1, keepdims=True)
    inner = slice(24, -24)  # without the poles, which are many vertices in one place
    assert (np.einsum("ij,ij->i", normals, outward)[inner] > 0.98).all()


def test_camera_keeps_the_ball_in_view(ball):
    for size in ((100, 100), (200, 100), (100, 300)):
        pixels = frame_head(ball, size[0] / size[1]).project(ball.neutral, *size)
        assert (pixels > 0).all() and (pixels < size).all()
        assert np.ptp(pixels, axis=0).max() > 0.7 * min(size)
    assert len(part_vertices(ball, "teeth_upper")) == 0 and find_eyes(ball) is None


@pytest.mark.needs("opengl")
def test_films_are_made_in_any_thread(ball, tmp_path):
    """After one in this thread: one in another, and two at once; all have the same pictures."""
    film.render_film(motion(ball), ball, FPS, tmp_path / "here.mp4", size=SIZE)
    with ThreadPoolExecutor(2) as threads:
        made = [
            threads.submit(film.render_film, motion(ball), ball, FPS, tmp_path / f"{number}.mp4", size=SIZE)
            for number in range(3)
        ]
        for future in made:
            future.result()
    here = frames_of(tmp_path / "here.mp4")
    assert here[0].std() > 20
    for number in range(3):
        assert np.array_equal(frames_of(tmp_path / f"{number}.mp4"), here)
