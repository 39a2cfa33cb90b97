"""Recorded speech with known phone times, from corpora whose words or phones are known.

English recordings are aligned with their words by pocketsphinx and the American models inside its package (BSD), which
the project itself does not depend on:

    pip install pocketsphinx

EmoDB needs nothing: its hand-made labels (`lablaut/*.lablaut` beside `wav/`) are read instead.

    python tools/align_corpus.py --corpus ravdess=PATH --corpus emodb=PATH --splits splits.csv --out FOLDER

writes NAME.wav (16 kHz mono) and NAME.csv (phone,onset,offset,release,stress; seconds) for every recording taken, of as
many speakers and emotions as there are. Phones are IPA, `sil` is silence. What was left out is counted by reason:
without text, too long, words without pronunciation, alignments that cannot be right.
"""

import argparse
import random
import re
import wave
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.data.corpora import Utterance, parse_corpus
from sedtalker_cli.data.recordings import read_corpora
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.phones import SILENCE, Phone, write_phones

ARPABET = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "B": "b", "CH": "tʃ", "D": "d", "DH": "ð",
    "EH": "ɛ", "ER": "ɝ", "EY": "eɪ", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "dʒ", "K": "k",
    "L": "l", "M": "m", "N": "n", "NG": "ŋ", "OW": "oʊ", "OY": "ɔɪ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ",
    "T": "t", "TH": "θ", "UH": "ʊ", "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ", "SIL": SILENCE,
}  # fmt: skip
LABLAUT = {
    "a": "a", "A": "a", "e": "e", "E": "ɛ", "i": "i", "I": "ɪ", "o": "o", "O": "ɔ", "u": "u", "U": "ʊ", "y": "y",
    "Y": "ʏ", "9": "œ", "@": "ə", "6": "ɐ", "aI": "aɪ", "aU": "aʊ", "AU": "aʊ", "aO": "aʊ", "AO": "aʊ", "ao": "aʊ",
    "OY": "ɔɪ", "OU": "oʊ", "p": "p", "b": "b", "t": "t", "d": "d", "k": "k", "g": "ɡ", "?": "ʔ", "m": "m", "n": "n",
    "N": "ŋ", "f": "f", "v": "v", "V": "ʋ", "B": "β", "s": "s", "z": "z", "S": "ʃ", "C": "ç", "x": "x", "X": "χ",
    "R": "ʁ", "r": "ʁ", "4": "ʁ", "G": "ɣ", "D": "ð", "h": "h", "H": "ɦ", "j": "j", "J": "j", "l": "l", "L": "l",
    ".": SILENCE, "(": SILENCE, "(gef": SILENCE,
}  # fmt: skip
STOPS = frozenset("pbtdkɡ")

EARLY = 0.008  # of pocketsphinx's frame k against the sound at k / 100 s [s], as EmoDB's hand labels show
REDUCED = 0.07  # a shorter AH is a schwa; the dictionary has no stress [s]
MIN_PAUSE = 0.08  # a shorter gap between words is closure or transition, not silence [s]
SHORTEST, SERIES = 0.03, 4  # an alignment with so many of the shortest phones in a row was squeezed
WORST = -32.0  # least mean score of the spoken frames against each frame's best sound
LOUD, QUIET = -10.0, -35.0  # levels of 10 ms against that of all speech [dB]
MISPLACED = 0.1  # most loud sound within silence [s], and largest part of the speech that may be quiet

Rejected = str | None


def phones_of_frames(pieces: Sequence[tuple[str, int, int]], end: float) -> list[Phone]:
    """Phones that tile a recording.

    Args:
        pieces: ARPAbet phone (all others are silence), first frame and number of frames, without gaps.
        end: of the recording [s].
    """
    phones: list[Phone] = []
    for name, first, frames in pieces:
        symbol = ARPABET.get(name, SILENCE)
        symbol = "ə" if name == "AH" and frames * 0.01 < REDUCED else symbol
        onset = first * 0.01 + EARLY if phones else 0.0
        offset = min((first + frames) * 0.01 + EARLY, end)
        if phones and symbol == SILENCE == phones[-1].symbol:
            phones[-1] = replace(phones[-1], offset=offset)
        elif offset > onset:
            phones.append(Phone(symbol, onset, offset))
    return without_gaps([*phones[:-1], replace(phones[-1], offset=end)])


def without_gaps(phones: Sequence[Phone]) -> list[Phone]:
    """Gives gaps shorter than MIN_PAUSE between words to a following stop (its closure), else to the phone before."""
    kept: list[Phone] = []
    onset = None
    for index, phone in enumerate(phones):
        inner = 0 < index < len(phones) - 1
        if inner and phone.symbol == SILENCE and phone.offset - phone.onset < MIN_PAUSE:
            if phones[index + 1].symbol[0] in STOPS:
                onset = phone.onset
            else:
                kept[-1] = replace(kept[-1], offset=phone.offset)
            continue
        kept.append(phone if onset is None else replace(phone, onset=onset))
        onset = None
    return kept


class Aligner:
    """Phone times of English recordings whose words are known."""

    def __init__(self):
        from pocketsphinx import Decoder

        self.decoder = Decoder(lm=None, bestpath=False, loglevel="FATAL")  # the best path's search often fails

    def __call__(self, waveform: np.ndarray, text: str) -> tuple[list[Phone], Rejected]:
        """Phones that tile the recording, and why they should not be used, or None."""
        words = re.findall(r"[a-z']+", text.lower().replace("’", "'"))
        if not words:
            return [], "no text"
        if not all(self.decoder.lookup_word(word) for word in words):
            return [], "word without pronunciation"
        sound = to_pcm(waveform)
        try:
            self.decoder.set_align_text(" ".join(words))
            self._decode(sound)
            self.decoder.set_alignment()
            self._decode(sound)
        except RuntimeError:
            return [], "not alignable"
        found = [phone for word in self.decoder.get_alignment() for phone in word]
        spoken = [phone for phone in found if phone.name in ARPABET and phone.name != "SIL"]
        if not spoken:
            return [], "not alignable"
        pieces = [(phone.name, phone.start, phone.duration) for phone in found]
        phones = phones_of_frames(pieces, len(waveform) / SAMPLE_RATE)
        score = sum(phone.score for phone in spoken) / sum(phone.duration for phone in spoken)
        return phones, "poor score" if score < WORST else implausible(phones, waveform)

    def _decode(self, sound: bytes) -> None:
        self.decoder.start_utt()
        self.decoder.process_raw(sound, full_utt=True)
        self.decoder.end_utt()


def implausible(phones: Sequence[Phone], waveform: np.ndarray) -> Rejected:
    """Why phones cannot belong to the sound, or None."""
    series = 0
    for phone in phones:
        short = phone.symbol != SILENCE and phone.offset - phone.onset <= SHORTEST + 1e-6
        series = series + 1 if short else 0
        if series >= SERIES:
            return "squeezed phones"
    hop = SAMPLE_RATE // 100
    power = (waveform[: len(waveform) // hop * hop].reshape(-1, hop).astype(np.float64) ** 2).mean(1)
    times = (np.arange(len(power)) + 0.5) / 100
    spoken = np.zeros(len(power), bool)
    silent = np.zeros(len(power), bool)
    for phone in phones:
        if phone.symbol == SILENCE:
            silent |= (times > phone.onset + 0.03) & (times < phone.offset - 0.03)
        elif phone.symbol not in STOPS:
            spoken |= (times > phone.onset) & (times < phone.offset)
    if not spoken.any():
        return "no speech"
    level = 10 * np.log10(power / max(power[spoken].mean(), 1e-12) + 1e-12)
    if (level[silent] > LOUD).sum() / 100 > MISPLACED:
        return "sound in silence"
    if (level[spoken] < QUIET).mean() > MISPLACED:
        return "silence in speech"
    return None


def read_lablaut(path: Path, end: float) -> list[Phone]:
    """Hand-made phone labels of EmoDB; phones that tile the recording.

    A row holds the start of a label [s], a colour and the label. `_t` or `t` is a stop's closure, `!t` its burst,
    `tasp` its aspiration; signs that begin with + or - and rows with them alone tell how the phone before goes on.

    Args:
        path: the table (xlabel).
        end: of the recording [s].

    Raises:
        InputError: no labels, or one that is not known.
    """
    starts: list[tuple[str, float, float | None]] = [(SILENCE, 0.0, None)]  # symbol, onset, burst
    for line in path.read_text(encoding="latin-1").partition("\n#\n")[2].splitlines():
        row = re.fullmatch(r"\s*([\d.]+)\s+-?\d+\s*(.*)", line)
        if not row or not 0 <= float(row[1]) < end:
            continue
        start = float(row[1])
        label = re.match(r"[_!]?[^\s+\-\[!_]*", row[2])[0]
        plain = re.sub(r"(?<=[ptkbdg])(as|asp|sap)$", "", label.strip("_!"))
        if label in ("", "hoe"):  # the second is a sign that lacks its +
            continue
        symbol, onset, burst = starts[-1]
        if (label.startswith("!") or plain != label.strip("_!")) and symbol in STOPS:
            if label.startswith("!") and burst is None:
                starts[-1] = (symbol, onset, start)
            continue
        symbol = LABLAUT.get(plain) or "".join(LABLAUT.get(c, "") for c in dict.fromkeys(plain))
        if not symbol:
            raise InputError(f"{path}: label {row[2]!r} is not known")
        starts.append((symbol, start, start if label.startswith("!") else None))
    if len(starts) == 1:
        raise InputError(f"{path}: holds no labels")
    phones: list[Phone] = []
    for (symbol, onset, burst), offset in zip(starts, [s[1] for s in starts[1:]] + [end], strict=True):
        if phones and symbol == SILENCE == phones[-1].symbol:
            phones[-1] = replace(phones[-1], offset=offset)
        elif offset > onset:
            phones.append(Phone(symbol, onset, offset, burst))
    return phones


def to_pcm(waveform: np.ndarray) -> bytes:
    """16-bit samples."""
    return np.round(np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes()


def varied(utterances: Sequence[Utterance], seed: int) -> Iterator[Utterance]:
    """Utterances in an order in which speakers, their emotions and texts are as varied as possible from the start."""
    left = list(utterances)
    random.Random(seed).shuffle(left)
    seen: Counter = Counter()
    while left:
        best = min(range(len(left)), key=lambda k: [seen[trait] for trait in _traits(left[k])])
        utterance = left.pop(best)
        seen.update(_traits(utterance))
        yield utterance


def _traits(utterance: Utterance) -> list[tuple]:
    speaker, emotion = utterance.speaker, utterance.emotion
    return [("speaker", speaker), ("both", speaker, emotion), ("emotion", emotion), ("text", utterance.text)]


def hand_labels(utterance: Utterance) -> Path | None:
    """EmoDB's table of a recording, which may have two letters more in its name."""
    folder = utterance.path.parent.parent / "lablaut"
    return next(iter(sorted(folder.glob(f"{utterance.path.stem}*.lablaut"))), None)


def phones_of(utterance: Utterance, waveform: np.ndarray, aligner: Aligner | None) -> tuple[list[Phone], Rejected]:
    """Phones of a recording by hand labels or by alignment, and why they should not be used, or None."""
    if utterance.corpus != "emodb":
        return aligner(waveform, utterance.text)
    table = hand_labels(utterance)
    if table is None:
        return [], "no hand labels"
    try:
        phones = read_lablaut(table, len(waveform) / SAMPLE_RATE)
    except InputError:
        return [], "unreadable hand labels"
    return phones, implausible(phones, waveform)


def main() -> None:
    """Writes recordings and phones of all corpora and says how many, and what was skipped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", action="append", required=True, help="NAME=PATH, several times")
    parser.add_argument("--splits", type=Path, help="table of splits (path, split)")
    parser.add_argument("--split", default="train", help="which part is taken")
    parser.add_argument("--per-corpus", type=int, default=120, help="most recordings of each corpus")
    parser.add_argument("--max-seconds", type=float, default=12.0, help="longer recordings are skipped")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    specs = [parse_corpus(text) for text in args.corpus]
    utterances = read_corpora(specs, args.splits, log=print)
    aligner = Aligner() if any(name != "emodb" for name, _ in specs) else None
    for name, _ in specs:
        chosen = [u for u in utterances if u.corpus == name and u.split == args.split]
        taken, skipped, seconds = [], Counter(), 0.0
        for utterance in varied(chosen, args.seed):
            if len(taken) == args.per_corpus:
                break
            if not utterance.text:
                skipped["no text"] += 1
                continue
            waveform = load_audio(utterance.path)
            if len(waveform) > args.max_seconds * SAMPLE_RATE:
                skipped["too long"] += 1
                continue
            phones, rejected = phones_of(utterance, waveform, aligner)
            if rejected:
                skipped[rejected] += 1
                continue
            taken.append(utterance)
            seconds += len(waveform) / SAMPLE_RATE
            write_pair(args.out / unique_name(utterance), waveform, phones)
        voices, emotions = {u.speaker for u in taken}, Counter(u.emotion for u in taken)
        print(f"{name}: {len(taken)} of {len(chosen)} recordings, {seconds / 60:.1f} min, {len(voices)} speakers")
        print("  emotions:", ", ".join(f"{k} {n}" for k, n in sorted(emotions.items())) or "-")
        print("  skipped:", ", ".join(f"{k} {n}" for k, n in skipped.most_common()) or "-")


def unique_name(utterance: Utterance) -> str:
    """File name without ending: corpus, speaker and the recording's own name."""
    return re.sub(r"[^\w-]", "-", f"{utterance.corpus}_{utterance.speaker}_{utterance.path.stem}")


def write_pair(stem: Path, waveform: np.ndarray, phones: Sequence[Phone]) -> None:
    """NAME.wav and NAME.csv."""
    with wave.open(f"{stem}.wav", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(to_pcm(waveform))
    write_phones(f"{stem}.csv", phones)


if __name__ == "__main__":
    main()
