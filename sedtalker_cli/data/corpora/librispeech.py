"""LibriSpeech (English audiobooks): `SUBSET/SPK/CHAPTER/SPK-CHAPTER-NNNN.flac` and `.trans.txt`."""

import re
from pathlib import Path

from .base import CorpusReader, Utterance, match
from .tables import gender_code, read_pairs, read_text

_NAME = re.compile(r"(\d+)-\d+-\d+")


def _index(root: Path) -> tuple[dict[str, str], dict[str, str | None]]:
    texts: dict[str, str] = {}
    for path in sorted(root.rglob("*.trans.txt")):
        texts |= read_pairs(path)
    genders = {}
    for path in (root / "SPEAKERS.TXT", root.parent / "SPEAKERS.TXT", root / "LibriSpeech" / "SPEAKERS.TXT"):
        if path.is_file():
            rows = (line.split("|") for line in read_text(path).splitlines() if not line.startswith(";"))
            genders |= {row[0].strip(): gender_code(row[1]) for row in rows if len(row) > 1}
    return texts, genders


def _decode(path: Path, root: Path, index: tuple[dict[str, str], dict[str, str | None]]) -> Utterance:
    speaker = match(_NAME, path.stem)[1]
    texts, genders = index
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion="neutral",
        language="en",
        gender=genders.get(speaker),
        text=texts.get(path.stem),
    )


READER = CorpusReader(
    "librispeech",
    "train-clean-100/19/198/19-198-0000.flac",
    {"read": "neutral"},
    _decode,
    _index,
    annotated=False,
)
