"""What a film shows."""

import subprocess

import numpy as np

from sedtalker_cli.render import video

FPS, FRAMES, SIZE = 30, 8, (128, 128)


def probe(path) -> str:
    done = subprocess.run([video.find_ffmpeg(), "-hide_banner", "-i", str(path)], capture_output=True, text=True)
    return done.stderr


def frames_of(path, size=SIZE) -> np.ndarray:
    command = [video.find_ffmpeg(), "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, size[1], size[0], 3)
