"""Checksums: of what was written, whether it was hashed on the way or is read."""

import hashlib
import os

import numpy as np
import pytest

from sedtalker_cli.formats import checksum
from sedtalker_cli.formats.motion import write_vertices


@pytest.fixture
def reads(monkeypatch):
    """Counts the files that are hashed by reading."""
    made = []
    real = hashlib.sha256

    def counted(*content):
        made.append(1)
        return real(*content)

    monkeypatch.setattr(checksum.hashlib, "sha256", counted)
    return made


def write(path):
    write_vertices(path, [np.full((2, 3, 3), k, np.float32) for k in range(4)], (8, 3, 3))


def test_vertices_are_hashed_while_they_are_written_and_known_by_any_name(tmp_path, reads):
    write(tmp_path / "a.npy")
    os.replace(tmp_path / "a.npy", tmp_path / "b.npy")
    expected = hashlib.sha256((tmp_path / "b.npy").read_bytes()).hexdigest()
    before = len(reads)
    assert checksum.file_checksum(tmp_path / "b.npy") == expected
    assert len(reads) == before  # was not read
    assert checksum.file_checksum(tmp_path / "b.npy") == expected
    assert len(reads) == before + 1  # what is known is known once: later somebody may have edited it


@pytest.mark.parametrize("change", ["content", "size", "time"])
def test_a_file_that_changed_is_read(tmp_path, change):
    path = tmp_path / "a.npy"
    write(path)
    content = path.read_bytes()
    if change != "time":
        content = content[:-1] + (b"?" if change == "content" else b"??")
        path.write_bytes(content)
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1000))
    assert checksum.file_checksum(path) == hashlib.sha256(content).hexdigest()


def test_few_are_remembered(tmp_path):
    for number in range(checksum.MOST_KNOWN + 10):
        write(tmp_path / f"{number}.npy")
    assert len(checksum._known) <= checksum.MOST_KNOWN
    for path in tmp_path.iterdir():
        assert checksum.file_checksum(path) == hashlib.sha256(path.read_bytes()).hexdigest()
