"""The published layouts: VOCASET (as FaceFormer and CodeTalker use it), EmoVOCA, and BIWI."""

import re

from sedtalker_cli.data.talking_heads.base import NEUTRAL, Label, Layout, Misnamed

FLAME = {5023: "flame"}
# (Date_number) of FaceTalk_DATE_NUMBER_TA; Cudeiro et al. 2019, split of the FaceFormer code
_VOCA_SPLIT = {
    "train": "170728_03272 170904_00128 170725_00137 170915_00223 170811_03274 170913_03279 170904_03276 170912_03278",
    "val": "170811_03275 170908_03277",
    "test": "170809_00138 170731_00024",
}
VOCA_SUBJECTS = {f"FaceTalk_{n}_TA": split for split, names in _VOCA_SPLIT.items() for n in names.split()}
VOCA_SENTENCES = {"train": range(1, 41), "val": range(21, 41), "test": range(21, 41)}
# EmoVOCA's expression -> emotion and number in `label/`; the first six are those that SEDTalker's authors train on
EXPRESSIONS = {
    "Smile2": ("happy", 4),
    "Sad1": ("sad", 3),
    "Irritated1": ("angry", 2),
    "Upset": ("upset", 10),
    "Disgust": ("disgust", 1),
    "Afraid": ("fear", 0),
    "Drunk2": ("drunk", 5),
    "Ill": ("ill", 6),
    "Moody": ("moody", 7),
    "Pleased": ("pleased", 8),
    "Suspicious": ("suspicious", 9),
}
# further ones that a generated set may hold (see `generate.py`)
OWN_EXPRESSIONS = {"Neutral": ("neutral", 11), "Surprise": ("surprise", 12)}
SEDTALKER_EMOTIONS = tuple(emotion for emotion, _ in list(EXPRESSIONS.values())[:6])
LEVELS = 3  # intensities 1..3 in names
BIWI_SUBJECTS = ("F2", "F3", "F4", "M3", "M4", "M5")
BIWI_OTHERS = ("F1", "F5", "F6", "F7", "F8", "M1", "M2", "M6")  # recorded too, in no split of the field
BIWI_SENTENCES = {"train": range(1, 33), "val": range(33, 37), "test": range(37, 41)}
EXPRESSIVE = "expressive"  # BIWI's sentences eNN are acted with feeling; which one is not said

_VOCA_NAME = re.compile(r"(.+)_sentence(\d{2,})")
_EMO_NAME = re.compile(r"(.+)_sentence(\d{2,})_([A-Za-z]+\d?)_([1-3])")
_BIWI_NAME = re.compile(r"([FM]\d)_(e?)(\d\d)")


def _match(pattern: re.Pattern, stem: str) -> re.Match:
    found = pattern.fullmatch(stem)
    if found is None:
        raise Misnamed("the name does not follow the layout")
    return found


def decode_vocaset(stem: str) -> Label:
    """`SUBJECT_sentenceNN`."""
    subject, sentence = _match(_VOCA_NAME, stem).groups()
    return Label(subject, int(sentence), NEUTRAL, 0.0)


def decode_emovoca(stem: str) -> Label:
    """`SUBJECT_sentenceNN_EXPRESSION_K`."""
    subject, sentence, expression, level = _match(_EMO_NAME, stem).groups()
    known = EXPRESSIONS | OWN_EXPRESSIONS
    if expression not in known:
        raise Misnamed(f"expression {expression!r} is none of {', '.join(known)}")
    emotion, _ = known[expression]
    return Label(subject, int(sentence), emotion, 0.0 if emotion == NEUTRAL else int(level) / LEVELS, expression)


def decode_biwi(stem: str) -> Label:
    """`F2_e01`, expressive, or `F2_01`, neutral."""
    subject, expressive, sentence = _match(_BIWI_NAME, stem).groups()
    return Label(subject, int(sentence), EXPRESSIVE if expressive else NEUTRAL, 1.0 if expressive else 0.0)


def split_vocaset(subject: str, sentence: int) -> str | None:
    """By subject; sentences 1 to 20 of the subjects for validation and test are not used."""
    if subject not in VOCA_SUBJECTS:
        raise Misnamed(f"subject {subject!r} is none of VOCASET's 12 and no splits.csv (subject,split) lies beside")
    split = VOCA_SUBJECTS[subject]
    return split if sentence in VOCA_SENTENCES[split] else None


def split_biwi(subject: str, sentence: int) -> str | None:
    """By sentence, all parts with the same six subjects."""
    if subject not in (*BIWI_SUBJECTS, *BIWI_OTHERS):
        raise Misnamed(f"subject {subject!r} is none of BIWI's 14")
    if subject in BIWI_OTHERS:
        return None
    return next((split for split, sentences in BIWI_SENTENCES.items() if sentence in sentences), None)


VOCASET = Layout(
    "vocaset", "vertices_npy", "FaceTalk_170725_00137_TA_sentence01.npy", 60, 30, FLAME, decode_vocaset, split_vocaset
)
EMOVOCA = Layout(
    *("emovoca", "sequences", "FaceTalk_170725_00137_TA_sentence01_Smile2_3.npy"),
    *(60, 30, FLAME, decode_emovoca, split_vocaset),
)
BIWI = Layout("biwi", "vertices_npy", "F2_e01.npy", 25, 25, {23370: "biwi", 3895: "biwi-3895"}, decode_biwi, split_biwi)
