"""Outputs that appear whole or not at all: written beside their name, then renamed into place."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path in the same folder with the same suffix; rename it to `path` on success.

    Args:
        path: final name; an existing file is replaced.

    Yields:
        Path to write to.
    """
    path = Path(path)
    part = path.with_name(f".part-{uuid4().hex[:12]}{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise _naming(error, part, path) from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[Path]:
    """As `atomic_file` for a folder: the old one, if any, goes only when the new one is complete.

    Args:
        path: final name.

    Yields:
        An empty folder to write into.
    """
    path = Path(path)
    part = path.with_name(f".part-{uuid4().hex[:12]}")
    part.mkdir()
    try:
        yield part
        replace_path(part, path)
    except OSError as error:
        raise _naming(error, part, path) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def replace_path(source: Path, target: Path) -> None:
    """Move a file or folder over `target` on the same file system."""
    if target.is_dir() and not target.is_symlink():
        old = target.with_name(f".part-{uuid4().hex[:12]}")
        os.rename(target, old)
        os.replace(source, target)
        shutil.rmtree(old)
    else:
        os.replace(source, target)


def _naming(error: OSError, part: Path, path: Path) -> OSError:
    """The error with the final name where the system names the temporary one, or nothing."""
    named = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else error.filename
    if error.errno is not None and (named is None or named == str(part)):
        error.filename = str(path)
    return error
