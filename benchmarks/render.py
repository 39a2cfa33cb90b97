"""Films a second: ours against plain use of pyrender (a new mesh for every frame, 4x multisampling), in one run.

    python benchmarks/render.py [--frames 300] [--large 60] [--plain 20]

"drawing" is frames into arrays, "no OpenGL" the same by Matplotlib; "film" adds the strip and the encoder; "process" is
a fresh Python that imports, draws and encodes, by the wall clock. Figures depend on what else the machine does: compare
within one run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

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
    from sedtalker_cli.timeline import EMOTIONS, EmotionTimeline, Segment

    half = duration / 2
    segments = [Segment(0, half, "happy"), Segment(half, half, "angry")]
    return EmotionTimeline.from_segments(segments, EMOTIONS, duration, 0.7)


def make_film(width: int, height: int, frames: int, target: Path) -> float:
    """Render a film with strip; returns seconds."""
    from sedtalker_cli.render.film import render_film

    head, vertices = make_motion(frames)
    start = time.perf_counter()
    render_film(vertices, head, FPS, target, timeline=make_timeline(frames / FPS), size=(width, height))
    return time.perf_counter() - start


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


def time_load() -> float:
    """Load a glTF head with 52 shapes; returns seconds."""
    from sedtalker_cli.face.custom import load_custom_head
    from sedtalker_cli.face.head import load_head
    from sedtalker_cli.face.normals import shape_normals
    from sedtalker_cli.formats.glb import build_glb, write_glb

    head = load_head()
    with tempfile.TemporaryDirectory() as folder:
        write_glb(f"{folder}/head.glb", build_glb(head, np.zeros((1, 52), np.float32), FPS, shape_normals(head)))
        start = time.perf_counter()
        load_custom_head(Path(folder) / "head.glb")
        return time.perf_counter() - start


def draw_plain(width: int, height: int, frames: int) -> float:
    """Draw frames as pyrender's examples do; returns seconds a frame."""
    from sedtalker_cli.render.scene import describe_scene

    head, vertices = make_motion(frames)
    scene = describe_scene(head, width, height)
    import pyrender
    import trimesh

    renderer = pyrender.OffscreenRenderer(width, height)
    start = time.perf_counter()
    for frame in vertices:
        mesh = trimesh.Trimesh(frame, head.faces, vertex_colors=head.colors, process=False)
        node = scene.add(pyrender.Mesh.from_trimesh(mesh, smooth=True))
        renderer.render(scene)
        scene.remove_node(node)
    seconds = (time.perf_counter() - start) / frames
    renderer.delete()
    return seconds


def time_process(width: int, height: int, frames: int) -> float:
    """Run this file anew to make one film; returns seconds of the whole process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, __file__, "--film", f"{width}x{height}", "--frames", str(frames)], check=True)
    return time.perf_counter() - start


def in_a_process(function: str, width: int, height: int, frames: int) -> float:
    """Run one of the draw functions in a process of its own, so that contexts do not meet."""
    command = [sys.executable, __file__, "--call", function, "--film", f"{width}x{height}", "--frames", str(frames)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=300, help="frames of the 512x512 film")
    parser.add_argument("--large", type=int, default=60, help="frames of the 1920x1080 film")
    parser.add_argument("--plain", type=int, default=20, help="frames drawn by plain pyrender")
    parser.add_argument("--film", help=argparse.SUPPRESS)
    parser.add_argument("--call", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.film:
        width, height = (int(side) for side in options.film.split("x"))
        if options.call:
            print(globals()[options.call](width, height, options.frames))
            return
        with tempfile.TemporaryDirectory() as folder:
            make_film(width, height, options.frames, Path(folder) / "film.mp4")
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start; frames a second")
    print(
        f"{'size':>10} {'plain pyrender':>15} {'drawing':>9} {'ratio':>7} {'process, with film':>19} "
        f"{'ratio':>7} {'no OpenGL':>10}"
    )
    for width, height, frames in ((512, 512, options.frames), (1920, 1080, options.large)):
        plain = 1 / in_a_process("draw_plain", width, height, options.plain)
        drawing = 1 / in_a_process("draw_ours", width, height, min(frames, 100))
        painted = 1 / in_a_process("draw_painted", width, height, min(frames, 60))
        film = frames / time_process(width, height, frames)
        print(
            f"{width:>5}x{height:<4} {plain:>15.1f} {drawing:>9.1f} {drawing / plain:>7.1f} "
            f"{film:>19.1f} {film / plain:>7.1f} {painted:>10.1f}"
        )
    print(f"a glTF head with 52 shapes is loaded in {time_load():.2f} s")


if __name__ == "__main__":
    main()
