"""BAVED (Arabic words, spoken with low, normal or high intensity): `WORD/SPK-sex-age-word-LEVEL-id.wav`."""

import re
from pathlib import Path

from .base import CorpusReader, Utterance, match

_NAME = re.compile(r"(\d+)-([mf])-(\d+)-([0-6])-([012])-(\d+)", re.IGNORECASE)
_LEVELS = {"0": ("low", 0.0), "1": ("normal", 0.5), "2": ("high", 1.0)}


def _decode(path: Path, root: Path, index: None) -> Utterance:
    speaker, gender, _, word, level, _ = match(_NAME, path.stem).groups()
    strength, intensity = _LEVELS[level]
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion=None,  # the corpus grades how strongly a word is spoken, not with which emotion
        intensity=intensity,
        strength=strength,
        language="ar",
        gender=gender.lower(),
        sentence=word,
    )


READER = CorpusReader("baved", "0/12-m-20-0-2-33.wav", {"word": ()}, _decode)
