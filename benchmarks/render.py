"""Films a second: ours against plain use of pyrender (a new mesh for every frame, 4x multisampling)."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.common import Row, ask, run, sedtalker, write_speech

FPS = 30
POSES = (
    {"jawOpen": 0.6, "browInnerUp": 0.5},
    {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8, "cheekSquintLeft": 0.6, "cheekSquintRight": 0.6},
    {"browDownLeft": 1.0, "browDownRight": 1.0, "mouthPressLeft": 0.5, "mouthPressRight": 0.5},
    {"mouthPucker": 0.8, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
)


def make_motion(frames: int) -> tuple:
    """The shipped head and a motion through four faces: head, vertices (T, V, 3)."""
    from sedtalker_cli.face.head import load_head

    head = load_head()
    poses = np.zeros((len(POSES), len(head.shape_names)), np.float32)
    for row, pose in zip(poses, POSES, strict=True):
        for name, weight in pose.items():
            row[head.shape_names.index(name)] = weight
    place = np.arange(frames) / FPS * 2 % len(POSES)
    low, mix = place.astype(int), (place % 1)[:, None]
    weights = (1 - mix) * poses[low] + mix * poses[(low + 1) % len(POSES)]
    return head, head.vertices(weights.astype(np.float32))


def make_timeline(duration: float):
    """A timeline with a change in the middle."""
    from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment

    half = duration / 2
    segments = [Segment(0, half, "happy"), Segment(half, half, "angry")]
    return EmotionTimeline.from_segments(segments, EMOTIONS, duration, 0.7)


def make_film(width: int, height: int, frames: int) -> float:
    """Render a film with strip; returns seconds a frame."""
    from sedtalker_cli.render.film import render_film

    head, vertices = make_motion(frames)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        target, size = Path(folder) / "film.mp4", (width, height)
        render_film(vertices, head, FPS, target, timeline=make_timeline(frames / FPS), size=size)
    return (time.perf_counter() - start) / frames


def draw_ours(width: int, height: int, frames: int) -> float:
    """Draw frames, without film; returns seconds a frame."""
    from sedtalker_cli.render.scene import HeadScene

    head, vertices = make_motion(frames)
    out = np.empty((height, width, 4), np.uint8)
    with HeadScene(head, width, height) as scene:
        scene.draw(vertices[0], out)
        start = time.perf_counter()
        for frame in vertices:
            scene.draw(frame, out)
        return (time.perf_counter() - start) / frames


def draw_painted(width: int, height: int, frames: int) -> float:
    """Draw frames without OpenGL; returns seconds a frame."""
    from sedtalker_cli.render.painter import PaintedScene
    from sedtalker_cli.render.view import View

    head, vertices = make_motion(frames)
    out = np.empty((height, width, 4), np.uint8)
    scene = PaintedScene(head, width, height, View())
    scene.draw(vertices[0], out)
    start = time.perf_counter()
    for frame in vertices:
        scene.draw(frame, out)
    return (time.perf_counter() - start) / frames


def draw_plain(width: int, height: int, frames: int) -> float:
    """Draw frames as pyrender's examples do; returns seconds a frame."""
    from sedtalker_cli.render.scene import describe_scene

    head, vertices = make_motion(frames)
    scene = describe_scene(head, width, height)
    import pyrender
    import trimesh

    renderer = pyrender.OffscreenRenderer(width, height)

    def draw(frame: np.ndarray) -> None:
        mesh = trimesh.Trimesh(frame, head.faces, vertex_colors=head.colors, process=False)
        node = scene.add(pyrender.Mesh.from_trimesh(mesh, smooth=True))
        renderer.render(scene)
        scene.remove_node(node)

    draw(vertices[0])  # programs are compiled once, as in ours
    start = time.perf_counter()
    for frame in vertices:
        draw(frame)
    seconds = (time.perf_counter() - start) / frames
    renderer.delete()
    return seconds


def rows(folder: Path, frames: int, large: int, plain: int, seconds: float) -> list[Row]:
    """Frames a second of films and their parts; memory of a film.

    Args:
        folder: for files.
        frames, large: of the 512 x 512 and of the 1920 x 1080 film.
        plain: frames drawn by plain pyrender.
        seconds: length of the film whose memory is measured.
    """
    found = []
    for width, height, count, target in ((512, 512, frames, 30), (1920, 1080, large, 6)):

        def rate(function: str, count: int, width: int = width, height: int = height) -> float:
            return 1 / ask("render", function, width, height, count)["seconds"]

        film = count / run(["-m", "benchmarks.render", "make_film", str(width), str(height), str(count)]).wall
        drawing, painted = rate("draw_ours", min(count, 100)), rate("draw_painted", min(count, 60))
        found.append(
            Row(
                *("render", f"film {width} x {height}, {count} frames", film, "frames/s", target, True),
                limit=f"{drawing:.1f} (drawing alone)",
                peer=f"plain pyrender, drawing alone {rate('draw_plain', plain):.1f}",
                note=f"whole process; drawing without OpenGL {painted:.1f}",
            )
        )
    sound = write_speech(folder / "film.wav", seconds)
    sedtalker("animate", sound, "--out", folder)
    peak = sedtalker("render", folder / "film.npy", "--out", folder).peak
    name = f"film of {seconds / 60:.3g} min, 512 x 512, memory"
    return [*found, Row("render", name, peak, "MB", 1000, note="largest process")]


def main() -> None:
    """One function in a process of its own, so that contexts do not meet: prints one JSON object."""
    function, width, height, frames = sys.argv[1], *map(int, sys.argv[2:5])
    print(json.dumps({"seconds": globals()[function](width, height, frames)}))


if __name__ == "__main__":
    main()
