"""MELD (English television): `train_splits/diaD_uttU.mp4` (or its sound), labels in `*_sent_emo.csv`."""

import re
from pathlib import Path

from .base import AUDIO_SUFFIXES, CorpusReader, Misnamed, Utterance, match
from .tables import read_table

_NAME = re.compile(r"(dia\d+_utt\d+)")
_PARTS = ("train", "dev", "test")
# Folders as unpacked: train_splits, dev_splits_complete, output_repeated_splits_test.
_FOLDER = re.compile(r"(?:^|_)(train|dev|test)(?:_|$)")
_LEADS = {"Rachel": "f", "Monica": "f", "Phoebe": "f", "Ross": "m", "Chandler": "m", "Joey": "m"}
# The tables hold cp1252 punctuation as control characters, from a double conversion.
_PUNCTUATION = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
_LABELS = {
    "neutral": "neutral",
    "joy": "happy",
    "sadness": "sad",
    "anger": "angry",
    "fear": "fear",
    "disgust": "disgust",
    "surprise": "surprise",
}


def _index(root: Path) -> dict[str, dict[str, str]]:
    rows = {}
    for part in _PARTS:
        for path in sorted(root.rglob(f"{part}_sent_emo.csv")):
            for row in read_table(path):
                rows[f"{part}/dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"] = row
    return rows


def _decode(path: Path, root: Path, index: dict[str, dict[str, str]]) -> Utterance:
    name = match(_NAME, path.stem)[1]
    folders = reversed(path.relative_to(root.parent).parts[:-1])
    part = next((found[1] for found in map(_FOLDER.search, folders) if found), None)
    key = f"{part}/{name}"
    if key not in index:
        raise Misnamed("no line in the tables *_sent_emo.csv")
    row = index[key]
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=row["Speaker"],
        emotion=READER.emotion_of(row["Emotion"].lower()),
        language="en",
        gender=_LEADS.get(row["Speaker"]),
        text=row["Utterance"].translate(_PUNCTUATION) or None,
        sentence=key,  # names start again at dia0_utt0 in each part
    )


READER = CorpusReader(
    "meld", "train_splits/dia0_utt0.mp4", _LABELS, _decode, _index, suffixes=(*AUDIO_SUFFIXES, ".mp4")
)
