"""Folders for what is not finished, beside the outputs: locked while they are used, removed when nobody holds them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import BaseFileLock, FileLock, Timeout

LOCK = ".lock"
TRIES = 20  # to make a folder while other processes remove empty ones


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """An empty folder, locked while it is in use and removed afterwards.

    Locks end with the process that holds them, on whatever machine, so `remove_orphans` knows what is left over.

    Args:
        parent: where it is made; on the file system of the outputs.
    """
    path, lock = _locked_folder(parent)
    try:
        yield path
    finally:
        lock.release()  # first: some systems do not remove what is open
        shutil.rmtree(path, ignore_errors=True)


def remove_orphans(parent: Path) -> None:
    """Remove staging that nobody holds any more: its process was killed."""
    for path in parent.glob(".part-*"):
        lock = FileLock(path / LOCK)
        try:
            free = _take(lock)
        except OSError:
            continue
        if free:
            lock.release()
            shutil.rmtree(path, ignore_errors=True)


def _locked_folder(parent: Path) -> tuple[Path, BaseFileLock]:
    """A new folder and its lock.

    Raises:
        OSError: it cannot be made.
    """
    for trial in range(TRIES):
        path = parent / f".part-{uuid4().hex[:12]}"
        # Until the lock is held another process may take this for an orphan, or for an empty folder: try again.
        try:
            path.mkdir(parents=True)
            lock = FileLock(path / LOCK)
            if _take(lock) is not False and path.is_dir():
                return path, lock
            lock.release()
        except FileNotFoundError:
            if trial == TRIES - 1:
                raise
    raise FileNotFoundError(f"{parent}: folders vanish as soon as they are made")


def _take(lock: BaseFileLock) -> bool | None:
    """Take a lock without waiting: True, False if another has it, None where the file system knows no locks.

    Raises:
        FileNotFoundError: its folder is gone.
    """
    try:
        lock.acquire(timeout=0)
        return True
    except Timeout:
        return False
    except FileNotFoundError:
        raise
    except (OSError, NotImplementedError):
        return None
