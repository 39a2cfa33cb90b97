"""Headers that do not know how long a sound is, or promise more than is there."""

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.audio.files import header_duration, is_sound_name
from sedtalker_cli.audio.recording import Recording
from sedtalker_cli.errors import InputError
from tests.audio.sounds import bursts, ffmpeg, lag, piped, write_bursts


def heard(path) -> tuple[np.ndarray, list[str]]:
    recording = Recording(path)
    return np.concatenate(list(recording.blocks())), recording.notes


@pytest.mark.parametrize("kind", ["wav", "flac", "aiff", "au", "w64", "caf", "mp3", "matroska", "mpegts", "tta", "voc"])
def test_sound_from_a_pipe_is_read_whole(tmp_path, kind):
    """Where a program cannot go back to its header, the length there is 0, all ones, or wrong."""
    (tmp_path / "a.x").write_bytes(piped("-i", write_bursts(tmp_path), "-f", kind))
    sound, notes = heard(tmp_path / "a.x")
    assert abs(lag(sound, bursts())) < 0.003 and notes == []
    assert abs(len(sound) - 48000) < 500


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_a_wav_without_a_length(tmp_path, size):
    content = bytearray(write_bursts(tmp_path, 16000).read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = content[4:8] = size.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    sound, notes = heard(tmp_path / "a.wav")
    assert len(sound) == 48000 and notes == []
    assert np.abs(sound - bursts()).max() < 1e-4
    assert header_duration(tmp_path / "a.wav") in (None, 3.0)


def test_a_flac_of_unknown_length_of_several_blocks(tmp_path):
    sf.write(tmp_path / "long.wav", np.tile(bursts(), 20), 16000)
    (tmp_path / "a.flac").write_bytes(piped("-i", tmp_path / "long.wav", "-f", "flac"))
    assert len(heard(tmp_path / "a.flac")[0]) == 60 * 16000
    assert header_duration(tmp_path / "a.flac") is None


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        *(("wav", ()), ("flac", ()), ("aiff", ()), ("au", ()), ("w64", ()), ("caf", ("-c:a", "pcm_s16le"))),
        *(("ogg", ("-c:a", "libopus")), ("mp3", ()), ("m4a", ("-movflags", "faststart")), ("mkv", ("-c:a", "aac"))),
        *(("ts", ("-c:a", "aac")), ("wma", ()), ("avi", ("-c:a", "mp3")), ("aac", ()), ("wv", ())),
    ],
)
def test_of_a_file_that_was_cut_off_the_rest_is_read_and_named(tmp_path, suffix, options):
    sf.write(tmp_path / "noise.wav", bursts() + np.random.default_rng(0).normal(0, 0.05, 48000), 16000)
    ffmpeg("-i", tmp_path / "noise.wav", *options, tmp_path / f"whole.{suffix}")
    assert heard(tmp_path / f"whole.{suffix}")[1] == []
    content = (tmp_path / f"whole.{suffix}").read_bytes()
    (tmp_path / f"a.{suffix}").write_bytes(content[: round(len(content) * 0.6)])
    sound, notes = heard(tmp_path / f"a.{suffix}")
    assert 0.9 < len(sound) / 16000 < 2.2
    assert abs(lag(sound, bursts()[: len(sound)])) < 0.003
    assert len(notes) == 1 and "cut off" in notes[0]


def test_a_sphere_file_that_was_cut_off(tmp_path):
    sf.write(tmp_path / "a.sph", bursts(), 16000, format="NIST", subtype="PCM_16")
    assert heard(tmp_path / "a.sph")[1] == []
    with open(tmp_path / "a.sph", "r+b") as file:
        file.truncate(1024 + 32000)
    sound, notes = heard(tmp_path / "a.sph")
    assert len(sound) == 16000 and notes == ["cut off: 1.00 s of the 3.00 s that its header names are there"]


def test_flac_with_a_hole_is_read_on_both_sides(tmp_path):
    sf.write(tmp_path / "a.flac", np.random.default_rng(0).normal(0, 0.1, 160_000), 16000)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    (tmp_path / "a.flac").write_bytes(content)
    sound, notes = heard(tmp_path / "a.flac")
    assert len(sound) > 140_000
    assert len(notes) == 1 and "damaged" in notes[0]


def test_samples_that_follow_no_header(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(32000))
    assert header_duration(tmp_path / "a.raw") is None
    with pytest.raises(InputError, match=r"a\.raw: is not a sound file"):
        Recording(tmp_path / "a.raw")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.wav", b"<!DOCTYPE html>\n<html><head>", "is an HTML page"),
        ("a.mp3", b"\xef\xbb\xbf\n <!-- saved -->\n<HTML lang='en'>", "is an HTML page"),
        ("a.wav", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is a Git LFS pointer.*git lfs pull"),
        ("a.wav", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "is an XML text"),
        ("a.flac", b'{"error": "not found"}', "is a JSON text"),
        ("a.wav", b"PK\x03\x04" + bytes(40), "is a ZIP archive"),
        ("a.ogg", b"\x1f\x8b\x08" + bytes(40), "gzip"),
        ("a.wav", b"%PDF-1.7\n", "is a PDF document"),
        ("a.m4a", b"\x89PNG\r\n\x1a\n", "is a picture"),
    ],
)
def test_what_only_bears_the_name_of_sound_is_named(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said) as error:
        Recording(tmp_path / name)
    assert name in str(error.value)


def test_folders_are_searched_for_everything_that_is_read(tmp_path):
    source = write_bursts(tmp_path)
    made = ("ts", "m2ts", "mts", "wmv", "flv", "3g2", "ogv", "mp2", "eac3", "m4r", "mpg", "vob", "m4v", "oga", "mka")
    for suffix in made:
        codec = {"ogv": ("-c:a", "libvorbis"), "3g2": ("-c:a", "aac"), "m4r": ("-f", "ipod")}.get(suffix, ())
        ffmpeg("-i", source, *codec, tmp_path / f"a.{suffix}")
        assert is_sound_name(tmp_path / f"A.{suffix.upper()}")
        assert Recording(tmp_path / f"a.{suffix}").duration > 2.9
    assert is_sound_name(tmp_path / "a.sph") and not is_sound_name(tmp_path / "a.txt")
