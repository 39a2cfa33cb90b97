"""Sounds whose moments are known, and files of them as other programs write them."""

import subprocess
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from imageio_ffmpeg import get_ffmpeg_exe

from sedtalker_cli.clock import SAMPLE_RATE

ONSETS = (0.3, 1.1, 2.0, 2.8)  # s


def bursts(rate: int = SAMPLE_RATE, seconds: float = 3.0) -> np.ndarray:
    """(N,) a short tone at each of `ONSETS`, silence between."""
    time = np.arange(round(seconds * rate)) / rate
    sound = np.zeros(len(time), np.float32)
    for onset in ONSETS:
        inside = (time >= onset) & (time < onset + 0.05)
        sound[inside] = 0.6 * np.sin(2 * np.pi * 1000 * (time[inside] - onset))
    return sound


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg on files."""
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


def piped(*arguments: object) -> bytes:
    """What ffmpeg writes to a pipe, where it cannot go back to fill in a length."""
    command = [get_ffmpeg_exe(), "-v", "error", "-nostdin", *map(str, arguments), "-"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def write_bursts(folder: Path, rate: int = 44100) -> Path:
    """A WAV of `bursts`."""
    sf.write(folder / "bursts.wav", bursts(rate), rate)
    return folder / "bursts.wav"


def lag(sound: np.ndarray, reference: np.ndarray, rate: int = SAMPLE_RATE) -> float:
    """By how many s the envelope of a sound (N,) at 16 kHz comes after that of a reference (M,) at `rate`."""
    pair = (sound, soxr.resample(reference, rate, SAMPLE_RATE))
    one, other = (np.convolve(np.abs(x), np.ones(80) / 80, "same") for x in pair)
    size = 2 * max(len(one), len(other))
    place = int(np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size).argmax())
    return (place - size if place > size // 2 else place) / SAMPLE_RATE
