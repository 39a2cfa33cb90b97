"""EmoV-DB (English, 4 speakers): `bea_Amused/amused_1-15_0001.wav`, prompts in `cmuarctic.data`."""

import re
from pathlib import Path

from .base import CorpusReader, Misnamed, Utterance, match
from .tables import read_text

_NAME = re.compile(r"([a-z]+)_[\d-]+_(\d+)", re.IGNORECASE)
_GENDERS = {"bea": "f", "jenie": "f", "josh": "m", "sam": "m"}
_PROMPT = re.compile(r'\(\s*arctic_a(\d+)\s+"(.*)"\s*\)')
_LABELS = {
    "neutral": "neutral",
    "amused": "happy",
    "anger": "angry",
    "angry": "angry",
    "disgust": "disgust",
    "disgusted": "disgust",
    "sleepiness": None,  # yawned speech: neither boredom nor neutral
    "sleepy": None,
}


def _index(root: Path) -> dict[str, str]:
    path = root / "cmuarctic.data"
    return dict(_PROMPT.findall(read_text(path))) if path.is_file() else {}


def _decode(path: Path, root: Path, index: dict[str, str]) -> Utterance:
    label, number = match(_NAME, path.stem).groups()
    # Two published packings: bea_Amused/FILE and bea/Amused/FILE.
    names = (part.lower().split("_")[0] for part in path.relative_to(root.parent).parts[:-1])
    speaker = next((name for name in names if name in _GENDERS), None)
    if speaker is None:
        raise Misnamed(f"not in the folder of a speaker ({', '.join(_GENDERS)})")
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion=READER.emotion_of(label.lower()),
        language="en",
        gender=_GENDERS[speaker],
        text=index.get(number),
        sentence=number,
    )


READER = CorpusReader("emov-db", "bea_Amused/amused_1-15_0001.wav", _LABELS, _decode, _index)
