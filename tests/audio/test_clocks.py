"""Sound lies where the presentation of its file has it: late starts, gaps, what encoders put first, joined files."""

import numpy as np
import pytest

from sedtalker_cli.audio.clocks import PacketClock
from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.audio.recording import Recording
from tests.audio.sounds import bursts, ffmpeg, lag, write_bursts

PICTURE = ("-f", "lavfi", "-i", "testsrc=s=96x64:r=25:d=4")
NEAR = 0.003  # s


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        *(("m4a", "aac"), ("mov", "pcm_s16le"), ("mkv", "aac"), ("webm", "libopus"), ("ts", "aac"), ("ts", "mp2")),
        *(("aac", "aac"), ("flv", "aac"), ("avi", "libmp3lame"), ("wma", "wmav2"), ("wma", "wmav1"), ("wmv", "wmav2")),
        *(("mp3", "libmp3lame"), ("mp2", "mp2"), ("ac3", "ac3"), ("mpg", "mp2"), ("opus", "libopus"), ("3gp", "aac")),
    ],
)
def test_what_encoders_put_before_the_sound_is_left_out(tmp_path, suffix, codec, rate):
    ffmpeg("-i", write_bursts(tmp_path, rate), "-c:a", codec, tmp_path / f"a.{suffix}")
    sound = load_audio(tmp_path / f"a.{suffix}")
    assert abs(lag(sound, bursts())) < NEAR
    assert len(sound) >= 16000 * 2.95, "cut at the end"


def test_an_mp3_without_a_tag(tmp_path):
    ffmpeg("-i", write_bursts(tmp_path, 16000), "-write_xing", "0", tmp_path / "a.mp3")
    assert abs(lag(load_audio(tmp_path / "a.mp3"), bursts())) < NEAR


@pytest.mark.parametrize("delay", [0, 0.88])
@pytest.mark.parametrize(
    ("suffix", "picture", "codec"),
    [
        *(("mp4", "libx264", "aac"), ("mov", "libx264", "aac"), ("mkv", "libx264", "libopus")),
        *(("webm", "libvpx", "libopus"), ("ts", "libx264", "aac"), ("m2ts", "libx264", "ac3")),
        *(("mpg", "mpeg2video", "mp2"), ("flv", "flv", "aac"), ("wmv", "wmv2", "wmav2")),
    ],
)
def test_sound_keeps_its_distance_to_the_picture(tmp_path, suffix, picture, codec, delay):
    sources = (*PICTURE, "-itsoffset", delay, "-i", write_bursts(tmp_path))
    ffmpeg(*sources, "-c:v", picture, "-preset", "ultrafast", "-c:a", codec, tmp_path / f"a.{suffix}")
    sound = load_audio(tmp_path / f"a.{suffix}")
    assert abs(lag(sound, bursts()) - delay) < NEAR
    assert len(sound) >= 16000 * (2.95 + delay)


@pytest.mark.parametrize(
    ("suffix", "codec"), [("m4a", "aac"), ("mka", "libopus"), ("webm", "libopus"), ("mov", "pcm_s16le")]
)
def test_sound_that_starts_late_without_a_picture(tmp_path, suffix, codec):
    ffmpeg("-itsoffset", 0.5, "-i", write_bursts(tmp_path), "-c:a", codec, tmp_path / f"a.{suffix}")
    assert abs(lag(load_audio(tmp_path / f"a.{suffix}"), bursts()) - 0.5) < NEAR


@pytest.mark.parametrize("gap", [0.5, 12])
@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mkv", "aac"), ("webm", "libopus"), ("mp4", "aac"), ("ts", "aac"), ("flv", "aac"), ("wma", "wmav2")],
)
def test_gaps_in_the_timestamps_are_silence(tmp_path, suffix, codec, gap):
    later = f"asetpts=if(gte(T\\,1)\\,PTS+{gap}/TB\\,PTS)"
    ffmpeg("-i", write_bursts(tmp_path), "-af", later, "-c:a", codec, tmp_path / f"a.{suffix}")
    whole = bursts()
    wanted = np.concatenate([whole[:16000], np.zeros(round(16000 * gap), np.float32), whole[16000:]])
    sound = load_audio(tmp_path / f"a.{suffix}")
    assert abs(lag(sound, wanted)) < NEAR
    assert abs(len(sound) / 16000 - 3 - gap) < 0.06


def test_a_stream_whose_clock_begins_again(tmp_path):
    """Two recordings of MPEG's joined by `cat`: none of the second is lost."""
    ffmpeg("-i", write_bursts(tmp_path), "-c:a", "aac", tmp_path / "a.ts")
    (tmp_path / "b.ts").write_bytes((tmp_path / "a.ts").read_bytes() * 2)
    sound = load_audio(tmp_path / "b.ts")
    assert abs(lag(sound, np.concatenate([bursts()] * 2))) < 0.04
    assert abs(len(sound) / 16000 - 6) < 0.1


def test_a_piece_of_a_longer_stream_begins_with_its_sound(tmp_path):
    ffmpeg("-itsoffset", 5000, "-i", write_bursts(tmp_path), "-c:a", "libopus", tmp_path / "a.webm")
    recording = Recording(tmp_path / "a.webm")
    assert abs(lag(np.concatenate(list(recording.blocks())), bursts())) < 0.01
    assert recording.notes == []


@pytest.mark.parametrize("codec", ["libvorbis", "libopus", "flac"])
def test_a_chain_of_ogg_is_read_to_its_end(tmp_path, codec):
    parts = []
    for rate, channels in ((16000, 1), (48000, 2)):
        ffmpeg("-i", write_bursts(tmp_path), "-ar", rate, "-ac", channels, "-c:a", codec, tmp_path / "part.ogg")
        parts.append((tmp_path / "part.ogg").read_bytes())
    (tmp_path / "a.ogg").write_bytes(b"".join(parts))
    sound = load_audio(tmp_path / "a.ogg")
    assert abs(lag(sound, np.concatenate([bursts()] * 2))) < NEAR
    assert abs(len(sound) / 16000 - 6) < 0.03
    assert np.abs(sound[48000:]).max() > 0.4


def test_zero_of_the_clock():
    def clock(codec, sound, picture=None):
        return PacketClock(codec, 16000, sound, picture)

    assert clock("aac", 0.5).zero(absolute=True, says_priming=True) == 0
    assert clock("aac", 0.5).zero(absolute=True, says_priming=False) == 0.064
    assert clock("aac", 0.0).zero(absolute=False, says_priming=False) == 0.064
    assert clock("aac", 0.0, 0.064).zero(absolute=False, says_priming=False) == 0.064
    assert clock("aac", 0.9, 0.0).zero(absolute=False, says_priming=False) == 0
    assert clock("opus", 5000.0).zero(absolute=True, says_priming=True) == 5000
