"""IEMOCAP (English dialogue): `SessionN/sentences/wav/DIALOG/UTT.wav` and `dialog/EmoEvaluation`."""

import re
from pathlib import Path
from typing import NamedTuple

from .base import CorpusReader, Misnamed, Utterance, match
from .tables import read_text

_NAME = re.compile(r"(Ses\d\d)[FM]_\w+_([FM])(?:XX)?\d+")
_EVALUATION = re.compile(r"^\[[\d.]+ - [\d.]+\]\s+(\S+)\s+(\w+)\s+\[[\d.]+,\s*([\d.]+),\s*[\d.]+\]", re.MULTILINE)
_TRANSCRIPT = re.compile(r"^(Ses\S+)\s+\[[^\]]*\]:\s*(.*?)\s*$", re.MULTILINE)
_LABELS = {
    "neu": "neutral",
    "hap": "happy",
    "exc": "happy",  # usual since the corpus's own classification papers: too few "hap" alone
    "sad": "sad",
    "ang": "angry",
    "fea": "fear",
    "dis": "disgust",
    "sur": "surprise",
    "fru": None,  # frustration lies between anger and sadness
    "oth": None,
    "xxx": None,  # the annotators did not agree
}


class _Index(NamedTuple):
    labels: dict[str, tuple[str, float]]
    texts: dict[str, str]


def _index(root: Path) -> _Index:
    labels, texts = {}, {}
    for path in sorted(root.rglob("dialog/EmoEvaluation/Ses*.txt")):
        for name, label, activation in _EVALUATION.findall(read_text(path)):
            labels[name] = label.lower(), (float(activation) - 1) / 4  # scale of 1 to 5
    for path in sorted(root.rglob("dialog/transcriptions/Ses*.txt")):
        texts |= dict(_TRANSCRIPT.findall(read_text(path)))
    return _Index(labels, texts)


def _decode(path: Path, root: Path, index: _Index) -> Utterance:
    session, gender = match(_NAME, path.stem).groups()
    if path.stem not in index.labels:
        raise Misnamed("no line in dialog/EmoEvaluation")
    label, arousal = index.labels[path.stem]
    return Utterance(
        path=path,
        corpus=READER.name,
        # The letter after the session names who wore the markers; who speaks is in the last part.
        speaker=session + gender,
        emotion=READER.emotion_of(label),
        arousal=arousal,
        language="en",
        gender=gender.lower(),
        text=index.texts.get(path.stem),
    )


READER = CorpusReader(
    "iemocap", "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav", _LABELS, _decode, _index
)
