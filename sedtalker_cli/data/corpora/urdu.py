"""URDU (spontaneous television speech): `Angry/S{M,F}id_Fk_Xnn.wav` = gender and speaker, file, emotion."""

import re
from pathlib import Path

from .base import CorpusReader, Utterance, match

_NAME = re.compile(r"S([MF]\d+)_F\d+_([A-Z])\d+")
_LABELS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}


def _decode(path: Path, root: Path, index: None) -> Utterance:
    speaker, label = match(_NAME, path.stem).groups()
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion=READER.emotion_of(label),
        language="ur",
        gender=speaker[0].lower(),
    )


READER = CorpusReader("urdu", "Angry/SM1_F1_A001.wav", _LABELS, _decode)
