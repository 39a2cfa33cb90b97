"""Corpora in memory: utterances with their split and speech-trimmed waveforms."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.audio.vad import speech_bounds
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.data.corpora import Utterance, apply_splits, assign_splits, read_corpus, read_splits
from sedtalker_cli.errors import InputError

Log = Callable[[str], None]


def read_corpora(
    specs: Sequence[tuple[str, Path]], splits: Path | None, seed: int = 0, log: Log = lambda text: None
) -> list[Utterance]:
    """Utterances of several corpora with their splits.

    Args:
        specs: (corpus name, folder).
        splits: table of splits (columns `path`, `split`), or None to draw them by speaker.
        seed: of drawn splits.
        log: told what was read and skipped.

    Raises:
        InputError: a folder holds nothing of its corpus.
    """
    utterances: list[Utterance] = []
    for name, folder in specs:
        reading = read_corpus(name, folder)
        log(reading.summary())
        utterances += reading
    if splits is None:
        return assign_splits(utterances, seed)
    return [u for u in apply_splits(utterances, read_splits(splits)) if u.split]


class WaveformStore:
    """Decoded waveforms, trimmed to speech, kept as 16-bit numbers.

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
            log: told each broken file and the count.
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
