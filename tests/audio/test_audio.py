"""Decoding: every format to the same mono 16 kHz samples, and one clear line for what is no sound."""

import os
import struct
import subprocess

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from sedtalker_cli.audio.files import header_duration
from sedtalker_cli.audio.reading import audio_duration, load_audio, stream_audio
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.errors import InputError
from tests.conftest import tone, write_sound


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    n = min(len(a), len(b))
    return float(np.corrcoef(a[:n], b[:n])[0, 1])


def test_16_khz_mono_is_untouched(tmp_path):
    samples = tone(1.0)
    sf.write(tmp_path / "a.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    assert np.array_equal(load_audio(tmp_path / "a.wav"), samples)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000, 192000])
def test_rates_keep_time_and_pitch(tmp_path, rate):
    path = write_sound(tmp_path / "a.wav", 2.0, rate, subtype="FLOAT")
    samples = load_audio(path)
    assert samples.dtype == np.float32
    assert abs(len(samples) - 32000) <= 1
    middle = slice(2000, 30000)
    assert np.abs(samples[: len(tone(2.0))][middle] - tone(2.0)[middle]).max() < 2e-3


def test_stereo_8_khz_is_the_mean_of_both(tmp_path):
    left, right = tone(1.0, 8000, 200), tone(1.0, 8000, 300)
    sf.write(tmp_path / "s.wav", np.stack([left, right], 1), 8000, subtype="FLOAT")
    sf.write(tmp_path / "m.wav", (left + right) / 2, 8000, subtype="FLOAT")
    assert np.allclose(load_audio(tmp_path / "s.wav"), load_audio(tmp_path / "m.wav"), atol=1e-6)


@pytest.mark.parametrize(("suffix", "options"), [("flac", {}), ("ogg", {}), ("mp3", {}), ("aiff", {})])
def test_formats(tmp_path, suffix, options):
    path = write_sound(tmp_path / f"a.{suffix}", 2.0, 16000, **options)
    samples = load_audio(path)
    assert abs(len(samples) / SAMPLE_RATE - 2.0) < 0.08
    assert similarity(samples, tone(2.0)) > 0.99


def test_opus_in_ogg(tmp_path):
    path = write_sound(tmp_path / "a.ogg", 2.0, 48000, format="OGG", subtype="OPUS")
    assert similarity(load_audio(path), tone(2.0)) > 0.98


def test_container_through_ffmpeg(tmp_path):
    from imageio_ffmpeg import get_ffmpeg_exe

    write_sound(tmp_path / "a.wav", 3.0, 44100)
    made = tmp_path / "-a b.m4a"
    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "a.wav"), "-c:a", "aac", f"file:{made}"]
    subprocess.run(command, check=True)
    samples = load_audio(made)
    assert abs(len(samples) / SAMPLE_RATE - 3.0) < 0.05
    assert similarity(samples, tone(3.0)) > 0.99
    assert header_duration(made) is None
    assert audio_duration(made) == len(samples) / SAMPLE_RATE
    half = tmp_path / "half.m4a"
    half.write_bytes(made.read_bytes()[:9000])
    with pytest.raises(InputError, match=r"half\.m4a"):
        load_audio(half)


def test_film_without_sound(tmp_path):
    from imageio_ffmpeg import get_ffmpeg_exe

    film = tmp_path / "silent.mp4"
    command = [get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "color=c=red:s=64x64:d=0.2", str(film)]
    subprocess.run(command, check=True)
    with pytest.raises(InputError, match="no sound track"):
        load_audio(film)


def test_playlist_is_not_followed(tmp_path):
    write_sound(tmp_path / "a.wav")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\na.wav\n#EXT-X-ENDLIST\n")
    with pytest.raises(InputError, match="not a sound file"):
        load_audio(tmp_path / "list.m3u8")


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([8000, 16000, 22050, 44100, 96000]),
    frames=st.integers(4000, 40000),
    block=st.floats(0.02, 2.0),
)
def test_stream_equals_whole(tmp_path_factory, rate, frames, block):
    path = tmp_path_factory.mktemp("stream") / "a.wav"
    sf.write(path, np.random.default_rng(frames).uniform(-0.5, 0.5, frames), rate)
    pieces = list(stream_audio(path, block))
    size = max(round(block * SAMPLE_RATE), 320)
    assert all(len(piece) == size for piece in pieces[:-1])
    assert 0 < len(pieces[-1]) <= size
    assert np.array_equal(np.concatenate(pieces), load_audio(path))


def test_resampling_does_not_depend_on_how_it_is_cut(tmp_path, monkeypatch):
    path = write_sound(tmp_path / "a.wav", 3.0, 44100)
    whole = load_audio(path)
    monkeypatch.setattr("sedtalker_cli.audio.decoding.READ_VALUES", 777)
    assert np.array_equal(load_audio(path), whole)


def test_durations(tmp_path):
    path = write_sound(tmp_path / "a.wav", 1.25, 8000)
    assert audio_duration(path) == 1.25
    assert header_duration(path) == 1.25


def test_long_silence_in_little_memory(tmp_path):
    import tracemalloc

    path = tmp_path / "silence.flac"
    with sf.SoundFile(path, "w", 16000, 1) as file:
        for _ in range(60):
            file.write(np.zeros(16000 * 10, np.float32))
    tracemalloc.start()
    total = 0
    for block in stream_audio(path):
        assert not block.any()
        total += len(block)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 600 * 16000
    assert peak < 8e6  # the whole would be 38 MB


def test_header_that_claims_too_much(tmp_path):
    path = write_sound(tmp_path / "a.wav", 1.0)
    data = bytearray(path.read_bytes())
    place = data.index(b"data")
    data[4:8] = data[place + 4 : place + 8] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert abs(len(load_audio(path)) - 16000) <= 1
    flac = write_sound(tmp_path / "a.flac", 1.0)
    data = bytearray(flac.read_bytes())
    data[21] |= 0x0F  # total samples, 36 bits from the low half of byte 21
    data[22:26] = b"\xff\xff\xff\xff"
    flac.write_bytes(data)
    try:
        assert len(load_audio(flac)) <= 16000
    except InputError as error:
        assert "damaged" in str(error)


BAD = {
    "text.wav": (b"this is no sound\n" * 50, "not a sound file"),
    "empty.wav": (b"", "empty file"),
    "noise.mp3": (bytes(range(256)) * 8, "not a sound file|damaged"),
    "riff.wav": (b"RIFF\x24\0\0\0WAVEfmt ", "not a sound file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_sound(tmp_path, name):
    content, said = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said) as error:
        load_audio(tmp_path / name)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_no_samples(tmp_path):
    sf.write(tmp_path / "zero.wav", np.zeros(0), 16000)
    with pytest.raises(InputError, match="holds no samples"):
        load_audio(tmp_path / "zero.wav")
    sf.write(tmp_path / "short.wav", np.zeros(100), 16000)
    with pytest.raises(InputError, match=r"only 6\.2 ms"):
        load_audio(tmp_path / "short.wav")


def test_samples_that_are_not_finite_are_counted(tmp_path):
    samples = tone(40.0)
    samples[[5, 17, 600_000]] = np.nan, np.inf, -np.inf
    sf.write(tmp_path / "nan.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(InputError, match=r"nan\.wav: 3 samples are"):
        load_audio(tmp_path / "nan.wav")


def test_absurd_rate(tmp_path):
    sf.write(tmp_path / "slow.wav", tone(1.0), 1)
    with pytest.raises(InputError, match="sample rate of 1 Hz"):
        load_audio(tmp_path / "slow.wav")


def test_many_channels(tmp_path):
    sf.write(tmp_path / "many.wav", np.repeat(tone(0.5)[:, None], 64, axis=1), 16000, subtype="FLOAT")
    assert np.allclose(load_audio(tmp_path / "many.wav"), tone(0.5), atol=1e-6)


def test_paths(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_audio(tmp_path / "none.wav")
    with pytest.raises(InputError, match="is a folder"):
        load_audio(tmp_path)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(InputError, match="not a regular file"):
        load_audio(tmp_path / "pipe.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path):
    path = write_sound(tmp_path / "a.wav")
    path.chmod(0)
    with pytest.raises(InputError, match="may not be read"):
        load_audio(path)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_flipped_bits_never_do_worse_than_an_error(tmp_path_factory, data):
    suffix = data.draw(st.sampled_from(["wav", "flac", "ogg", "mp3"]))
    path = write_sound(tmp_path_factory.mktemp("bits") / f"a.{suffix}", 0.3)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, min(len(content), 400) - 1), min_size=1, max_size=4)):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        samples = load_audio(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(samples).all()
