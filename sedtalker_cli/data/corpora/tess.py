"""TESS (English, 2 women): `OAF_angry/OAF_word_angry.wav`; `ps` is pleasant surprise."""

import re
from pathlib import Path

from .base import CorpusReader, Utterance, match

# One packaged form of the corpus numbers its test files on both sides: `12testOAF_word_angry55`.
# The original holds one file that starts with OA instead of OAF.
_NAME = re.compile(r"(?:\d+test)?([OY])AF?_([a-z]+)_([a-z]+)\d*", re.IGNORECASE)
_LABELS = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "surprise",
    "sad": "sad",
}


def _decode(path: Path, root: Path, index: None) -> Utterance:
    speaker, word, label = match(_NAME, path.stem).groups()
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker.upper(),
        emotion=READER.emotion_of(label.lower()),
        language="en",
        gender="f",
        text=f"Say the word {word}",
        sentence=word.lower(),
    )


READER = CorpusReader("tess", "OAF_angry/OAF_back_angry.wav", _LABELS, _decode)
