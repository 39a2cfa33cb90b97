"""Errors of the system that concern a disk, not an input: full, or closed to writing."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
LITTLE = 1 << 16  # bytes; with less nothing can be written


@contextmanager
def name_full_disk(folder: Path) -> Iterator[None]:
    """Let errors while files are written here say so, if the reason is that the disk is full.

    Libraries and programs report a full disk in many ways; so the disk itself is asked.

    Args:
        folder: where files are written.

    Raises:
        OSError: ENOSPC with the folder whose disk is full.
    """
    try:
        yield
    except Exception as error:
        full = _full_place(error, folder)
        if full is None:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(full)) from error


def explain_os_error(error: OSError) -> str:
    """What the system says, as a person can act on it; one line.

    Args:
        error: with `strerror`.
    """
    where = error.filename if error.filename is not None else error.filename2
    place = _shown(where) if where is not None else None
    if error.errno in FULL:
        disk = f"the disk of {place} is full" if place else "the disk is full"
        return f"{disk} ({error.strerror}); free some space, or write to another one"
    if error.errno == errno.EROFS:
        disk = f"{place} lies on a disk" if place else "the disk is one"
        return f"{disk} that may only be read ({error.strerror}); write to another one"
    if error.errno in (errno.EACCES, errno.EPERM) and place:
        return f"{place} may not be written to or read ({error.strerror}); change its permissions"
    return f"{error.strerror}{f' ({place})' if place else ''}"


def _shown(where: object) -> str:
    return os.fsdecode(where) if isinstance(where, str | bytes | os.PathLike) else str(where)


def _full_place(error: Exception, folder: Path) -> Path | None:
    """The folder whose disk is full, None if none is."""
    if isinstance(error, OSError) and error.errno in FULL:
        named = Path(_shown(error.filename)) if error.filename is not None else folder
        return folder if named.is_relative_to(folder) else named
    if os.strerror(errno.ENOSPC) in str(error):  # as a program said that has cleaned up since
        return folder
    for place in (folder, Path(tempfile.gettempdir())):
        try:
            if shutil.disk_usage(place).free < LITTLE:
                return place
        except OSError:
            continue
    return None
