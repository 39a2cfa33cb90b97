"""Films and pages play the sound where it was heard, whatever its container says of its clock."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.audio.reading import load_audio
from tests.audio.sounds import bursts, ffmpeg, lag, write_bursts
from tests.commands import call

NEAR = 0.02  # s; half a frame of film


def late_film(folder):
    source = write_bursts(folder)
    picture = ("-f", "lavfi", "-i", "testsrc=s=96x64:r=25:d=4")
    ffmpeg(*picture, "-itsoffset", 0.88, "-i", source, "-c:v", "mpeg2video", "-c:a", "aac", folder / "a.ts")
    return folder / "a.ts"


def windows_media(folder):
    ffmpeg("-i", write_bursts(folder), folder / "a.wma")
    return folder / "a.wma"


def with_a_gap(folder):
    ffmpeg("-i", write_bursts(folder), "-af", "asetpts=if(gte(T\\,1)\\,PTS+0.5/TB\\,PTS)", folder / "a.webm")
    return folder / "a.webm"


def chained(folder):
    ffmpeg("-i", write_bursts(folder), "-c:a", "libopus", folder / "part.ogg")
    (folder / "a.ogg").write_bytes((folder / "part.ogg").read_bytes() * 2)
    return folder / "a.ogg"


def sphere(folder):
    sf.write(folder / "a.sph", bursts(), 16000, format="NIST", subtype="PCM_16")
    return folder / "a.sph"


@pytest.mark.parametrize("made", [late_film, windows_media, with_a_gap, chained, sphere])
def test_film_and_page_play_what_was_heard_when_it_was_heard(tmp_path, fake_models, made):
    path = made(tmp_path)
    call("animate", path, "--render", "--fps", 25, "--size", "64x64", "--html", "--out", tmp_path / "out")
    heard = load_audio(path)
    film = load_audio(tmp_path / "out/a.mp4")
    page = (tmp_path / "out/a.html").read_text(encoding="utf-8")
    sound, rate = sf.read(io.BytesIO(base64.b64decode(re.search(r"audio/flac;base64,([^\"]+)", page)[1])))
    assert abs(lag(film, heard)) < NEAR and abs(len(film) - len(heard)) <= 16000 * NEAR + 1
    assert abs(lag(heard, sound, rate)) < NEAR
    jaw = np.load(tmp_path / "out/a.weights.npy")[:, 17]
    envelope = np.interp(np.arange(len(heard)) / 16000, np.arange(len(jaw)) / 25, jaw)
    assert abs(lag(envelope, np.abs(heard))) < 2 * NEAR
