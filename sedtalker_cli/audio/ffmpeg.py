"""Decoding through ffmpeg's binary, for containers that libsndfile does not know (m4a, webm, film...)."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sedtalker_cli.errors import InputError

# Playlists and scripts (hls, concat...) could make ffmpeg open other files or addresses: containers only.
DEMUXERS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,voc,w64,wav,wv"
PIPE_BYTES = 1 << 20


def sound_input(path: Path) -> list[str]:
    """Arguments with which ffmpeg reads a sound file of any name, but no other file that it refers to."""
    return ["-protocol_whitelist", "file", "-format_whitelist", DEMUXERS, "-i", f"file:{path}"]


def decode_with_ffmpeg(path: Path, sample_rate: int, reason: str) -> Iterator[np.ndarray]:
    """Mix to mono and resample in ffmpeg, read through a pipe.

    Args:
        path: an existing file.
        sample_rate: of the result in Hz.
        reason: why libsndfile refused it, for the message.

    Yields:
        (n,) float32.

    Raises:
        InputError: ffmpeg is missing, or cannot decode the file to its end.
    """
    command = [
        *(_binary(path, reason), "-nostdin", "-v", "error", "-xerror"),
        *sound_input(path),
        *("-map", "0:a:0", "-vn", "-ac", "1", "-ar", str(sample_rate), "-f", "f32le", "-"),
    ]
    samples = 0
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages, bufsize=PIPE_BYTES
        )
        try:
            while data := process.stdout.read(PIPE_BYTES):
                block = np.frombuffer(data[: len(data) // 4 * 4], "<f4").astype(np.float32)
                samples += len(block)
                yield block
            code = process.wait()
        finally:
            process.kill()
            process.stdout.close()
            process.wait()
        messages.seek(0)
        said = messages.read(4000).decode("utf-8", "replace")
    if code == 0:
        return
    if samples:
        raise InputError(f"{path}: damaged after {samples / sample_rate:.2f} s; export it again")
    if "matches no streams" in said:
        raise InputError(f"{path}: holds no sound track; give a file with sound")
    raise InputError(f"{path}: is not a sound file that can be decoded ({reason.rstrip('.')}); convert it to wav")


def _binary(path: Path, reason: str) -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    try:
        return get_ffmpeg_exe()
    except RuntimeError as error:
        raise InputError(
            f"{path}: {reason.rstrip('.')}, and no ffmpeg was found to try; install ffmpeg or convert the file to wav"
        ) from error
