"""Non-verbal vocal sounds (Korea): `class/SPK_class_trial_sex_age_place_quality_noise.wav`, the folder is the kind.

Laughing is happy and crying sad; a scream may be anger, fear or surprise; sighs, moans, panting and yawns tell no
emotion; noises of the body (coughs, lips, teeth ...) are neutral and no speech.
"""

import re
from pathlib import Path

from .base import CorpusReader, Utterance, match

_NAME = re.compile(r"([^_]+)_\d+_\d+_([01])_\d+_\d+_\d+_\d+")
_GENDERS = {"0": "f", "1": "m"}
_NOISES = (
    "coughing",
    "lip-popping",
    "lip-smacking",
    "nose-blowing",
    "sneezing",
    "teeth-chattering",
    "teeth-grinding",
    "throat-clearing",
    "tongue-clicking",
)
_LABELS = {
    "laughing": "happy",
    "crying": "sad",
    "screaming": ("angry", "fear", "surprise"),
    "sighing": (),
    "moaning": (),
    "panting": (),
    "yawning": (),
    **dict.fromkeys(_NOISES, "neutral"),
}


def _decode(path: Path, root: Path, index: None) -> Utterance:
    speaker, gender = match(_NAME, path.stem).groups()
    kind = path.parent.name.lower()
    emotions = READER.emotions_of(kind)
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=speaker,
        emotion=emotions[0] if len(emotions) == 1 else None,
        any_of=emotions if len(emotions) > 1 else (),
        language="ko",
        gender=_GENDERS[gender],
        sound=kind,
        speech=kind not in _NOISES,
    )


READER = CorpusReader("nonverbal", "laughing/A1B2_12_7_0_33_0_0_0.wav", _LABELS, _decode)
