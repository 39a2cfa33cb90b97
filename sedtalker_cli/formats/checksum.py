"""Checksums of files and folders; what was hashed while it was written is not read again."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

from sedtalker_cli.errors import InputError

MOST_KNOWN = 64  # files; they are asked for soon after they were written, or not at all
_known: OrderedDict[tuple[int, int], tuple[int, int, str]] = OrderedDict()


class HashedFile:
    """A file that is hashed while it is written from its beginning to its end.

    Args:
        file: opened for writing, empty.
    """

    def __init__(self, file: BinaryIO):
        self._file, self._digest = file, hashlib.sha256()

    def write(self, data: bytes | memoryview) -> int:
        """Add to the end."""
        self._digest.update(data)
        return self._file.write(data)

    def remember(self) -> None:
        """Let `file_checksum` know the file, under whatever name, the next time that it is asked, unless it changed."""
        self._file.flush()
        state = os.fstat(self._file.fileno())
        _known[state.st_dev, state.st_ino] = state.st_size, state.st_mtime_ns, self._digest.hexdigest()
        while len(_known) > MOST_KNOWN:
            _known.popitem(last=False)


def file_checksum(path: Path) -> str:
    """SHA-256 of a file's content, as hex.

    Raises:
        InputError: it is a pipe, a socket or a device, whose content would never end or come twice.
        OSError: it cannot be read.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"{path}: is not a regular file; save its content to a file first")
    with open(path, "rb") as file:
        state = os.fstat(file.fileno())
        size, changed, found = _known.pop((state.st_dev, state.st_ino), (0, 0, ""))
        if found and (size, changed) == (state.st_size, state.st_mtime_ns):
            return found
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def content_checksum(path: Path) -> str:
    """SHA-256 of a file, or of names and contents of all files in a folder and below, as hex."""
    if not path.is_dir():
        return file_checksum(path)
    lines = (f"{file_checksum(entry)} {entry.relative_to(path).as_posix()}\n" for entry in files_below(path))
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def total_size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder and below."""
    if path.is_dir():
        return sum(entry.stat().st_size for entry in files_below(path))
    return path.stat().st_size


def files_below(folder: Path) -> list[Path]:
    """All that is no folder, in a folder and below, sorted."""
    return sorted(entry for entry in folder.rglob("*") if not entry.is_dir())
