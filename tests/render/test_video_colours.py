"""Films say which colours their numbers mean."""

import subprocess

import numpy as np

from sedtalker_cli.render.video import VideoWriter, find_ffmpeg


def test_primaries_transfer_and_matrix_are_named(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", (64, 64), 25, 3) as film:
        for _ in range(3):
            frame = film.borrow()
            frame[...] = np.uint8(90)
            film.submit(frame)
    said = subprocess.run([find_ffmpeg(), "-i", str(tmp_path / "a.mp4")], capture_output=True, text=True).stderr
    assert "yuv420p(tv, bt709" in said and "unknown" not in said and "bt709/" not in said
