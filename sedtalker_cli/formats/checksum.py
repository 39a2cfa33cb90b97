"""Checksums of files and folders."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

from sedtalker_cli.errors import InputError


def file_checksum(path: Path) -> str:
    """SHA-256 of a file's content, as hex.

    Raises:
        InputError: it is a pipe, a socket or a device, whose content would never end or come twice.
        OSError: it cannot be read.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"{path}: is not a regular file; save its content to a file first")
    digest = hashlib.sha256()
    with open(path, "rb") as file:
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
