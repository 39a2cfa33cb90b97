"""Marks of outputs that were found complete: what still has the same mark has not changed, and need not be read.

A mark is a checksum over names, sizes, times and inode numbers, of outputs, of their record and of what they were made
from. Marks only ever save work: one that is missing, damaged or lost between two processes leads to the full check.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sedtalker_cli.batch.ownership import last_change

SETTLED = 2_000_000_000  # ns, no less than a step of any file system's clock: younger files may change unseen
TELL = os.name != "nt"  # whether a changed file has another time, whoever sets its date: Windows keeps none like it
FEW = 4  # folders whose marks are kept in memory

State = tuple[tuple[str, int, int, int, int], ...]


class Marks:
    """Marks of the outputs of one command, one file a folder, to which every process adds lines.

    Args:
        out: output folder.
        folder: of the records.
        command: that made the outputs.
    """

    def __init__(self, out: Path, folder: Path, command: str):
        self._out, self._folder, self._command = prefix(out), prefix(folder), command
        self._known: dict[str, frozenset[bytes]] = {}

    def path(self, name: str | os.PathLike[str]) -> str:
        """File of the marks of outputs called `name`."""
        return f"{self._folder}{_parent(os.fspath(name))}.complete.{self._command}"

    def of_outputs(self, name: str | os.PathLike[str], suffixes: Iterable[str]) -> str | None:
        """Mark of outputs and their record.

        Args:
            name: of the outputs.
            suffixes: of all of them.

        Returns:
            None if one is missing, is no plain file, or is not older than the record.
        """
        name = os.fspath(name)
        try:
            record = os.stat(f"{self._folder}{name}.{self._command}.json")
            facts: list[object] = [name, _facts(record)]
            for suffix in suffixes:
                found = os.lstat(f"{self._out}{name}{suffix}")
                if not stat.S_ISREG(found.st_mode) or last_change(found) >= record.st_mtime_ns:
                    return None
                facts.append((suffix, _facts(found)))
        except (OSError, ValueError):
            return None
        return _digest(facts)

    @staticmethod
    def state_of(sources: Sequence[Path]) -> State | None:
        """Names, sizes, times and inode numbers of what outputs are made from.

        Returns:
            None if one cannot be looked at, or was changed so recently that it may change again unseen.
        """
        found, settled = [], time.time_ns() - SETTLED
        try:
            for path in sources:
                facts = os.stat(path)
                if not stat.S_ISREG(facts.st_mode) or last_change(facts) >= settled or not TELL:
                    return None
                found.append((path.name, *_facts(facts)))
        except (OSError, ValueError):
            return None
        return tuple(found)

    @staticmethod
    def of_work(outputs: str, state: State, settings: dict[str, Any]) -> str:
        """Mark of outputs together with what they were made from.

        Args:
            outputs: their mark.
            state: of the inputs.
            settings: that make outputs differ.
        """
        return _digest([outputs, state, settings])

    def know(self, name: str | os.PathLike[str], mark: str | None) -> bool:
        """Whether a mark was added for outputs called `name`, before their folder was first asked for."""
        if mark is None:
            return False
        path = self.path(name)
        known = self._known.get(path)
        if known is None:
            if len(self._known) >= FEW:
                del self._known[next(iter(self._known))]
            known = self._known[path] = _read(path)
        return mark.encode() in known

    def add(self, name: str | os.PathLike[str], marks: Iterable[str]) -> None:
        """Keep marks; where that is impossible nothing but time is lost."""
        with suppress(OSError):
            file = os.open(self.path(name), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                # a process that was killed may have left half a line
                os.write(file, "".join(f"\n{mark}\n" for mark in marks).encode())
            finally:
                os.close(file)


def prefix(folder: Path) -> str:
    """What stands before the names in a folder."""
    text = os.fspath(folder)
    return "" if text == "." else os.path.join(text, "")


def _parent(name: str) -> str:
    return name[: name.rfind(os.sep) + 1]


def _read(path: str) -> frozenset[bytes]:
    try:
        with open(path, "rb") as file:
            return frozenset(file.read().split())
    except OSError:
        return frozenset()


def _facts(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _digest(facts: object) -> str:
    return hashlib.blake2b(repr(facts).encode(), digest_size=12).hexdigest()
