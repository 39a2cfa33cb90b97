"""Checksums of files and folders."""

from __future__ import annotations

import hashlib
from pathlib import Path


def file_checksum(path: Path) -> str:
    """SHA-256 of a file's content, as hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def content_checksum(path: Path) -> str:
    """SHA-256 of a file, or of names and contents of the files in a folder, as hex."""
    if not path.is_dir():
        return file_checksum(path)
    lines = (f"{file_checksum(entry)} {entry.name}\n" for entry in sorted(path.iterdir()))
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()
