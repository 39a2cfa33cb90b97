"""Berlin EmoDB (German, 10 actors): `wav/SStttEv.wav` = speaker, text, emotion, version."""

import re
from pathlib import Path

from .base import CorpusReader, Utterance, match

_NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z]?)")
_MEN = ("03", "10", "11", "12", "15")
_LABELS = {  # initials of the German words: Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral
    "W": "angry",
    "L": "bored",
    "E": "disgust",
    "A": "fear",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
_TEXTS = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}


def _decode(path: Path, root: Path, index: None) -> Utterance:
    speaker, sentence, label, _ = match(_NAME, path.stem).groups()
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion=READER.emotion_of(label),
        language="de",
        gender="m" if speaker in _MEN else "f",
        text=_TEXTS.get(sentence),
        sentence=sentence,
    )


READER = CorpusReader("emodb", "wav/03a01Fa.wav", _LABELS, _decode)
