"""The one list of corpora that the project can read."""

from __future__ import annotations

import os
from pathlib import Path

from sedtalker_cli.errors import UsageError

from . import (
    ased,
    baved,
    crema_d,
    emodb,
    emotale,
    emov_db,
    esd,
    iemocap,
    jl_corpus,
    librispeech,
    meld,
    nemo,
    nonverbal,
    ravdess,
    savee,
    speechocean762,
    tess,
    urdu,
    zed,
)
from .base import CorpusReader, CorpusReading

_MODULES = (
    ased,
    baved,
    crema_d,
    emodb,
    emotale,
    emov_db,
    esd,
    iemocap,
    jl_corpus,
    librispeech,
    meld,
    nemo,
    nonverbal,
    ravdess,
    savee,
    speechocean762,
    tess,
    urdu,
    zed,
)
_READERS: dict[str, CorpusReader] = {module.READER.name: module.READER for module in _MODULES}


def corpus_names() -> tuple[str, ...]:
    """Names of all corpora that can be read, sorted."""
    return tuple(sorted(_READERS))


def corpus_reader(name: str) -> CorpusReader:
    """The reader of a corpus; upper case and underscores in the name are forgiven.

    Raises:
        UsageError: No such corpus.
    """
    reader = _READERS.get(name.strip().lower().replace("_", "-"))
    if reader is None:
        raise UsageError(f"unknown corpus {name!r}; choose from {', '.join(corpus_names())}")
    return reader


def read_corpus(name: str, root: str | os.PathLike) -> CorpusReading:
    """Read every recording of a corpus below a folder.

    Args:
        name: One of `corpus_names()`.
        root: Folder of the corpus as published (or one above it).

    Returns:
        A sequence of `Utterance`, with `.skipped` and `.dropped` for what was left out.

    Raises:
        UsageError: No such corpus.
        InputError: The folder holds no recording of it.
    """
    return corpus_reader(name).read(root)


def parse_corpus(spec: str) -> tuple[str, Path]:
    """Split a command line's `NAME=PATH`.

    Raises:
        UsageError: There is no `=`, no path, or no corpus of that name.
    """
    name, equals, path = spec.partition("=")
    if not equals or not path:
        raise UsageError(f"corpus {spec!r} should be NAME=PATH, e.g. ravdess=/data/RAVDESS")
    return corpus_reader(name).name, Path(path).expanduser()
