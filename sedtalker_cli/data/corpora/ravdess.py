"""RAVDESS (English, 24 actors): `Actor_AC/03-01-EM-IN-ST-RE-AC.wav`."""

import re
from pathlib import Path

from .base import CorpusReader, Dropped, Utterance, match

_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_STRENGTHS = {"01": ("normal", 0.5), "02": ("strong", 1.0)}
_TEXTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
_LABELS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}


def _decode(path: Path, root: Path, index: None) -> Utterance:
    _, channel, label, strength, statement, _, actor = match(_NAME, path.stem).groups()
    if channel == "02":
        raise Dropped("song")
    emotion = READER.emotion_of(label)
    word, intensity = _STRENGTHS.get(strength, (None, None))
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=actor,
        emotion=emotion,
        intensity=0.0 if emotion in ("neutral", "calm") else intensity,
        strength=word,
        language="en",
        gender="m" if int(actor) % 2 else "f",
        text=_TEXTS.get(statement),
        sentence=statement,
    )


READER = CorpusReader("ravdess", "Actor_01/03-01-05-02-01-01-01.wav", _LABELS, _decode)
