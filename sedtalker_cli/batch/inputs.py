"""Which files a command works on: arguments, folders, patterns and lists become jobs with a name for their outputs."""

import csv
import glob
import io
import os
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from sedtalker_cli.batch.job import BadInput, Job
from sedtalker_cli.batch.marks import prefix
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.cells import without_empty_end
from sedtalker_cli.formats.text import read_text

__all__ = ["BadInput", "Job", "RealPaths", "choose_part", "collect_jobs"]

STDIN = Path("-")
NAMELESS = "has no name before its suffix, to call the outputs by; rename it"
UNUSABLE = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
GIVEN = ("speaker", "emotion_override", "identity")  # columns of a CSV list besides `path`


@dataclass(frozen=True)
class PassedOver:
    """Files that a search left aside, because their names do not say that they are inputs.

    Attributes:
        source: the folder or pattern.
        suffixes: how many there are of each suffix (in small letters, the most frequent first; empty for none).
    """

    source: Path
    suffixes: dict[str, int]

    @property
    def count(self) -> int:
        """How many files."""
        return sum(self.suffixes.values())


def collect_jobs(
    inputs: Sequence[Path],
    *,
    accepts: Callable[[Path], bool],
    stem: Callable[[Path], str] = lambda path: path.stem,
    list_file: Path | None = None,
    recursive: bool = False,
    passed: Callable[[PassedOver], object] = lambda _: None,
) -> tuple[list[Job], list[BadInput]]:
    """Find the inputs; a file that is named several times is one job.

    Args:
        inputs: files, folders, patterns as of a shell (`**` for any depth), and `-` for a list on standard input.
        accepts: whether a file found in a folder or by a pattern is an input; named files are taken as they are.
        stem: name of an input's outputs.
        list_file: text file with one further file or folder a line; or a table (`.csv`) with the column `path`
            and, if wanted, those of `GIVEN`, which hold for all files of a folder.
        recursive: whether folders are searched to the bottom.
        passed: hears of every search that left files aside.

    Returns:
        Jobs in order of the arguments, names in a folder sorted; and what could not be looked at.

    Raises:
        UsageError: no input at all, an invalid list, or a file that is named with different values.
    """
    named: list[tuple[Path, dict[str, str]]] = []
    for path in dict.fromkeys(inputs):
        named += _read_stdin() if path == STDIN else [(path, {})]
    named += _read_list(list_file) if list_file else []
    if not named:
        raise UsageError("no input: name sound files or folders, or give --list FILE; see --help")
    jobs: list[Job] = []
    bad: list[BadInput] = []
    distinct = len(named) == 1  # there are no links, so that a file cannot be found twice
    for path, given in named:
        faults: list[BadInput] = []
        if os.path.isdir(path):  # unlike `Path.is_dir` it bears names that no file can have
            base = path
            found = _search(path, recursive, faults)
            hint = "" if recursive else "; add --recursive to search its subfolders"
            nothing = f"holds no file that can be an input{hint}"
        elif glob.has_magic(str(path)) and not os.path.lexists(path):
            base = _fixed(path)
            found = _match(path, recursive, faults)
            nothing, distinct = "no file that can be an input matches this pattern", False
        elif stem(path).strip("."):
            jobs.append(Job(path, stem(path), **given))
            continue
        else:
            bad.append(BadInput(path, f"{path}: {NAMELESS}"))
            continue
        before, folder, below, aside = len(jobs), None, "", Counter[str]()
        for place, name, plain in found:
            file = Path(place + name)
            if not accepts(file):
                aside[file.suffix.lower()] += 1
                continue
            called, distinct = stem(file), distinct and plain
            fault = _fault_of(file, called, plain)
            if fault:
                faults.append(fault)
                continue
            if place != folder:
                folder, below = place, _below(file, base)
            jobs.append(Job(place + name, below + called, **given))
        bad += faults
        if aside:
            passed(PassedOver(path, dict(sorted(aside.items(), key=lambda entry: (-entry[1], entry[0])))))
        if len(jobs) == before and not faults:
            bad.append(BadInput(path, f"{path}: {nothing}"))
    return jobs if distinct else _without_repeats(jobs), bad


def _fault_of(file: Path, called: str, plain: bool) -> BadInput | None:
    """Why a file that was found, not named, can be no input; one that cannot be looked at is left to its job."""
    if not called.strip("."):
        return BadInput(file, f"{file}: {NAMELESS}")
    if plain:
        return None
    with suppress(OSError):
        mode = file.stat().st_mode
        kind = next((text for test, text in UNUSABLE if test(mode)), None)
        if kind is not None:
            return BadInput(file, f"{file}: is {kind}, not a file; move it out of the folder")
    return None


def _below(file: Path, base: Path) -> str:
    """Place of a file's folder below the one that was searched, to put before names; outside of it there is none."""
    place = os.path.relpath(os.path.normpath(file), os.path.normpath(base))
    parts = Path(place).parts
    return "" if ".." in parts else prefix(Path(*parts[:-1]))


Found = Iterator[tuple[str, str, bool]]  # a file's folder, to be put before its name; the name; whether it is no link


def _search(folder: Path, recursive: bool, bad: list[BadInput]) -> Found:
    """Visible files in a folder, sorted; links to folders are not followed, so there are no loops."""
    places = [prefix(folder)]
    while places:
        place = places.pop()
        try:
            with os.scandir(place[:-1] or place or ".") as listed:
                entries = sorted((entry for entry in listed if not entry.name.startswith(".")), key=attrgetter("name"))
        except OSError as error:
            where = Path(error.filename or place)
            bad.append(
                BadInput(where, f"{where}: folder cannot be searched ({error.strerror}); change its permissions")
            )
            continue
        folders = []
        for entry in entries:
            if not _is_folder(entry):
                yield place, entry.name, entry.is_file(follow_symlinks=False)
            elif recursive and not entry.is_symlink():
                folders.append(os.path.join(place, entry.name, ""))
        places += reversed(folders)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _fixed(pattern: Path) -> Path:
    """The part of a pattern before its first wildcard."""
    return Path(*pattern.parts[: next(place for place, part in enumerate(pattern.parts) if glob.has_magic(part))])


def _match(pattern: Path, recursive: bool, bad: list[BadInput]) -> Found:
    """What matches a pattern: files, and those in folders; sorted."""
    for path in map(Path, sorted(glob.glob(str(pattern), recursive=True))):
        if not path.is_dir():
            yield prefix(path.parent), path.name, False
        elif "**" not in pattern.parts:  # which matches what is in folders by itself
            yield from _search(path, recursive, bad)


def choose_part(
    jobs: Sequence[Job], bad: Sequence[BadInput], part: tuple[int, int] | None
) -> tuple[list[Job], list[BadInput]]:
    """The share of one of several runs that work on the same inputs; each input belongs to exactly one of them.

    Inputs are dealt out in order of their outputs' names, so the numbers differ by one at most.

    Args:
        jobs, bad: as `collect_jobs` gives them.
        part: (I, N), 1-based; None takes all.
    """
    if part is None:
        return list(jobs), list(bad)
    number, count = part
    dealt = set(sorted(jobs, key=lambda job: job.called.replace(os.sep, "/"))[number - 1 :: count])
    faults = sorted(bad, key=lambda fault: str(fault.source))[number - 1 :: count]
    return [job for job in jobs if job in dealt], faults


def _without_repeats(jobs: Iterable[Job]) -> list[Job]:
    first: dict[str, Job] = {}
    renamed: set[tuple[str, str]] = set()  # further names of files
    kept = []
    real = RealPaths()
    for job in jobs:
        file = real(job.place)
        other = first.setdefault(file, job)
        if other is job:
            kept.append(job)
            continue
        for column in GIVEN:
            values = getattr(other, column), getattr(job, column)
            if values[0] != values[1]:
                said = " and ".join("none" if value is None else repr(value) for value in values)
                raise UsageError(f"{job.source}: is named twice, with different {column} ({said}); name it once")
        if job.called != other.called and (file, job.called) not in renamed:
            renamed.add((file, job.called))
            kept.append(job)
    return kept


def _read_list(path: Path) -> list[tuple[Path, dict[str, str]]]:
    """Files and folders of a list, with what it gives for each."""
    try:
        text = read_text(path)
    except InputError as error:
        raise UsageError(f"--list {error}") from error
    if "\0" in text:
        raise UsageError(f"--list {path}: is not text (it holds a NUL character)")
    found = list(_read_table(path, text) if path.suffix.lower() == ".csv" else _read_lines(text))
    if not found:
        raise UsageError(f"--list {path}: names no input; write one path a line")
    return found


def _read_stdin() -> list[tuple[Path, dict[str, str]]]:
    """Files and folders that another program names, one a line."""
    found = list(_read_lines(os.fsdecode(sys.stdin.buffer.read())))
    if not found:
        raise UsageError("standard input names no input; write one path a line to it")
    return found


def _read_lines(text: str) -> Iterator[tuple[Path, dict[str, str]]]:
    for line in map(str.strip, text.split("\n")):
        if line and not line.startswith("#"):
            yield Path(line), {}


def _read_table(path: Path, text: str) -> Iterator[tuple[Path, dict[str, str]]]:
    rows = csv.DictReader(io.StringIO(text), strict=True)
    try:
        columns = without_empty_end([name.strip() for name in rows.fieldnames or ()])
        _check_columns(path, columns)
        rows.fieldnames = columns
        for row in rows:
            more = row.pop(None, [])
            if any(cell.strip() for cell in more):
                raise UsageError(
                    f"--list {path}:{rows.line_num}: has {len(row) + len(more)} cells, "
                    f"the first line has {len(columns)}; quote cells that hold a comma"
                )
            given = {name: cell.strip() for name, cell in row.items() if cell and cell.strip()}
            if "path" not in given:
                raise UsageError(f"--list {path}:{rows.line_num}: path is empty; name a sound file or a folder")
            yield Path(given.pop("path")), given
    except csv.Error as error:
        raise UsageError(f"--list {path}:{rows.reader.line_num}: is no CSV ({error}); check its quotes") from error


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    allowed = f"allowed are path, {', '.join(GIVEN)}, separated by commas"
    unknown = [name for name in columns if name not in ("path", *GIVEN)]
    if unknown:
        raise UsageError(f"--list {path}:1: unknown column {', '.join(map(repr, unknown))}; {allowed}")
    if "path" not in columns:
        raise UsageError(f"--list {path}:1: lacks the column path; {allowed}")
    if len(set(columns)) < len(columns):
        raise UsageError(f"--list {path}:1: names a column twice; {allowed}")


class RealPaths:
    """Real paths of very many files: the links in a folder's path are followed once, not for each file in it."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, path: str | os.PathLike[str]) -> str:
        """As `os.path.realpath`, for files that need not exist."""
        folder, name = os.path.split(os.fspath(path))
        if name in ("", ".", "..") or os.path.islink(path):
            return os.path.realpath(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder or ".")
        return os.path.join(self._folders[folder], name)
