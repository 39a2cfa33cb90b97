"""Which files are sound: by their names in a folder, and what a path that is none is instead."""

import os
import stat
from pathlib import Path

import soundfile as sf

from sedtalker_cli.audio.decoding import native
from sedtalker_cli.disguises import HEAD, true_kind
from sedtalker_cli.errors import InputError

_SUFFIXES = """
    wav wave rf64 w64 flac ogg oga opus spx mp3 mp2 mpga m4a m4b m4r aac ac3 eac3 ec3 aif aiff aifc au snd caf wma amr
    ape tta wv voc sph nist
    mp4 m4v mov 3gp 3g2 3gpp webm mkv mka avi flv f4v wmv asf mpg mpeg vob ts m2ts mts m2t ogv ogx
"""
SUFFIXES = tuple(f".{name}" for name in _SUFFIXES.split())


def is_sound_name(path: Path) -> bool:
    """Whether a file found in a folder looks like sound; only the decoder knows for sure."""
    return path.suffix.lower() in SUFFIXES


def header_duration(path: str | os.PathLike[str]) -> float | None:
    """Duration in s by the header, without decoding: it may be wrong, so for progress only; None if unknown."""
    try:
        info = sf.info(native(path))
    except (sf.SoundFileError, OSError, ValueError, TypeError):
        return None
    return info.frames / info.samplerate if 0 < info.frames < 1 << 62 and info.samplerate > 0 else None


def check_file(path: Path) -> None:
    """Raise an `InputError` that says why a path cannot be an input, if so."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{path}: is a folder; name a sound file, or search it with --recursive")
        if not stat.S_ISREG(mode):
            raise InputError(f"{path}: is not a regular file; save the sound to a file first")
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; check the path") from None
    except PermissionError:
        raise InputError(f"{path}: may not be read; change its permissions (chmod +r)") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be opened ({error})") from error
    if not head:
        raise InputError(f"{path}: is an empty file; record or export it again")
    if (found := true_kind(head)) is not None:
        raise InputError(f"{path}: {found}")
