"""A user's own video as training data: tracked on its container's clock, kept, read as a capture."""

import sys
from contextlib import contextmanager

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile as sf
from typer.testing import CliRunner

from sedtalker_cli.cli.app import app
from sedtalker_cli.data.capture_sources import READERS
from sedtalker_cli.data.tracked_faces import CHANNELS
from sedtalker_cli.data.video_faces import track_videos, tracked_folder, video_frames
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.face.arkit import ARKIT_INDEX

FPS, SIZE, RATE = 25, 64, 16000
OPEN = slice(20, 30)  # frames of 50 in which the mouth is open, and in which the tone sounds


def write_video(path, face=True):
    """A grey picture with a bright mouth, 4 rows high, and 24 while a tone sounds."""
    tone = np.zeros(2 * RATE)
    tone[round(0.8 * RATE) : round(1.2 * RATE)] = np.sin(np.arange(round(0.4 * RATE)) * 0.3)
    sf.write(path.with_suffix(".wav"), tone, RATE)
    film = path.with_suffix(".mkv")
    writer = imageio_ffmpeg.write_frames(
        str(film),
        (SIZE, SIZE),
        fps=FPS,
        quality=9,
        macro_block_size=None,
        audio_path=str(path.with_suffix(".wav")),
    )
    writer.send(None)
    for number in range(50):
        frame = np.full((SIZE, SIZE, 3), 60, np.uint8)
        height = 24 if OPEN.start <= number < OPEN.stop else 4
        if face:
            frame[32 : 32 + height, 16:48] = 255
        writer.send(frame)
    writer.close()
    path.with_suffix(".wav").unlink()
    film.rename(path)
    return path


@contextmanager
def bright_rows():
    """Stands for the landmarker: the mouth is as open as its bright rows, eyes are 50 pixels apart."""

    def track(frame, time):
        bright = (frame[..., 0] > 160).sum(0).max()
        if bright < 2:
            return None
        coefficients = np.zeros(len(CHANNELS))
        coefficients[CHANNELS.index("jawOpen")] = bright / 60
        points = np.ones((478, 3))
        points[33], points[263] = (7, 10, 0), (57, 10, 0)
        points[13], points[14] = (32, 32, 0), (32, 32 + bright, 0)
        points[61], points[291] = (16, 40, 0), (48, 40, 0)
        return coefficients, points

    yield track


@contextmanager
def nothing_tracks():
    raise AssertionError("tracked again")
    yield  # makes it a generator


def silent(*_):
    pass


def test_a_folder_of_videos_becomes_captures(tmp_path):
    folder, out, said = tmp_path / "videos", tmp_path / "tracked", []
    folder.mkdir()
    for name in ("a.mp4", "b.mkv"):
        write_video(folder / name)
    write_video(folder / "empty.mp4", face=False)
    (folder / "notes.txt").write_text("none")
    assert track_videos(folder, out, bright_rows, "v1", said.append, silent) == out
    assert len(said) == 1 and "empty.mp4: no face was found" in said[0]
    first, second = READERS["video"](out)
    assert [(c.name, c.source, c.split, c.fps) for c in (first, second)] == [
        ("a.mp4", "video", "train", 25.0),
        ("b.mkv", "video", "val", 25.0),
    ]
    for capture in (first, second):
        jaw = capture.weights[:, ARKIT_INDEX["jawOpen"]]
        assert abs(len(jaw) - 50) <= 1
        wide = jaw > 0.5 * jaw.max()
        assert np.flatnonzero(wide).tolist() == list(range(OPEN.start, OPEN.stop))  # and the tone with it
        assert capture.gap[25] == pytest.approx(24 / 50, abs=0.05) and capture.gap[5] == pytest.approx(4 / 50, abs=0.03)
        sound, rate = sf.read(capture.audio)
        loud = np.flatnonzero(np.abs(sound) > 0.1) / rate
        assert loud[0] == pytest.approx(0.8, abs=0.02) and loud[-1] == pytest.approx(1.2, abs=0.02)


def test_what_was_tracked_is_kept_until_the_video_or_the_landmarker_changes(tmp_path):
    folder, out = tmp_path / "videos", tmp_path / "tracked"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        write_video(folder / name)
    track_videos(folder, out, bright_rows, "v1", silent, silent)
    track_videos(folder, out, nothing_tracks, "v1", silent, silent)
    with pytest.raises(AssertionError, match="tracked again"):
        track_videos(folder, out, nothing_tracks, "v2", silent, silent)
    write_video(folder / "b.mp4", face=False)
    with pytest.raises(InputError, match="two videos with a face"):
        track_videos(folder, out, bright_rows, "v1", silent, silent)
    assert tracked_folder(out, tmp_path / "other", None, silent) == out  # tracked already


def test_frames_are_even_and_bounded(tmp_path):
    fps, frames = video_frames(write_video(tmp_path / "a.mp4"))
    shapes = [frame.shape for frame in frames]
    assert fps == 25.0 and abs(len(shapes) - 50) <= 1 and set(shapes) == {(SIZE, SIZE, 3)}


def test_what_is_no_video_or_refers_to_other_files_is_refused(tmp_path):
    write_video(tmp_path / "a.mp4")
    for name, text in (("b.mp4", "ffconcat version 1.0\nfile a.mp4\n"), ("c.mp4", "no picture")):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=f"{name}: holds no video"):
            video_frames(tmp_path / name)


def test_a_model_file_and_the_package_are_asked_for(tmp_path, monkeypatch):
    folder = tmp_path / "videos"
    folder.mkdir()
    with pytest.raises(UsageError, match="--landmarker face_landmarker"):
        tracked_folder(folder, tmp_path / "out", None, silent)
    with pytest.raises(UsageError, match="no such file"):
        tracked_folder(folder, tmp_path / "out", tmp_path / "missing.task", silent)
    (tmp_path / "face.task").write_bytes(b"model")
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(UsageError, match=r"sedtalker\[video\]"):
        tracked_folder(folder, tmp_path / "out", tmp_path / "face.task", silent)


def test_the_command_names_the_option_that_is_missing(tmp_path):
    write_video(tmp_path / "a.mp4")
    run = CliRunner().invoke(
        app, ["train", "animator", "--capture", f"video={tmp_path}", "--out", str(tmp_path / "run")]
    )
    assert run.exit_code == 2 and "--landmarker" in run.output
