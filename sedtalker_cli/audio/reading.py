"""Sound files of any format, rate and channel count as mono 16 kHz samples, in bounded memory."""

import logging
import os
from collections.abc import Iterator

import numpy as np

from sedtalker_cli.audio.recording import Recording

LOGGER = logging.getLogger("sedtalker")


def load_audio(path: str | os.PathLike[str]) -> np.ndarray:
    """Decode a whole file.

    Args:
        path: sound file, or film with sound.

    Returns:
        (N,) float32, mono, 16 kHz.

    Raises:
        InputError: missing, unreadable, empty, not sound, or holds samples that are not finite.
    """
    return np.concatenate(list(stream_audio(path, block_seconds=60.0)))


def stream_audio(path: str | os.PathLike[str], block_seconds: float = 10.0) -> Iterator[np.ndarray]:
    """Decode a file and give it piece by piece; the pieces joined are exactly what `load_audio` returns.

    What was cut off, damaged or put right is said as a warning.

    Args:
        path: sound file, or film with sound.
        block_seconds: length of a piece in s; the last one is shorter.

    Yields:
        (n,) float32, mono, 16 kHz.

    Raises:
        InputError: as `load_audio`, before the first piece.
    """
    recording = Recording(path)
    for note in recording.notes:
        LOGGER.warning("%s: %s", path, note)
    yield from recording.blocks(block_seconds)


def audio_duration(path: str | os.PathLike[str]) -> float:
    """Exact duration in s, by decoding: headers of many formats are wrong about it."""
    return Recording(path).duration
