"""Corpora in memory: utterances with their split and their waveforms, trimmed to speech or as recorded."""

import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.audio.vad import speech_bounds
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.data.corpora import (
    FOLDS,
    Utterance,
    apply_splits,
    assign_splits,
    corpus_reader,
    draw_folds,
    read_corpus,
    read_splits,
    split_of_fold,
)
from sedtalker_cli.errors import InputError, UsageError

Log = Callable[[str], None]
MOST_READ = 2  # clips of a speaker of read speech


def read_corpora(
    specs: Sequence[tuple[str, Path]],
    splits: Path | None,
    fold: int | None = None,
    leave_out: str | None = None,
    log: Log = lambda text: None,
) -> list[Utterance]:
    """Utterances of several corpora with their splits; training and evaluation get the same ones from it.

    Args:
        specs: (corpus name, folder).
        splits: table of splits (see `corpora.read_splits`), or None to draw them by speaker, always the same ones.
        fold: test this fold, validate by the next one, train on the rest.
        leave_out: name of a corpus all of whose recordings are `test`.
        log: called with a line on what was read or skipped.

    Raises:
        InputError: a folder holds nothing of its corpus, or the table cannot be used.
        UsageError: no such corpus to leave out, or no such fold.
    """
    left_out = None if leave_out is None else corpus_reader(leave_out).name
    table = None if splits is None else read_splits(splits, fold)
    if table is None and fold is not None and not 0 <= fold < FOLDS:
        raise UsageError(f"--fold {fold}: without --splits there are folds 0 to {FOLDS - 1}")
    utterances: list[Utterance] = []
    for name, folder in specs:
        reading = read_corpus(name, folder)
        log(reading.summary())
        utterances += reading
    if table is not None:
        utterances = apply_splits(utterances, table)
        _check_table(splits, table, utterances, log)
    elif fold is not None:
        folds = draw_folds(utterances)
        utterances = [replace(u, split=split_of_fold(folds[u.corpus, u.speaker], fold, FOLDS)) for u in utterances]
    else:
        utterances = assign_splits(utterances)
    utterances = [replace(u, split="test") if u.corpus == left_out else u for u in utterances]
    return [u for u in utterances if u.split]


def _check_table(path: Path, table: Mapping[str, str], utterances: Sequence[Utterance], log: Log) -> None:
    """Tell how many recordings a table of splits does not name.

    Raises:
        InputError: it names none.
    """
    unnamed = [u for u in utterances if u.split is None]
    if len(unnamed) == len(utterances):
        shown = f"{utterances[0].corpus}/{'/'.join(utterances[0].path.parts[-2:])}"
        raise InputError(
            f"{path}: names none of the {len(utterances)} recordings; its paths are like {next(iter(table))}, "
            f"a recording is {shown}: write the table with `sedtalker train splits`"
        )
    if unnamed:
        log(f"{path}: does not name {len(unnamed)} of {len(utterances)} recordings, which are left out")


def thinned(utterances: Sequence[Utterance], most: int) -> list[Utterance]:
    """At most `most` clips of a speaker, `MOST_READ` of read speech; always the same ones, whatever else is there."""
    by_speaker = defaultdict(list)
    for utterance in utterances:
        by_speaker[utterance.corpus, utterance.speaker].append(utterance)
    kept = []
    for (corpus, _), spoken in by_speaker.items():
        reader = corpus_reader(corpus)
        limit = most if reader.annotated else MOST_READ
        kept += sorted(spoken, key=lambda u: zlib.crc32(u.path.name.encode()))[:limit]
    return sorted(kept, key=lambda u: (u.corpus, u.path))


class WaveformStore:
    """Decoded waveforms, trimmed to speech or as recorded, kept as 16-bit numbers.

    Args:
        trim: cut silence at both ends, unless the corpus marks spans, which would move.
        max_seconds: longer recordings are cut.
    """

    def __init__(self, trim: bool = True, max_seconds: float = 12.0):
        self.trim, self.max_samples = trim, round(max_seconds * SAMPLE_RATE)
        self.kept: dict[Path, np.ndarray] = {}

    def __call__(self, utterance: Utterance) -> np.ndarray:
        """Waveform (N,) float32 at 16 kHz."""
        if utterance.path not in self.kept:
            waveform = load_audio(utterance.path)
            if self.trim and not utterance.segments:
                start, end = speech_bounds(waveform)
                waveform = waveform[start:end]
            waveform = waveform[: self.max_samples]
            self.kept[utterance.path] = np.round(np.clip(waveform, -1, 1) * 32767).astype(np.int16)
        return self.kept[utterance.path].astype(np.float32) / 32767

    def usable(self, utterances: Sequence[Utterance], log: Log = lambda text: None) -> list[Utterance]:
        """Decode everything once; broken files are named, left out and counted.

        Args:
            utterances: what is wanted.
            log: called with a line on each broken file, and on how many there are.
        """
        good = []
        for utterance in utterances:
            try:
                if len(self(utterance)) >= SAMPLE_RATE // 5:
                    good.append(utterance)
                else:
                    log(f"skipped {utterance.path}: less than 0.2 s of speech")
            except InputError as error:
                log(f"skipped {error}")
        if len(good) < len(utterances):
            log(f"{len(utterances) - len(good)} of {len(utterances)} recordings skipped")
        return good
