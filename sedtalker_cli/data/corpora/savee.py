"""SAVEE (British English, 4 men): `AudioData/DC/a01.wav` or `DC_a01.wav`."""

import re
from pathlib import Path

from .base import CorpusReader, Misnamed, Utterance, match

_NAME = re.compile(r"(?:([A-Z]{2})_)?([a-z]{1,2})(\d\d)")
_SPEAKERS = ("DC", "JE", "JK", "KL")
_LABELS = {
    "a": "angry",
    "d": "disgust",
    "f": "fear",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprise",
}


def _decode(path: Path, root: Path, index: None) -> Utterance:
    speaker, label, number = match(_NAME, path.stem).groups()
    speaker = speaker or path.parent.name
    if speaker not in _SPEAKERS:
        raise Misnamed(f"speaker {speaker!r} is none of {', '.join(_SPEAKERS)}")
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion=READER.emotion_of(label),
        language="en",
        gender="m",
        sentence=label + number,
    )


READER = CorpusReader("savee", "AudioData/DC/a01.wav", _LABELS, _decode)
