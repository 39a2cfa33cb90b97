"""Readers of speech corpora in their published layouts: `read_corpus("ravdess", folder)`."""

from .base import AUDIO_SUFFIXES, CLASS_OF_EMOTION, UNIFIED_EMOTIONS, CorpusReader, CorpusReading, Skipped, Utterance
from .registry import corpus_names, corpus_reader, parse_corpus, read_corpus
from .splits import FOLDS, apply_splits, assign_splits, draw_folds, read_splits, split_of_fold, write_splits

__all__ = [
    "AUDIO_SUFFIXES",
    "CLASS_OF_EMOTION",
    "FOLDS",
    "UNIFIED_EMOTIONS",
    "CorpusReader",
    "CorpusReading",
    "Skipped",
    "Utterance",
    "apply_splits",
    "assign_splits",
    "corpus_names",
    "corpus_reader",
    "draw_folds",
    "parse_corpus",
    "read_corpus",
    "read_splits",
    "split_of_fold",
    "write_splits",
]
