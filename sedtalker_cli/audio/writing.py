"""A recording's sound as films, pages and packages take it along: on the same clock as what was heard in it."""

import os
from contextlib import closing
from typing import BinaryIO

import numpy as np
import soundfile as sf

from sedtalker_cli.audio.decoding import resampled
from sedtalker_cli.audio.recording import Recording
from sedtalker_cli.errors import InputError


def write_sound(
    source: str | os.PathLike[str],
    target: str | BinaryIO,
    duration: float,
    *,
    rate: int | None = None,
    mono: bool = False,
    kind: str = "FLAC",
) -> None:
    """Write 16-bit samples that lie where `Recording` has them.

    Args:
        source: sound file, or film with sound.
        target: path or binary file.
        duration: where it is cut, if it is longer [s].
        rate: Hz; None keeps the source's.
        mono: whether two channels become one, as they are heard.
        kind: `FLAC` or `WAV`.

    Raises:
        InputError: the sound cannot be used.
    """
    recording = Recording(source)
    rate = rate or recording.rate
    channels, blocks = recording.native_blocks(mono)
    left = round(duration * rate)
    try:
        with sf.SoundFile(target, "w", rate, channels, "PCM_16", format=kind) as file, closing(blocks):
            for block in resampled(blocks, recording.rate, rate):
                file.write(np.clip(np.rint(block[:left] * 32767), -32768, 32767).astype(np.int16))
                left -= len(block)
                if left <= 0:
                    break
    except sf.SoundFileError as error:
        raise InputError(f"{source}: its sound cannot be written ({error}); is the disk full?") from error
