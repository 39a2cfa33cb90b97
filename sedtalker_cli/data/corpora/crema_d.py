"""CREMA-D (English, 91 actors): `AudioWAV/ACTOR_SENTENCE_EMO_LEVEL.wav`, and `VideoDemographics.csv`."""

import re
from pathlib import Path

from .base import CorpusReader, Utterance, match
from .tables import gender_code, read_table

_NAME = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_(LO|MD|HI|XX?)")
_LABELS = {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_LEVELS = {"LO": ("low", 1 / 3), "MD": ("medium", 2 / 3), "HI": ("high", 1.0)}
_TEXTS = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}


def _index(root: Path) -> dict[str, str | None]:
    return {row["ActorID"]: gender_code(row["Sex"]) for row in read_table(root / "VideoDemographics.csv")}


def _decode(path: Path, root: Path, index: dict[str, str | None]) -> Utterance:
    actor, sentence, label, level = match(_NAME, path.stem).groups()
    emotion = READER.emotion_of(label)
    strength, intensity = _LEVELS.get(level, (None, None))
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=actor,
        emotion=emotion,
        intensity=0.0 if emotion == "neutral" else intensity,
        strength=strength,
        language="en",
        gender=index.get(actor),
        text=_TEXTS.get(sentence),
        sentence=sentence,
    )


READER = CorpusReader("crema-d", "AudioWAV/1001_DFA_ANG_XX.wav", _LABELS, _decode, _index)
