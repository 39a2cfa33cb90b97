"""JL-Corpus (New Zealand English, 4 speakers): `female1_angry_10a_1.wav` and its text in `.txt`."""

import re
from pathlib import Path

from .base import CorpusReader, Utterance, match
from .tables import read_text

_NAME = re.compile(r"((?:fe)?male\d)_([a-z]+)_(\d+[a-z])_\d")
_LABELS = {
    "neutral": "neutral",
    "happy": "happy",
    "excited": "happy",  # happy at higher arousal
    "sad": "sad",
    "angry": "angry",
    # Social attitudes (the corpus's secondary emotions) are none of the unified emotions.
    "anxious": None,
    "apologetic": None,
    "assertive": None,
    "concerned": None,
    "encouraging": None,
}


def _decode(path: Path, root: Path, index: None) -> Utterance:
    speaker, label, sentence = match(_NAME, path.stem).groups()
    emotion = READER.emotion_of(label)
    text = path.with_suffix(".txt")
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion=emotion,
        language="en",
        gender="f" if speaker.startswith("f") else "m",
        text=" ".join(read_text(text).split()) or None if text.is_file() else None,
        sentence=sentence,
    )


READER = CorpusReader("jl-corpus", "JL(wav+txt)/female1_angry_10a_1.wav", _LABELS, _decode)
