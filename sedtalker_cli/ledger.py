"""What was made from what: a small record an input, so that `--resume` redoes what is missing or different."""

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from sedtalker_cli.formats.atomic import atomic_file, replace_path

FOLDER = ".sedtalker"


class Ledger:
    """Records and staging of one output folder, in `OUT/.sedtalker`.

    Every input has its own record file, so that several processes can share the folder.

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

        Args:
            name: of the outputs.
            made_from: checksums and settings as they would be recorded now.
            suffixes: of the outputs that are wanted now.
        """
        try:
            record = json.loads(self.record_path(name).read_text(encoding="utf-8"))
            before, sizes = record["made_from"], record["outputs"]
        except FileNotFoundError:
            return "not made yet"
        except (OSError, ValueError, KeyError, TypeError):
            return "its record is damaged"
        made_from = json.loads(json.dumps(made_from))
        if before != made_from:
            names = sorted(k for k in {*before, *made_from} if before.get(k) != made_from.get(k))
            return f"made with another {', '.join(names)}"
        for suffix in suffixes:
            target = self.out / name.parent / (name.name + suffix)
            if suffix not in sizes or not target.exists():
                return f"{target.name} is missing"
            if sizes[suffix] != total_size(target):
                return f"{target.name} was changed or is partial"
        return None

    def commit(self, name: Path, staged: Path, suffixes: Iterable[str], made_from: dict[str, Any]) -> None:
        """Move staged outputs to their final names and record them; until the end there is no record.

        Args:
            name: of the outputs.
            staged: folder that holds them, named by the last part of `name`.
            suffixes: of the outputs.
            made_from: checksums and settings.
        """
        record, target = self.record_path(name), self.out / name.parent
        suffixes = list(suffixes)
        sizes = {suffix: total_size(staged / (name.name + suffix)) for suffix in suffixes}
        target.mkdir(parents=True, exist_ok=True)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)
        for suffix in suffixes:
            replace_path(staged / (name.name + suffix), target / (name.name + suffix))
        with atomic_file(record) as part:
            content = {"made_from": made_from, "outputs": sizes}
            part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def stage(self) -> Path:
        """A new empty folder on the file system of the outputs; its name tells whose it is."""
        path = self.folder / f"part-{_host()}-{os.getpid()}-{uuid4().hex[:8]}"
        path.mkdir(parents=True)
        return path

    def remove_orphans(self) -> None:
        """Remove staging that killed processes of this machine left."""
        for path in self.folder.glob(f"part-{_host()}-*"):
            pid = path.name.split("-")[-2]
            if pid.isdigit() and not _alive(int(pid)):
                shutil.rmtree(path, ignore_errors=True)

    def remove_empty(self) -> None:
        """After a run in which every input failed, remove the folders that it made for nothing."""
        for path in (self.folder, *(() if self._found_out else (self.out,))):
            try:
                path.rmdir()
            except OSError:
                return


def file_checksum(path: Path) -> str:
    """SHA-256 of a file's content, as hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def total_size(path: Path) -> int:
    """Size of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(entry.stat().st_size for entry in path.iterdir())
    return path.stat().st_size


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
