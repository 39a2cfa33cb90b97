"""Train, validation and test by speaker: from a table, or drawn reproducibly from a seed."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from sedtalker_cli.errors import InputError

from .base import Utterance

SPLITS = ("train", "val", "test")


def read_splits(path: str | os.PathLike) -> dict[str, str]:
    """Read a table of splits.

    Args:
        path: CSV with at least the columns `path` (`CORPUS/path/below/the/corpus/folder`) and `split`.

    Returns:
        Path without its suffix, as written -> `train`, `val` or `test`.

    Raises:
        InputError: No such file, columns missing, an unknown split, or a path with two splits.
    """
    path = Path(path)
    splits: dict[str, str] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not {"path", "split"} <= set(rows.fieldnames or ()):
                raise InputError(f"{path}: a table of splits needs the columns path and split")
            for row in rows:
                key, split = _without_suffix(row["path"]), row["split"]
                if split not in SPLITS:
                    raise InputError(f"{path}: line {rows.line_num}: split {split!r} is none of {', '.join(SPLITS)}")
                if splits.setdefault(key, split) != split:
                    raise InputError(f"{path}: line {rows.line_num}: {row['path']} is in two splits")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table of splits ({error})") from error
    return splits


def apply_splits(utterances: Iterable[Utterance], splits: Mapping[str, str]) -> list[Utterance]:
    """Give each utterance the split that a table has for it.

    Files are found by `CORPUS/` and the end of their path without suffix, so the corpus may lie anywhere and
    in any sound format. Utterances that the table does not name get None.
    """
    return [replace(utterance, split=_lookup(utterance, splits)) for utterance in utterances]


def assign_splits(
    utterances: Iterable[Utterance], seed: int = 0, val: float = 0.1, test: float = 0.1
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
        order = sorted(names, key=lambda name: hashlib.sha256(f"{seed}\0{corpus}\0{name}".encode()).digest())
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


def _without_suffix(path: str) -> str:
    return str(PurePosixPath(path.strip().replace("\\", "/")).with_suffix(""))


def _lookup(utterance: Utterance, splits: Mapping[str, str]) -> str | None:
    parts = utterance.path.with_suffix("").parts
    for start in range(len(parts)):
        split = splits.get("/".join((utterance.corpus, *parts[start:])))
        if split is not None:
            return split
    return None
