"""A recording as WAV, for formats that take nothing else along."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sedtalker_cli.audio.ffmpeg import sound_input
from sedtalker_cli.errors import InputError
from sedtalker_cli.render.video import find_ffmpeg


def write_wav(audio: Path, path: Path, duration: float) -> None:
    """Write 16-bit WAV, cut to `duration` seconds.

    Raises:
        InputError: the sound cannot be read.
    """
    command = [find_ffmpeg(), "-nostdin", "-v", "error", "-y", *sound_input(audio)]
    command += ["-vn", "-map_metadata", "-1", "-fflags", "+bitexact", "-t", f"{duration:.3f}", "-c:a", "pcm_s16le"]
    done = subprocess.run([*command, str(path)], capture_output=True)
    if done.returncode or not path.is_file():
        said = " ".join(done.stderr.decode("utf-8", "replace").split()) or "no sound in it"
        raise InputError(f"{audio}: cannot be written as WAV: {said}")
