"""Sound files of any format, rate and channel count as mono 16 kHz samples, in bounded memory."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.errors import InputError

MIN_SECONDS = 0.02  # one feature frame
MIN_FILE_RATE, MAX_FILE_RATE = 1000, 1_000_000
MAX_AMPLITUDE = 1e6  # full scale is 1; float files beyond this hold no sound
READ_VALUES = 1 << 18  # values decoded at once, over all channels
SUFFIXES = (
    *(
        ".wav",
        ".wave",
        ".flac",
        ".ogg",
        ".oga",
        ".opus",
        ".mp3",
        ".m4a",
        ".m4b",
        ".mp4",
        ".mov",
        ".3gp",
        ".aac",
    ),
    *(
        ".ac3",
        ".aif",
        ".aiff",
        ".aifc",
        ".au",
        ".snd",
        ".caf",
        ".w64",
        ".rf64",
        ".wma",
        ".amr",
        ".webm",
        ".mkv",
    ),
    *(".mka", ".avi", ".mpg", ".mpeg", ".ape", ".tta", ".wv", ".voc"),
)


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
    """Decode a file piece by piece; the pieces joined are exactly what `load_audio` returns.

    Args:
        path: sound file, or film with sound.
        block_seconds: length of a piece in s; the last one is shorter.

    Yields:
        (n,) float32, mono, 16 kHz.

    Raises:
        InputError: as `load_audio`; raised at the piece where the fault is found.
    """
    size = max(round(block_seconds * SAMPLE_RATE), round(MIN_SECONDS * SAMPLE_RATE))
    pending: list[np.ndarray] = []
    held = total = 0
    for piece in _decode(Path(path)):
        pending.append(piece)
        held += len(piece)
        total += len(piece)
        while held > size:
            joined = np.concatenate(pending)
            yield joined[:size]
            pending, held = [joined[size:]], held - size
    if total == 0:
        raise InputError(f"{path}: holds no samples; record or export it again")
    if total < round(MIN_SECONDS * SAMPLE_RATE):
        raise InputError(
            f"{path}: lasts only {total / SAMPLE_RATE * 1000:.2g} ms; at least {MIN_SECONDS * 1000:.0f} ms are needed"
        )
    yield np.concatenate(pending)


def audio_duration(path: str | os.PathLike[str]) -> float:
    """Exact duration in s, by decoding: headers of many formats are wrong about it."""
    return sum(len(block) for block in stream_audio(path)) / SAMPLE_RATE


def header_duration(path: str | os.PathLike[str]) -> float | None:
    """Duration in s by the header, without decoding: it may be wrong, so for progress only; None if unknown."""
    try:
        info = sf.info(_native(path))
        return info.frames / info.samplerate
    except (sf.SoundFileError, OSError, ValueError, ZeroDivisionError):
        return None


def _native(path: str | os.PathLike[str]) -> str | bytes:
    """A name as libsndfile takes it: elsewhere than on Windows names are bytes, which need not be text."""
    return os.fspath(path) if os.name == "nt" else os.fsencode(path)


def _decode(path: Path) -> Iterator[np.ndarray]:
    """Checked mono 16 kHz pieces (n,) of uneven length; what libsndfile does not know goes through ffmpeg."""
    check_file(path)
    try:
        file = sf.SoundFile(_native(path))
    except sf.SoundFileError as error:
        from sedtalker_cli.audio.ffmpeg import decode_with_ffmpeg

        reason = getattr(error, "error_string", str(error)).strip()
        yield from _finite(path, decode_with_ffmpeg(path, SAMPLE_RATE, reason))
        return
    with file:
        rate = file.samplerate
        if not MIN_FILE_RATE <= rate <= MAX_FILE_RATE:
            raise InputError(
                f"{path}: claims a sample rate of {rate} Hz (allowed {MIN_FILE_RATE} to {MAX_FILE_RATE}); "
                f"its header is damaged, export it again"
            )
        mono = (block.mean(axis=1, dtype=np.float32) for block in _finite(path, _read_blocks(path, file)))
        yield from mono if rate == SAMPLE_RATE else _resample(mono, rate)


def _read_blocks(path: Path, file: sf.SoundFile) -> Iterator[np.ndarray]:
    """Blocks (n, channels) until the decoder gives no more; the length in the header is ignored, as it may be wrong."""
    frames = max(1, READ_VALUES // file.channels)
    buffer = np.empty((frames, file.channels), np.float32)
    done = 0
    while True:
        try:
            block = file.read(out=buffer)
        except sf.SoundFileError as error:
            reason = getattr(error, "error_string", str(error)).strip()
            raise InputError(
                f"{path}: damaged after {done / file.samplerate:.2f} s ({reason}); export it again"
            ) from error
        if len(block) == 0:
            return
        done += len(block)
        yield block


def _finite(path: Path, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Pass blocks on; at the first unusable sample read to the end, so that the error can name how many."""
    bad = 0
    for block in blocks:
        bad += block.size - int(np.count_nonzero(np.abs(block) < MAX_AMPLITUDE))  # NaN compares as False
        if not bad:
            yield block
    if bad:
        raise InputError(
            f"{path}: {bad} sample{'s are' if bad > 1 else ' is'} not a number, "
            f"infinite or absurdly large; repair or export it again"
        )


def _resample(blocks: Iterator[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """Stateful resampling: the result does not depend on how the samples were cut into blocks."""
    resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for block in blocks:
        # Very low rates grow a lot: cut the input so that one output piece stays small.
        step = max(1, min(len(block), READ_VALUES * rate // SAMPLE_RATE))
        for start in range(0, len(block), step):
            piece = resampler.resample_chunk(block[start : start + step])
            if len(piece):
                yield piece
    tail = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
    if len(tail):
        yield tail


def is_sound_name(path: Path) -> bool:
    """Whether a file found in a folder looks like sound; only the decoder knows for sure."""
    return path.suffix.lower() in SUFFIXES


def check_file(path: Path) -> None:
    """Raise an `InputError` that says why a path cannot be an input, if so."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{path}: is a folder; name a sound file, or search it with --recursive")
        if not stat.S_ISREG(mode):
            raise InputError(f"{path}: is not a regular file; save the sound to a file first")
        with open(path, "rb") as file:
            if not file.read(1):
                raise InputError(f"{path}: is an empty file; record or export it again")
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; check the path") from None
    except PermissionError:
        raise InputError(f"{path}: may not be read; change its permissions (chmod +r)") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be opened ({error})") from error
