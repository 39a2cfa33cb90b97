"""`sedtalker render` and the films of `animate --render`."""

import re
import subprocess
import sys

import numpy as np
import pytest

from tests.commands import MOTION_FILES, call, made
from tests.conftest import ROOT, tree, write_sound


def probe(path) -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    command = [get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(command, capture_output=True, text=True).stderr


def test_render_and_films(tmp_path, fake_models):
    write_sound(tmp_path / "speech.wav", 0.5)
    out = tmp_path / "out"
    call("animate", tmp_path / "speech.wav", "--out", out, "--render", "--size", "128x128")
    assert made(out) == sorted([*MOTION_FILES, "speech.mp4"])
    said = probe(out / "speech.mp4")
    assert "h264" in said
    assert "yuv420p" in said
    assert "128x128" in said
    assert "30 fps" in said
    assert "aac" in said
    call("render", out, "--out", tmp_path / "films", "--size", "160x128")
    assert made(tmp_path / "films") == ["speech.mp4"]
    said = probe(tmp_path / "films/speech.mp4")
    assert "160x128" in said
    assert "aac" in said
    (tmp_path / "speech.wav").rename(tmp_path / "gone.wav")
    call("render", out / "speech.npy", "--out", tmp_path / "silent", "--size", "128x128")
    assert "aac" not in probe(tmp_path / "silent/speech.mp4")
    (tmp_path / "gone.wav").rename(tmp_path / "speech.wav")
    call("animate", tmp_path / "speech.wav", "--out", out, "--overwrite", "--head-motion", "on")
    call("render", out, "--out", tmp_path / "moved", "--size", "160x128")
    assert made(tmp_path / "moved") == ["speech.mp4"]
    np.save(out / "speech.head.npy", np.zeros((3, 4, 4), np.float32))
    again = ("render", out / "speech.npy", "--out", tmp_path / "moved", "--size", "160x128", "--resume")
    assert re.search(r"speech\.head\.npy: is not a head motion \(15, 4, 4\)", call(*again, expect=1).stderr)
    (out / "speech.head.npy").unlink()
    assert "speech.head.npy: does not exist" in call(*again, expect=1).stderr
    (out / "speech.json").unlink()
    result = call("render", out / "speech.npy", "--out", tmp_path / "none", expect=1)
    assert "speech.json: does not exist" in result.stderr
    assert tree(tmp_path / "none") == []


def test_render_refuses_what_does_not_fit(tmp_path, sound, fake_models):
    np.save(tmp_path / "a.npy", np.zeros((3, 10, 3), np.float32))
    (tmp_path / "a.json").write_text('{"fps": 30}')
    result = call("render", tmp_path / "a.npy", "--out", tmp_path / "out", expect=1)
    assert "a.npy: has 10 vertices" in result.stderr
    (tmp_path / "a.json").write_text('{"fps": 30, "identity": "nobody"}')
    assert "a.json" in call("render", tmp_path / "a.npy", "--out", tmp_path / "out", expect=1).stderr
    result = call("render", tmp_path / "a.npy", tmp_path / "b.npy", "--audio", sound, "-o", tmp_path, expect=2)
    assert "--audio is for one motion" in result.stderr
    assert tree(tmp_path / "out") == []


@pytest.mark.needs("opengl")
def test_opengl_and_triton_live_in_one_process():
    code = (
        "from sedtalker_cli.render.libraries import load_triton_first\n"
        "from sedtalker_cli.render import choose_renderer\n"
        "load_triton_first(); choose_renderer()\n"
        "import torch._dynamo\n"  # imports Triton where there is one
        "print('alive')\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (result.returncode, result.stdout) == (0, "alive\n"), result.stderr
