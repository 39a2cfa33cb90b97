"""ESD (Mandarin 0001-0010, English 0011-0020): `SPK/Emotion/[part/]SPK_NNNNNN.wav`, texts `SPK/SPK.txt`."""

import re
from pathlib import Path

from .base import CorpusReader, Misnamed, Utterance, match
from .tables import read_text

_NAME = re.compile(r"(\d{4})_(\d{6})")
_LABELS = {"Neutral": "neutral", "Angry": "angry", "Happy": "happy", "Sad": "sad", "Surprise": "surprise"}
_WOMEN = ("0001", "0002", "0003", "0007", "0009", "0015", "0016", "0017", "0018", "0019")
_SENTENCES = 350  # spoken by everybody in each emotion, numbered one emotion after the other


def _index(root: Path) -> dict[str, str]:
    texts = {}
    for path in sorted(root.rglob("*.txt")):
        for line in read_text(path, ("utf-8-sig", "gb18030", "cp1252")).splitlines():
            cells = [cell.strip() for cell in line.split("\t")]
            if len(cells) > 1 and _NAME.fullmatch(cells[0]):
                texts[cells[0]] = cells[1]
    return texts


def _decode(path: Path, root: Path, index: dict[str, str]) -> Utterance:
    speaker, number = match(_NAME, path.stem).groups()
    folders = {name.capitalize() for name in path.relative_to(root).parts[:-1]}
    labels = [label for label in _LABELS if label in folders]
    if len(labels) != 1:
        raise Misnamed("not in the folder of one emotion")
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion=READER.emotion_of(labels[0]),
        language="zh" if int(speaker) <= 10 else "en",
        gender="f" if speaker in _WOMEN else "m",
        text=index.get(path.stem),
        sentence=str((int(number) - 1) % _SENTENCES + 1),
    )


READER = CorpusReader("esd", "0011/Angry/0011_000351.wav", _LABELS, _decode, _index)
