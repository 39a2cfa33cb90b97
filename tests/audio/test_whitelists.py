"""ffmpeg opens the file that it is given and nothing else: no other file of this machine, no address.

What is refused here is read by ffmpeg left to itself, as the first lines of the tests make sure.
"""

import socket
import subprocess
import threading

import pytest
import soundfile as sf
from imageio_ffmpeg import get_ffmpeg_exe

from sedtalker_cli.audio import ffmpeg as decoder
from sedtalker_cli.audio.ffmpeg import open_with_ffmpeg, sound_input
from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.errors import InputError
from tests.audio.sounds import bursts, ffmpeg

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n"


@pytest.fixture
def secret(tmp_path):
    """Sound that somebody else's file refers to."""
    (tmp_path / "private").mkdir()
    sf.write(tmp_path / "private/secret.wav", bursts(), 16000)
    ffmpeg("-i", tmp_path / "private/secret.wav", "-c:a", "aac", tmp_path / "private/secret.ts")
    return tmp_path


def run(*arguments) -> subprocess.CompletedProcess:
    command = [get_ffmpeg_exe(), "-v", "error", "-nostdin", *map(str, arguments), "-map", "0:a", "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", PLAYLIST.format("private/secret.ts")),
        ("list.ffconcat", "ffconcat version 1.0\nfile private/secret.wav\n"),
        ("list.wav", "ffconcat version 1.0\nfile private/secret.wav\n"),
        ("list.mp3", "ffconcat version 1.0\nfile private/secret.ts\n"),
    ],
)
def test_no_other_file_is_read(secret, name, text):
    (secret / name).write_text(text)
    assert run("-i", f"file:{secret / name}").returncode == 0
    with pytest.raises(InputError, match="is not a sound file that can be decoded"):
        load_audio(secret / name)
    with pytest.raises(InputError, match="is not a sound file that can be decoded"):
        open_with_ffmpeg(secret / name, "unknown")
    said = run(*sound_input(secret / name)).stderr
    assert "Format not on whitelist" in said


def test_protocols_are_held_back_where_a_playlist_would_be_read(secret, monkeypatch):
    """A second lock: if a container let ffmpeg follow a reference, it would get to files as they are and no further."""
    key, info = secret / "key.ts", secret / "info"  # an ending of sound, which is all that ffmpeg asks of a key
    key.write_bytes(bytes(range(16)))
    info.write_text(f"{key.name}\n{key}\n")
    hls = ("-f", "hls", "-hls_list_size", "0", "-hls_key_info_file", info)
    ffmpeg("-i", secret / "private/secret.wav", "-c:a", "aac", *hls, secret / "list.m3u8")
    assert run("-i", f"file:{secret / 'list.m3u8'}").returncode == 0  # by the protocol `crypto`
    monkeypatch.setattr(decoder, "DEMUXERS", f"{decoder.DEMUXERS},hls")
    found = run(*sound_input(secret / "list.m3u8"))
    assert found.returncode != 0 and "Protocol 'crypto' not on whitelist 'file'!" in found.stderr


def test_no_address_is_asked(secret, monkeypatch):
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                heard.append(connection.recv(4))
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        (secret / "list.m3u8").write_text(PLAYLIST.format(url))
        run("-protocol_whitelist", "file,http,tcp", "-i", f"file:{secret / 'list.m3u8'}")
        assert heard == [b"GET "]
        for demuxers in (decoder.DEMUXERS, f"{decoder.DEMUXERS},hls"):
            monkeypatch.setattr(decoder, "DEMUXERS", demuxers)
            with pytest.raises(InputError, match="is not a sound file that can be decoded"):
                load_audio(secret / "list.m3u8")
        assert "No such file" in run(*sound_input(url)).stderr  # an address is the name of a file that is not there
        assert heard == [b"GET "]


def test_every_container_that_is_let_through_holds_its_own_sound():
    others = {"hls", "concat", "concatf", "dash", "sdp", "rtsp", "imf", "image2", "lavfi", "webm_dash_manifest"}
    allowed = decoder.DEMUXERS.split(",")
    assert not others & set(allowed) and len(allowed) == len(set(allowed))
    listing = subprocess.run([get_ffmpeg_exe(), "-hide_banner", "-demuxers"], capture_output=True, text=True).stdout
    known = {name for line in listing.splitlines() if line[1:2] == "D" for name in line.split()[1].split(",")}
    assert set(allowed) <= known  # a name that ffmpeg does not know would let through nothing
