"""Which files a command works on: arguments, folders and lists become jobs with a name for their outputs."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.text import read_text


@dataclass(frozen=True)
class Job:
    """One input.

    Attributes:
        source: the file.
        name: path of its outputs below the output folder, without suffix.
    """

    source: Path
    name: Path


@dataclass(frozen=True)
class BadInput:
    """An input that could not even be looked at; it counts as failed."""

    source: Path
    message: str


def collect_jobs(
    inputs: Sequence[Path],
    *,
    accepts: Callable[[Path], bool],
    stem: Callable[[Path], str] = lambda path: path.stem,
    list_file: Path | None = None,
    recursive: bool = False,
) -> tuple[list[Job], list[BadInput]]:
    """Find the inputs; a file that is named several times is one job.

    Args:
        inputs: files and folders.
        accepts: whether a file found in a folder is an input; files that are named are taken as they are.
        stem: name of an input's outputs.
        list_file: text file with one further file or folder a line.
        recursive: whether folders are searched to the bottom.

    Returns:
        Jobs in order of the arguments, names in a folder sorted; and what could not be looked at.

    Raises:
        UsageError: no input at all, or an unreadable list.
    """
    named = [*inputs, *(_read_list(list_file) if list_file else [])]
    if not named:
        raise UsageError("no input: name sound files or folders, or give --list FILE; see --help")
    jobs: dict[Job, None] = {}  # an ordered set
    bad: list[BadInput] = []
    for path in named:
        if not path.is_dir():
            jobs[Job(path, Path(stem(path)))] = None
            continue
        files, faults = _search(path, recursive)
        found = [file for file in files if accepts(file)]
        for file in found:
            jobs[Job(file, file.relative_to(path).with_name(stem(file)))] = None
        bad += faults
        if not found and not faults:
            hint = "" if recursive else "; add --recursive to search its subfolders"
            bad.append(BadInput(path, f"{path}: holds no file that can be an input{hint}"))
    return _without_repeats(jobs), bad


def _search(folder: Path, recursive: bool) -> tuple[list[Path], list[BadInput]]:
    """Visible files in a folder, sorted; links to folders are not followed, so there are no loops."""
    files: list[Path] = []
    bad: list[BadInput] = []

    def report(error: OSError) -> None:
        where = Path(error.filename or folder)
        bad.append(BadInput(where, f"{where}: folder cannot be searched ({error.strerror}); change its permissions"))

    for place, folders, names in os.walk(folder, onerror=report):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        files += [Path(place) / name for name in sorted(names) if not name.startswith(".")]
    return files, bad


def _without_repeats(jobs: dict[Job, None]) -> list[Job]:
    seen: set[tuple[str, Path]] = set()
    kept = []
    for job in jobs:
        key = (os.path.realpath(job.source), job.name)
        if key not in seen:
            seen.add(key)
            kept.append(job)
    return kept


def _read_list(path: Path) -> list[Path]:
    try:
        lines = read_text(path).split("\n")
    except InputError as error:
        raise UsageError(f"--list {error}") from error
    found = [line.strip() for line in lines]
    found = [line for line in found if line and not line.startswith("#")]
    if not found:
        raise UsageError(f"--list {path}: names no input; write one path a line")
    return [Path(line) for line in found]
