"""Phones of many languages as shares of the units that the coarticulation model has parameters for."""

import unicodedata

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.phones import SILENCE

CLASSES: dict[str, tuple[str, ...]] = {
    "silence": (SILENCE,),
    "bilabial": ("p", "b", "m"),
    "labiodental": ("f", "v"),
    "dental": ("θ", "ð"),
    "alveolar": ("t", "d", "n"),
    "lateral": ("l",),
    "sibilant": ("s", "z"),
    "postalveolar": ("ʃ",),
    "rhotic": ("ɹ",),
    "labiovelar": ("w",),
    "velar": ("k", "ɡ"),
    "close front": ("i", "ɪ", "ɪ̯", "j"),
    "mid front": ("e", "ɛ", "æ"),
    "central": ("ə",),
    "open": ("a", "ɑ"),
    "mid back": ("ɔ", "o"),
    "close back": ("u",),
    "back glide": ("ʊ̯",),
}
"""Units with parameters of their own, ɪ̯ and ʊ̯ are off-glides; in fitting, a class is drawn towards its mean."""
# This off-glide is mostly heard in "now" at the end of the sentence, where the mouth closes anyway: it is fitted, so
# that no other unit has to explain that word, and then moves half way to u.
REPLACED = {"ʊ̯": ("ʊ̯", "u")}
UNITS = tuple(unit for units in CLASSES.values() for unit in units)
BILABIALS, LABIODENTALS = frozenset("pbm"), frozenset(["f", "v", "ɱ", "ʋ"])
PASSIVE = frozenset("hɦħʔʕɧ")  # the lips already stand as the next sound wants them
# Phones of two parts, and phones that the captured English lacks: shares of units whose parameters they inherit.
SEQUENCES = {
    "aɪ": ("a", "ɪ̯"),
    "aʊ": ("a", "ʊ̯"),
    "eɪ": ("e", "ɪ̯"),
    "oʊ": ("o", "ʊ̯"),
    "əʊ": ("ə", "ʊ̯"),
    "ɔɪ": ("ɔ", "ɪ̯"),
    "ɔʏ": ("ɔ", "ʊ̯"),
    "ɪə": ("ɪ", "ə"),
    "ʊə": ("ʊ", "ə"),
    "ai": ("a", "ɪ̯"),
    "au": ("a", "ʊ̯"),
    "ei": ("e", "ɪ̯"),
    "ou": ("o", "ʊ̯"),
    "tʃ": ("t", "ʃ"),
    "dʒ": ("d", "ʒ"),
    "ts": ("t", "s"),
    "dz": ("d", "z"),
    "tɕ": ("t", "ɕ"),
    "dʑ": ("d", "ʑ"),
    "tʂ": ("t", "ʂ"),
    "dʐ": ("d", "ʐ"),
    "ʈʂ": ("t", "ʂ"),
    "pf": ("p", "f"),
}
INHERIT: dict[str, dict[str, float]] = {
    # In the captures only in "one": parameters of its own would be those of the w before it.
    "ʌ": {"a": 0.7, "ɛ": 0.3},
    "ʊ": {"u": 0.6, "ə": 0.4},
    "ŋ": {"k": 0.5, "ɡ": 0.5},
    "ɾ": {"d": 1.0},
    "ʒ": {"ʃ": 1.0},
    "ɒ": {"ɔ": 0.5, "ɑ": 0.5},
    "ɝ": {"ə": 0.6, "ɹ": 0.4},
    "ɚ": {"ə": 0.7, "ɹ": 0.3},
    "ɜ": {"ə": 1.0},
    "ɐ": {"a": 0.6, "ə": 0.4},
    "y": {"u": 1.0},
    "ʏ": {"u": 0.6, "ə": 0.4},
    "ʉ": {"u": 1.0},
    "ø": {"u": 0.5, "e": 0.5},
    "œ": {"u": 0.4, "ɛ": 0.6},
    "ɨ": {"ɪ": 1.0},
    "ɯ": {"ɪ": 1.0},
    "ɤ": {"ə": 1.0},
    "ç": {"j": 1.0},
    "ʝ": {"j": 1.0},
    "ɥ": {"u": 0.5, "j": 0.5},
    "x": {"k": 1.0},
    "χ": {"k": 1.0},
    "ɣ": {"ɡ": 1.0},
    "ʁ": {"ɡ": 1.0},
    "ʀ": {"ɡ": 1.0},
    "q": {"k": 1.0},
    "c": {"k": 1.0},
    "ɟ": {"ɡ": 1.0},
    "g": {"ɡ": 1.0},
    "r": {"d": 0.5, "l": 0.5},
    "ɻ": {"ɹ": 1.0},
    "ɕ": {"ʃ": 0.5, "s": 0.5},
    "ʑ": {"ʃ": 0.5, "z": 0.5},
    "ʂ": {"ʃ": 1.0},
    "ʐ": {"ʃ": 1.0},
    "ɲ": {"n": 1.0},
    "ɳ": {"n": 1.0},
    "ɱ": {"v": 1.0},
    "ʋ": {"v": 1.0},
    "ɸ": {"f": 1.0},
    "β": {"v": 0.5, "b": 0.5},
    "ʎ": {"l": 1.0},
    "ɭ": {"l": 1.0},
    "ɫ": {"l": 1.0},
    "ɬ": {"l": 1.0},
    "ʈ": {"t": 1.0},
    "ɖ": {"d": 1.0},
}


def unit_shares(symbol: str) -> list[dict[str, float]]:
    """Parts of a phone, each as shares of units; empty for a phone that only lets the next one prepare.

    Diacritics, length and tie bars are ignored.

    Raises:
        InputError: a symbol that is not known.
    """
    plain = "".join(
        c for c in unicodedata.normalize("NFD", symbol) if not unicodedata.combining(c) and c not in "ːˑʰʲʷˠˤˈˌ˞̯"
    )
    plain = "ç" if unicodedata.normalize("NFC", symbol).startswith("ç") else plain
    if symbol == SILENCE:
        return [{SILENCE: 1.0}]
    parts = SEQUENCES.get(plain) or ((plain,) if plain in UNITS or plain in INHERIT else tuple(plain))
    found = []
    for part in parts:
        if part in PASSIVE:
            continue
        shares = {part: 1.0} if part in UNITS else INHERIT.get(part)
        if shares is None:
            raise InputError(f"phone {symbol!r} is not known; write it in IPA (silence is {SILENCE!r})")
        found.append(shares)
    return found
