"""Records of what was made from what, one for each input, so that `--resume` redoes what is missing or different."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from sedtalker_cli.formats.checksum import content_checksum

FOLDER = ".sedtalker"
LOCK, RECORD = ".lock", ".record.json"  # inside a staging folder


class Ledger:
    """Records and staging of one output folder, in `OUT/.sedtalker`.

    Every input has its own record file, so that several processes and machines can share the folder.

    Args:
        out: output folder.
        command: `diarize`, `animate` or `render`.
    """

    def __init__(self, out: Path, command: str):
        self.out, self.command = out, command
        self.folder = out / FOLDER
        self._found_out = out.exists()

    def record_path(self, name: Path) -> Path:
        """Where the record of outputs called `name` lies."""
        return self.folder / name.parent / f"{name.name}.{self.command}.json"

    def difference(self, name: Path, made_from: dict[str, Any], suffixes: Iterable[str]) -> str | None:
        """Why outputs have to be made again, or None if they are complete and the same.

        An output that is older than its record is believed if its size is right; a younger one (edited, or copied from
        elsewhere) is read and compared with the record's checksum.

        Args:
            name: of the outputs.
            made_from: checksums and settings as they would be recorded now.
            suffixes: of the outputs that are wanted now.
        """
        record_path = self.record_path(name)
        try:
            written = record_path.stat().st_mtime_ns
            record = json.loads(record_path.read_text(encoding="utf-8"))
            before = record["made_from"]
            known = {suffix: (fact["bytes"], fact["sha256"]) for suffix, fact in record["outputs"].items()}
            if not isinstance(before, dict):
                raise TypeError("made_from is no object")
        except FileNotFoundError:
            return "not made yet"
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return "its record is damaged"
        made_from = json.loads(json.dumps(made_from))
        if before != made_from:
            names = sorted(k for k in {*before, *made_from} if before.get(k) != made_from.get(k))
            return f"made with another {', '.join('input' if name == 'inputs' else name for name in names)}"
        for suffix in suffixes:
            target = self.out / name.parent / (name.name + suffix)
            if suffix not in known or not target.exists():
                return f"{target.name} is missing"
            size, sha256 = known[suffix]
            if total_size(target) != size or (_changed_at(target) > written and content_checksum(target) != sha256):
                return f"{target.name} was changed or is partial"
        return None

    def commit(self, name: Path, staged: Path, suffixes: Iterable[str], made_from: dict[str, Any]) -> None:
        """Move staged outputs to their final names and record them; until the end there is no record.

        Args:
            name: of the outputs.
            staged: folder of `stage` that holds them, named by the last part of `name`.
            suffixes: of the outputs.
            made_from: checksums and settings.
        """
        record, target = self.record_path(name), self.out / name.parent
        suffixes = list(suffixes)
        made = {suffix: staged / (name.name + suffix) for suffix in suffixes}
        facts = {suffix: {"bytes": total_size(p), "sha256": content_checksum(p)} for suffix, p in made.items()}
        content = {"made_from": made_from, "outputs": facts}
        (staged / RECORD).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        target.mkdir(parents=True, exist_ok=True)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)
        for suffix, path in made.items():
            final = target / path.name
            if os.path.lexists(final) and (final.is_dir() or path.is_dir()):  # folders are not replaced in one step
                os.rename(final, staged / f".old{suffix}")
            os.replace(path, final)
        os.utime(staged / RECORD)  # no older than what it describes
        os.replace(staged / RECORD, record)

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """An empty folder on the file system of the outputs, locked while it is in use and removed afterwards.

        Locks end with the process that holds them, on whatever machine, so `remove_orphans` knows what is left over.
        """
        path, lock = self._locked_folder()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)

    def _locked_folder(self) -> tuple[Path, int]:
        while True:
            path = self.folder / f".part-{uuid4().hex[:12]}"
            # Until the lock is held another process may take this for an orphan, or for an empty folder: try again.
            with suppress(FileNotFoundError):
                path.mkdir(parents=True)
                lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT)
                if _lock(lock) is not False and (path / LOCK).exists():
                    return path, lock
                os.close(lock)

    def remove_orphans(self) -> None:
        """Remove staging that nobody holds any more: its process was killed."""
        for path in self.folder.glob(".part-*"):
            try:
                lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT)
            except OSError:
                continue
            try:
                if _lock(lock):
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)

    def remove_empty(self) -> None:
        """After a run in which every input failed, remove the folders that it made for nothing."""
        for path in (self.folder, *(() if self._found_out else (self.out,))):
            try:
                path.rmdir()
            except OSError:
                return


def total_size(path: Path) -> int:
    """Size of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(entry.stat().st_size for entry in path.iterdir())
    return path.stat().st_size


def _changed_at(path: Path) -> int:
    """When a file, or the youngest file in a folder, was written [ns]."""
    files = [path, *path.iterdir()] if path.is_dir() else [path]
    return max(file.stat().st_mtime_ns for file in files)


def _lock(file: int) -> bool | None:
    """Take a lock without waiting: True, False if another has it, None where the file system knows no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError:
        return None
