"""Records of what was made from what, so that `--resume` redoes what is missing or different, and nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sedtalker_cli.batch.marks import Marks, State, prefix
from sedtalker_cli.batch.ownership import (
    Owner,
    owner_of,
    refuse_edited,
)
from sedtalker_cli.batch.records import (
    Content,
    DamagedRecord,
    Record,
    as_recorded,
    read_record,
    write_record,
)
from sedtalker_cli.batch.staging import remove_orphans, staging_folder
from sedtalker_cli.formats.checksum import total_size

FOLDER = ".sedtalker"
COMMANDS = ("diarize", "animate", "render", "table")  # whose records may lie in one folder
DAMAGED, INTERRUPTED = "its record is damaged", "its outputs were being replaced when a run ended"
TICK = 10_000_000  # ns, no less than a step of a file system's clock


class Ledger:
    """Records and staging of one output folder, in `OUT/.sedtalker`.

    Every input has its own record file, so that several processes and machines can share the folder.

    Args:
        out: output folder.
        command: one of `COMMANDS`.
    """

    def __init__(self, out: Path, command: str):
        self.out, self.command = out, command
        self.folder = out / FOLDER
        self._found_out = out.exists()
        self._prefix = prefix(out)
        self.marks = Marks(out, self.folder, command)

    def record_path(self, name: Path, command: str | None = None) -> Path:
        """Where the record of outputs called `name` lies."""
        return self.folder / f"{name}.{command or self.command}.json"

    def target(self, name: Path, suffix: str) -> Path:
        """Final place of an output."""
        return Path(f"{self._prefix}{name}{suffix}")

    def owners(self, name: Path, suffixes: Iterable[str]) -> dict[str, Owner]:
        """Whose the outputs called `name` are, by suffix."""
        there = {suffix: os.path.lexists(self.target(name, suffix)) for suffix in suffixes}
        records = [self.look(name, command) for command in COMMANDS] if any(there.values()) else []
        known = [record for found, record in records if found]
        return {suffix: owner_of(self.target(name, suffix), suffix, known) for suffix in there}

    def look(self, name: Path, command: str | None = None) -> tuple[bool, Record | None]:
        """Whether there is a record, and what it says: None if it is damaged."""
        try:
            record = read_record(self.record_path(name, command))
        except DamagedRecord:
            return True, None
        return record is not None, record

    def intact(self, name: str, suffixes: Iterable[str]) -> bool:
        """Whether outputs are known to be there, as the program wrote them; where False, they may be still."""
        return self.marks.know(name, self.marks.of_outputs(name, suffixes))

    def remember(self, name: Path, suffixes: Iterable[str], made_from: State | None, settings: dict[str, Any]) -> None:
        """Mark outputs that were just made or found complete, none of them edited.

        Args:
            name: of the outputs.
            suffixes: of all of them.
            made_from: state of the inputs before they were read.
            settings: that make outputs differ.
        """
        mark = self.marks.of_outputs(name, suffixes)
        if mark is not None:
            marks = [mark] if made_from is None else [mark, self.marks.of_work(mark, made_from, settings)]
            self.marks.add(name, marks)

    def difference(self, name: Path, made_from: dict[str, Any], suffixes: Iterable[str]) -> str | None:
        """Why outputs have to be made again, or None if they are complete and the same; edited ones count as such.

        Args:
            name: of the outputs.
            made_from: checksums and settings as they would be recorded now.
            suffixes: of the outputs that are wanted now.
        """
        found, record = self.look(name)
        if not found:
            return "not made yet"
        if record is None:
            return DAMAGED
        if record.made_from is None:
            return INTERRUPTED
        changed = self.changed_settings(record.made_from, made_from)
        if changed:
            return other_settings(changed)
        for suffix, owner in self.owners(name, suffixes).items():
            target = self.target(name, suffix)
            if suffix not in record.outputs or owner is Owner.NOBODY:
                return f"{target.name} is missing"
            if owner is Owner.EDITED and self._may_be_partial(target, record.outputs[suffix]):
                return f"{target.name} was changed or is partial"
        return None

    @staticmethod
    def changed_settings(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
        """Names of what differs."""
        now = as_recorded(now)
        names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        return ["input" if name == "inputs" else name for name in names]

    @staticmethod
    def _may_be_partial(target: Path, whole: Content) -> bool:
        with suppress(OSError):
            return total_size(target) < whole.bytes
        return True

    def edited(self, name: Path, suffixes: Iterable[str]) -> list[Path]:
        """Outputs that somebody has changed since they were made."""
        return [self.target(name, suffix) for suffix, o in self.owners(name, suffixes).items() if o is Owner.EDITED]

    def check_edited(self, name: Path, suffixes: Iterable[str], made_from: dict[str, Any]) -> None:
        """Find out before the work whether an edited output would have to be replaced.

        Raises:
            UsageError: names it.
        """
        edited, record = self.edited(name, suffixes), self.look(name)[1]
        if edited and record is not None and record.made_from is not None:  # else `commit` looks at what is in them
            changed = self.changed_settings(record.made_from, made_from)
            if changed:
                raise refuse_edited(edited[0], other_settings(changed))

    def confirm(self, name: Path) -> None:
        """Outputs were found complete: later looks need not read those that are younger than their record."""
        begin = time.time_ns() - TICK
        record = self.look(name)[1]
        if record is None:
            return
        path = self.record_path(name)
        with suppress(OSError):
            if record.failed:
                self._rewrite(path, record, failed=False)
            if Owner.EDITED not in self.owners(name, record.suffixes).values():
                os.utime(path, ns=(begin, max(begin, record.written)))

    def note_failure(self, name: Path) -> None:
        """The input called `name` failed; outputs of before stay, with a record that says so."""
        record = self.look(name)[1]
        if record is not None and not record.failed:
            with suppress(OSError):
                self._rewrite(self.record_path(name), record, failed=True)

    def _rewrite(self, path: Path, record: Record, failed: bool) -> None:
        with self.stage() as stage:
            write_record(path, replace(record, failed=failed), stage)
        os.utime(path, ns=(record.written, record.written))

    def done(self) -> Iterator[str]:
        """Absolute paths of the inputs, of any command, that have outputs and have not failed since."""
        for path in self.folder.rglob("*.json"):
            with suppress(DamagedRecord):
                record = read_record(path)
                if record and record.source and record.made_from is not None and not record.failed:
                    folder = self.out / path.relative_to(self.folder).parent
                    yield os.path.abspath(folder / record.source)

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """An empty folder on the file system of the outputs, see `staging_folder`."""
        with staging_folder(self.folder) as path:
            yield path

    def remove_orphans(self) -> None:
        """Remove staging of processes that were killed."""
        remove_orphans(self.folder)

    def remove_empty(self) -> None:
        """After a run in which every input failed, remove the folders that it made for nothing."""
        for path in (self.folder, *(() if self._found_out else (self.out,))):
            try:
                path.rmdir()
            except OSError:
                return


def other_settings(names: list[str]) -> str:
    """Why outputs are not those of now."""
    return f"made with another {', '.join(names)}"
