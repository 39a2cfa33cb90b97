"""speechocean762 (English read by Mandarin speakers): `WAVE/SPEAKERnnnn/UTT.wav` with Kaldi tables."""

import re
from pathlib import Path

from .base import CorpusReader, Misnamed, Utterance
from .tables import gender_code, read_pairs

_FOLDER = re.compile(r"SPEAKER(\d+)")


def _index(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    texts: dict[str, str] = {}
    genders: dict[str, str] = {}
    for folder in (root, root / "train", root / "test"):
        texts |= read_pairs(folder / "text")
        genders |= read_pairs(folder / "spk2gender")
    return texts, genders


def _decode(path: Path, root: Path, index: tuple[dict[str, str], dict[str, str]]) -> Utterance:
    folder = _FOLDER.fullmatch(path.parent.name)
    if not folder or not path.stem.isdigit():
        raise Misnamed("expected SPEAKERnnnn/NUMBER")
    texts, genders = index
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=folder[1],
        emotion="neutral",
        language="en",
        gender=gender_code(genders.get(folder[1])),
        text=texts.get(path.stem),
    )


READER = CorpusReader(
    "speechocean762",
    "WAVE/SPEAKER0001/000010011.WAV",
    {"read": "neutral"},
    _decode,
    _index,
    annotated=False,
)
