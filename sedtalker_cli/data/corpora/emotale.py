"""EmoTale (Danish and English, 18 speakers): `LANG_SPK_E_SENT.wav`, arousal in `annotations.csv`."""

import re
from pathlib import Path

from .base import CorpusReader, Utterance, match
from .tables import gender_code, read_table

_NAME = re.compile(r"(DK|EN)_(\d+)_([A-Z])_(\d+)")
_LABELS = {"A": "angry", "B": "bored", "H": "happy", "N": "neutral", "S": "sad"}
_LANGUAGES = {"DK": "da", "EN": "en"}
_TEXTS = {
    "DK_1": "Dugen ligger på køleskabet.",
    "DK_2": "Det sorte ark papir er placeret deroppe ved siden af tømmerstykket.",
    "DK_3": "De bar det bare ovenpå og nu skal de ned igen.",
    "DK_4": "Det vil være på det sted, hvor vi altid opbevarer det.",
    "DK_5": "Om syv timer er det morgen.",
    "EN_1": "The tablecloth is lying on the fridge.",
    "EN_2": "The black sheet of paper is located up there besides the piece of timber.",
    "EN_3": "They just carried it upstairs and now they are going down again.",
    "EN_4": "It will be in the place where we always store it.",
    "EN_5": "In seven hours it will be morning.",
}


def _index(root: Path) -> tuple[dict[str, float], dict[str, str | None]]:
    arousal = {}
    for row in read_table(root / "annotations.csv"):
        ratings = [float(row[key]) for key in row if re.fullmatch(r"a\d+_A", key) and row[key]]
        if ratings:  # each on a scale of 1 to 5
            arousal[Path(row["file"]).stem] = (sum(ratings) / len(ratings) - 1) / 4
    genders = {row["speaker"]: gender_code(row["gender"]) for row in read_table(root / "speaker_info.csv")}
    return arousal, genders


def _decode(path: Path, root: Path, index: tuple[dict[str, float], dict[str, str | None]]) -> Utterance:
    language, speaker, label, number = match(_NAME, path.stem).groups()
    arousal, genders = index
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion=READER.emotion_of(label),
        arousal=arousal.get(path.stem),
        language=_LANGUAGES[language],
        gender=genders.get(speaker),
        text=_TEXTS.get(f"{language}_{number}"),
        sentence=f"{language}_{number}",
    )


READER = CorpusReader("emotale", "DK_001_A_1.wav", _LABELS, _decode, _index)
