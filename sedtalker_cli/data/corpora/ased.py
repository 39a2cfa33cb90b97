"""ASED (Amharic): `01Neutral/nK-SS-RR-GG-SPK.wav` = emotion, sentence, repetition, gender, speaker."""

import re
from pathlib import Path

from .base import CorpusReader, Misnamed, Utterance, match

_NAME = re.compile(r"([nfhsa])\d-(\d\d)-(\d\d)-(0[12])-(\d+)", re.IGNORECASE)
_FOLDER = re.compile(r"\d*(neutral|fearful|happy|sad|angry)", re.IGNORECASE)
_LABELS = {"n": "neutral", "f": "fear", "h": "happy", "s": "sad", "a": "angry"}


def _decode(path: Path, root: Path, index: None) -> Utterance:
    label, sentence, _, gender, speaker = match(_NAME, path.stem).groups()
    label = label.lower()
    folder = _FOLDER.fullmatch(path.parent.name)
    if folder and folder[1][0].lower() != label:
        raise Misnamed(f"the name says {_LABELS[label]}, the folder {path.parent.name}")
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion=READER.emotion_of(label),
        language="am",
        gender="f" if gender == "01" else "m",
        sentence=sentence,
    )


READER = CorpusReader("ased", "05Angry/a5-01-01-02-10.wav", _LABELS, _decode)
