"""nEMO (Polish, 9 actors): `samples/SPK_emotion_sentence.wav`, texts and genders in `data.tsv`."""

import re
from pathlib import Path

from .base import CorpusReader, Utterance, match
from .tables import gender_code, read_table

_NAME = re.compile(r"([A-Z]{2}\d+)_([a-z]+)_(\d+)")
_LABELS = {
    "anger": "angry",
    "fear": "fear",
    "happiness": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprised": "surprise",
}


def _index(root: Path) -> dict[str, dict[str, str]]:
    return {Path(row["file_id"]).stem: row for row in read_table(root / "data.tsv", delimiter="\t")}


def _decode(path: Path, root: Path, index: dict[str, dict[str, str]]) -> Utterance:
    speaker, label, sentence = match(_NAME, path.stem).groups()
    row = index.get(path.stem, {})
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion=READER.emotion_of(label),
        language="pl",
        gender=gender_code(row.get("gender")),
        text=row.get("raw_text") or None,
        sentence=sentence,
    )


READER = CorpusReader("nemo", "samples/SK0_anger_18.wav", _LABELS, _decode, _index)
