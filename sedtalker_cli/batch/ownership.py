"""Whose a file is: what the program wrote and nobody has changed may be replaced; everything else is the user's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path

from sedtalker_cli.batch.records import Record, content_of
from sedtalker_cli.errors import UsageError
from sedtalker_cli.formats.checksum import files_below, total_size

BLOCK = 1 << 20  # bytes compared at once
REMEDY = "move it away, or use --overwrite or another --out"


class Owner(Enum):
    """Who has made what lies under an output's name."""

    NOBODY = "nothing is there"
    PROGRAM = "as it was written"
    EDITED = "written here and changed since"
    USER = "not made here"


def owner_of(target: Path, suffix: str, records: Sequence[Record | None]) -> Owner:
    """Whose an output is.

    A file that is older than its record is believed if its size is right; a younger one (edited, replaced, or copied
    from elsewhere) is read and compared.

    Args:
        target: the output.
        suffix: under which records know it.
        records: all that could know it; None stands for one that cannot be read.
    """
    if not os.path.lexists(target):
        return Owner.NOBODY
    known = [record for record in records if record is None or record.contents(suffix)]
    if not known:
        return Owner.USER
    try:
        size, changed, found = total_size(target), changed_at(target), None
        for record in known:
            for content in record.contents(suffix) if record else ():
                if content.bytes != size:
                    continue
                if changed < record.written:
                    return Owner.PROGRAM
                found = found or content_of(target)
                if found == content:
                    return Owner.PROGRAM
    except OSError:  # a dangling link, or what may not be read: not as it was written
        return Owner.EDITED
    return Owner.EDITED


def is_beginning(target: Path, whole: Path) -> bool:
    """Whether a file or folder holds nothing but a beginning of another: it is partial, or the same.

    Args:
        target: what lies there.
        whole: what is to take its place.
    """
    try:
        if target.is_symlink():
            return False
        if whole.is_dir():
            if not target.is_dir():
                return False
            parts = [file.relative_to(target) for file in files_below(target)]
            return all((whole / part).is_file() and is_beginning(target / part, whole / part) for part in parts)
        if not target.is_file() or target.stat().st_size > whole.stat().st_size:
            return False
        with open(target, "rb") as short, open(whole, "rb") as long:
            while block := short.read(BLOCK):
                if long.read(len(block)) != block:
                    return False
        return True
    except OSError:
        return False


def refuse_existing(targets: Iterable[Path], overwrite: bool, remedy: str = REMEDY) -> None:
    """Find files in the way of a command that makes everything anew.

    Args:
        targets: what it would write.
        overwrite: whether that is wanted.
        remedy: what to do.

    Raises:
        UsageError: names the first one.
    """
    existing = [] if overwrite else [target for target in targets if os.path.lexists(target)]
    if existing:
        raise UsageError(f"{_first(existing)} already exist{'s' if len(existing) == 1 else ''}; {remedy}")


def refuse_foreign(targets: Sequence[Path]) -> None:
    """Refuse to replace what the program did not make.

    Raises:
        UsageError: names the first one, if there are any.
    """
    if targets:
        verb = "was" if len(targets) == 1 else "were"
        raise UsageError(f"{_first(targets)} {verb} not made here, or nothing recorded it; {REMEDY}")


def refuse_edited(target: Path, reason: str) -> UsageError:
    """The error for an output that somebody changed and that would have to be replaced.

    Args:
        target: the output.
        reason: why it cannot stay.
    """
    return UsageError(f"{target} was edited since it was made, and would be replaced ({reason}); {REMEDY}")


def _first(targets: Sequence[Path]) -> str:
    return f"{targets[0]}{f' and {len(targets) - 1} more' if len(targets) > 1 else ''}"


def changed_at(path: Path) -> int:
    """When a file, or the youngest file in a folder, was last written, replaced or moved [ns]."""
    places = [path, *path.rglob("*")] if path.is_dir() else [path]
    facts = [place.lstat() for place in places] + [place.stat() for place in places if place.exists()]
    return max(map(last_change, facts))


def last_change(found: os.stat_result) -> int:
    """When what was looked at was last written, replaced or moved [ns]; on Windows only written."""
    return max(found.st_mtime_ns, found.st_ctime_ns) if os.name != "nt" else found.st_mtime_ns
