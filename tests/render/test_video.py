"""Writing films: what cannot be a film leaves nothing and says so."""

import threading

import pytest

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.render import film, video
from tests.pictures import FPS, probe
from tests.render.balls import ball as ball


def write_frames(writer: video.VideoWriter, count: int) -> None:
    for k in range(count):
        frame = writer.borrow()
        frame[:] = 5 * k
        writer.submit(frame)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_interrupted_film_leaves_nothing(tmp_path, error):
    target = tmp_path / "film.mp4"
    target.write_text("earlier film")
    with pytest.raises(error), video.VideoWriter(target, (64, 64), FPS, 20) as writer:
        write_frames(writer, 5)
        raise error
    assert list(tmp_path.iterdir()) == [target] and target.read_text() == "earlier film"
    assert not [thread for thread in threading.enumerate() if thread.name == "film writer"]


def test_sound_that_is_none_leaves_nothing_and_says_so(tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_text("this is no sound")
    with pytest.raises(InputError) as error, video.VideoWriter(tmp_path / "film.mp4", (64, 64), FPS, 4, bad) as writer:
        write_frames(writer, 4)
    assert "\n" not in str(error.value) and "bad.wav: is not a sound file" in str(error.value)
    assert list(tmp_path.iterdir()) == [bad]
    with pytest.raises(InputError, match=r"nowhere\.wav"):
        video.VideoWriter(tmp_path / "film.mp4", (64, 64), FPS, 4, tmp_path / "nowhere.wav")


def test_folder_that_is_not_there(tmp_path):
    target = tmp_path / "none" / "film.mp4"
    with pytest.raises(InputError, match=r"film\.mp4"), video.VideoWriter(target, (64, 64), FPS, 4) as writer:
        write_frames(writer, 4)


def test_too_few_frames_make_no_film(tmp_path):
    with pytest.raises(ValueError, match="3 frames"), video.VideoWriter(tmp_path / "a.mp4", (64, 64), FPS, 4) as writer:
        write_frames(writer, 3)
    assert not list(tmp_path.iterdir())


def test_broken_rate_of_television(tmp_path):
    with video.VideoWriter(tmp_path / "a.mp4", (64, 64), 29.97, 30) as writer:
        write_frames(writer, 30)
    assert "29.97 fps" in probe(tmp_path / "a.mp4")


def test_bad_sizes_and_rates(ball, tmp_path):
    with pytest.raises(UsageError, match="too small"):
        film.render_film(ball.neutral[None], ball, FPS, tmp_path / "a.mp4", size=(8, 128))
    with pytest.raises(UsageError, match="frame rate"):
        film.render_film(ball.neutral[None], ball, 0, tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="vertices"):
        film.render_film(ball.neutral[None, :-1], ball, FPS, tmp_path / "a.mp4")
