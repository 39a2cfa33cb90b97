"""Train, validation and test, or folds, by speaker: from a table, or drawn reproducibly from a seed."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.cells import quoted, separator_of, unquoted
from sedtalker_cli.formats.checksum import file_checksum
from sedtalker_cli.formats.text import read_count

from .base import CorpusReading, Utterance

SPLITS = ("train", "val", "test")
SPLIT_SEED = 0  # of every split that is drawn without a table, so that training and evaluation draw the same one
FOLDS = 5
COLUMNS = ("corpus", "path", "speaker", "split", "fold")


def read_splits(path: str | os.PathLike, fold: int | None = None) -> dict[str, str]:
    """Read a table of splits.

    Args:
        path: CSV with `path` and `split`; either the table of `write_splits` (`corpus`, `path` below the corpus's
            folder, `fold`), or one whose `path` is `CORPUS/path/below/the/corpus/folder`.
        fold: Test this fold, validate by the next one (see `split_of_fold`), whatever the column `split` says.

    Returns:
        `CORPUS/path` without its suffix -> `train`, `val` or `test`.

    Raises:
        InputError: No such file, no rows, columns missing, an unknown split or fold, a path with two splits, or a
            speaker in two folds.
    """
    path = Path(path)
    rows = _read_rows(path)
    columns = set(rows[0][1])
    if fold is not None and "fold" not in columns:
        raise InputError(f"{path}: has no column fold; write a table with `sedtalker train splits`")
    folds = _folds_of(path, rows) if "fold" in columns else []
    count = max(folds, default=-1) + 1  # without the column there is none
    if fold is not None and not 0 <= fold < count:
        raise InputError(f"{path}: has no fold {fold}, only 0 to {count - 1}")
    splits: dict[str, str] = {}
    lines: dict[str, int] = {}
    for index, (line, row) in enumerate(rows):
        if not row["path"].strip(" ./\\"):
            raise InputError(f"{path}: line {line}: has no path; name a recording or remove the line")
        key = _without_suffix(f"{row['corpus']}/{row['path']}" if folds and row.get("corpus") else row["path"])
        split = row["split"].strip().lower() if fold is None else split_of_fold(folds[index], fold, count)
        if split not in SPLITS:
            raise InputError(f"{path}: line {line}: split {row['split']!r} is none of {', '.join(SPLITS)}")
        if splits.setdefault(key, split) != split:
            raise InputError(
                f"{path}: line {line}: {row['path']} is in two splits, {split} and, in line {lines[key]}, {splits[key]}"
            )
        lines.setdefault(key, line)
    return splits


def write_splits(path: str | os.PathLike, corpora: Iterable[CorpusReading], folds: int = FOLDS, seed: int = 0) -> None:
    """Write a table of splits that `read_splits` reads: every recording with its speaker's fold.

    The column `split` is that of fold 0; reading the table with another fold rotates it.

    Args:
        path: CSV with `COLUMNS`.
        corpora: Readings of corpora.
        folds, seed: As in `draw_folds`.

    Raises:
        InputError: Fewer than three folds.
    """
    with atomic_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for reading in sorted(corpora, key=lambda reading: reading.corpus):
            fold_of = draw_folds(reading, folds, seed)
            for utterance in reading:
                fold = fold_of[utterance.corpus, utterance.speaker]
                place = utterance.path.relative_to(reading.root).as_posix()
                row = (utterance.corpus, quoted(place), quoted(utterance.speaker), split_of_fold(fold, 0, folds), fold)
                writer.writerow(row)


def splits_checksum(path: str | os.PathLike) -> str:
    """First twelve hex digits of the SHA-256 of a table, by which a run knows it again.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        return file_checksum(Path(path))[:12]
    except OSError as error:
        raise InputError(f"{path}: cannot be read as a table of splits ({error})") from error


def split_of_fold(fold: int, test: int, folds: int) -> str:
    """Split of a fold when another is tested: the fold after the tested one validates, the rest trains."""
    return "test" if fold == test else "val" if fold == (test + 1) % folds else "train"


def draw_folds(
    utterances: Iterable[Utterance], folds: int = FOLDS, seed: int = SPLIT_SEED
) -> dict[tuple[str, str], int]:
    """Deal speakers to folds, alike for every corpus and, where it is known, gender.

    Of each corpus and gender, those with most recordings are dealt first (of equals, in the order of a hash of seed,
    corpus and speaker), each to the fold with the fewest speakers of that gender, then the fewest speakers, then the
    fewest recordings of the corpus. Nothing depends on the order of the utterances or on other corpora.

    Args:
        utterances: Of any number of corpora.
        folds: Number of folds, three or more.
        seed: Same seed, same folds.

    Returns:
        (corpus, speaker) -> fold, 0 to folds - 1.

    Raises:
        InputError: Fewer than three folds.
    """
    if folds < 3:
        raise InputError(f"{folds} folds: three are needed, to test, to validate and to train")
    genders: dict[tuple[str, str], str] = {}
    recordings: Counter[tuple[str, str]] = Counter()
    for utterance in utterances:
        speaker = (utterance.corpus, utterance.speaker)
        genders[speaker] = genders.get(speaker) or utterance.gender or ""
        recordings[speaker] += 1
    found: dict[tuple[str, str], int] = {}
    load: dict[tuple, Counter[int]] = defaultdict(Counter)  # what of which corpus -> fold -> how many

    def order(speaker: tuple[str, str]) -> tuple:
        return speaker[0], genders[speaker], -recordings[speaker], _hash(seed, *speaker)

    for speaker in sorted(genders, key=order):
        corpus = speaker[0]
        fullness = [load["gender", corpus, genders[speaker]], load["speakers", corpus], load["recordings", corpus]]
        tie = [_hash(seed, corpus, f"fold {fold}") for fold in range(folds)]
        fold = min(range(folds), key=lambda k, full=fullness, tie=tie: (*(part[k] for part in full), tie[k]))
        for part, amount in zip(fullness, (1, 1, recordings[speaker]), strict=True):
            part[fold] += amount
        found[speaker] = fold
    return found


def apply_splits(utterances: Iterable[Utterance], splits: Mapping[str, str]) -> list[Utterance]:
    """Give each utterance the split that a table has for it.

    Files are found by `CORPUS/` and the end of their path without suffix, so the corpus may lie anywhere and
    in any sound format. Utterances that the table does not name get None.
    """
    return [replace(utterance, split=_lookup(utterance, splits)) for utterance in utterances]


def assign_splits(
    utterances: Iterable[Utterance], seed: int = SPLIT_SEED, val: float = 0.1, test: float = 0.1
) -> list[Utterance]:
    """Draw splits by speaker within each corpus.

    The order of a corpus's speakers is a hash of seed, corpus and speaker: it depends neither on the order of
    the utterances nor on other corpora nor on Python's random state. Each wanted part gets at least one
    speaker where the corpus has three or more; corpora of one or two speakers go to `train` whole.

    Args:
        utterances: Of any number of corpora.
        seed: Same seed, same split.
        val: Share of the speakers for validation.
        test: Share of the speakers for the test.

    Raises:
        InputError: Shares are negative or leave nothing to train on.
    """
    if val < 0 or test < 0 or val + test >= 1:
        raise InputError(f"shares val={val} and test={test} must not be negative and must sum to less than 1")
    utterances = list(utterances)
    speakers = defaultdict(set)
    for utterance in utterances:
        speakers[utterance.corpus].add(utterance.speaker)
    split_of = {}
    for corpus, names in speakers.items():
        order = sorted(names, key=lambda name: _hash(seed, corpus, name))
        tests = _part(test, len(order), most=len(order) - 1 - (val > 0))
        vals = _part(val, len(order), most=len(order) - 1 - tests)
        for rank, name in enumerate(order):
            split_of[corpus, name] = "test" if rank < tests else "val" if rank < tests + vals else "train"
    return [replace(u, split=split_of[u.corpus, u.speaker]) for u in utterances]


def _part(share: float, speakers: int, most: int) -> int:
    """Number of speakers for a share: at least one if any is wanted, at most `most`."""
    if share == 0 or speakers < 3:
        return 0
    return min(max(1, round(share * speakers)), most)


def _hash(seed: int, corpus: str, name: str) -> bytes:
    """Bytes that put speakers into an order drawn from the seed, the same on every machine."""
    return hashlib.sha256(f"{seed}\0{corpus}\0{name}".encode()).digest()


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Rows of a table of splits with their line numbers, one or more; missing cells are empty."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            separator = separator_of(file.readline())
            file.seek(0)
            rows = csv.DictReader(file, restval="", delimiter=separator)
            names = rows.fieldnames = [name.strip() for name in rows.fieldnames or ()]
            if not {"path", "split"} <= set(names):
                found = f"it has {', '.join(names)}" if any(names) else "it is empty"
                raise InputError(f"{path}: a table of splits needs the columns path and split; {found}")
            texts = {"path", "speaker"}.intersection(names)
            found = [(rows.line_num, row | {name: unquoted(row[name]) for name in texts}) for row in rows]
            if not found:
                raise InputError(f"{path}: holds no rows; write a table with `sedtalker train splits`")
            return found
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table of splits ({error})") from error


def _folds_of(path: Path, rows: list[tuple[int, dict[str, str]]]) -> list[int]:
    """The fold of every row; a speaker must have one fold."""
    folds, fold_of = [], {}
    for line, row in rows:
        fold = read_count(row["fold"].strip())
        if fold is None:
            raise InputError(f"{path}: line {line}: fold {row['fold']!r} is no number from 0")
        speaker = (row.get("corpus"), row.get("speaker"))
        if all(speaker) and fold_of.setdefault(speaker, fold) != fold:
            said = f"speaker {speaker[1]} of {speaker[0]} is in two folds, {fold} and before {fold_of[speaker]}"
            raise InputError(f"{path}: line {line}: {said}")
        folds.append(fold)
    return folds


def _without_suffix(path: str) -> str:
    return str(PurePosixPath(path.strip().replace("\\", "/")).with_suffix(""))


def _lookup(utterance: Utterance, splits: Mapping[str, str]) -> str | None:
    parts = utterance.path.with_suffix("").parts
    for start in range(len(parts)):
        split = splits.get("/".join((utterance.corpus, *parts[start:])))
        if split is not None:
            return split
    return None
