"""Makes the example recordings in examples/ by text to speech (packages: see tools/speak.py).

    python tools/make_examples.py --voices package/voices [--only angry]

Each sentence is spoken on its own with a tempo and a level that fit its wording, and changed by the prosody of its
emotion (`resynthesis.py`); short pauses join them. Nothing is random: the same packages make the same files.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from resynthesis import Prosody, resynthesise
from speak import speak

RATE = 16000


@dataclass(frozen=True)
class Sentence:
    """One spoken sentence: text, tempo (1 = the voice's own), level [dBFS], pause after it [s], name in PROSODY."""

    text: str
    tempo: float = 1.0
    level: float = -20.0
    pause: float = 0.25
    emotion: str = ""


# How emotions are spoken: chosen by what the diarizer hears, see examples/README.md; tune here, then make with --only.
PROSODY = {
    "angry": Prosody(pitch=1.33, range=1.58, tempo=1.22, tilt=4.6, slope=-3.77),
    "fear": Prosody(pitch=2.3, range=0.7, tempo=1.1, tilt=-2.0, breath=0.3, tremor=1.2),
    "surprise": Prosody(pitch=2.0, range=3.0, tempo=0.9, tilt=1.0, slope=12.0),
    "sad": Prosody(pitch=1.15, range=0.75, tempo=0.78, tilt=-3.0, breath=0.25, tremor=0.25, slope=-3.0),
    "happy": Prosody(pitch=2.6, range=2.6, tempo=1.2, tilt=-2.0, breath=0.1),
}

EXAMPLES: dict[str, tuple[str, tuple[Sentence, ...]]] = {
    "party": (
        "af_heart",
        (
            Sentence("Oh wow, you made it!", tempo=1.05, level=-18),
            Sentence("I baked a blueberry pie, and everybody is already here!", pause=0.15),
        ),
    ),
    "promise": (
        "am_michael",
        (
            Sentence("I waited the whole evening, but nobody came.", tempo=0.92, level=-24, pause=0.4),
            Sentence("You promised me! And you don't even care!", tempo=1.12, level=-16, pause=0.15),
        ),
    ),
    "angry": (
        "bm_george",
        (Sentence("I told you not to touch it! Get out of my house, right now!", emotion="angry"),),
    ),
    "fear": (
        "af_heart",
        (Sentence("There is somebody at the door. Please, do not go down there!", emotion="fear"),),
    ),
    "surprise": (
        "af_heart",
        (Sentence("What? You are here already? I thought you would come tomorrow!", emotion="surprise"),),
    ),
    "sad": (
        "af_nicole",
        (Sentence("She is gone, and nothing will ever bring her back to me.", emotion="sad"),),
    ),
    "change": (
        "af_heart",
        (
            Sentence("The train to the coast leaves at nine.", pause=0.4),
            Sentence("There is somebody at the door. Please, do not go down there!", emotion="fear"),
        ),
    ),
}


def record(voice: str, sentences: tuple[Sentence, ...], voices: Path) -> np.ndarray:
    """Speaks and joins the sentences; returns the waveform (N,) float32 at RATE."""
    parts = [np.zeros(int(0.15 * RATE), np.float32)]
    for sentence in sentences:
        waveform, _ = speak(sentence.text, voice, voices, sentence.tempo, RATE)
        waveform = waveform[_spoken(waveform)]
        if sentence.emotion:
            waveform = resynthesise(waveform, RATE, PROSODY[sentence.emotion])
        parts.append(waveform * (10 ** (sentence.level / 20) / _loudness(waveform)))
        parts.append(np.zeros(int(sentence.pause * RATE), np.float32))
    joined = np.concatenate(parts)
    return joined * min(1.0, 0.95 / float(np.abs(joined).max()))


def _spoken(waveform: np.ndarray, margin: float = 0.05) -> slice:
    """The part between the first and the last sample above -40 dB of the peak, with a margin [s]."""
    loud = np.flatnonzero(np.abs(waveform) > 0.01 * np.abs(waveform).max())
    pad = int(margin * RATE)
    return slice(max(0, loud[0] - pad), loud[-1] + pad)


def _loudness(waveform: np.ndarray, frame: int = 400) -> float:
    """Root mean square of the frames above the median level, so that pauses do not count."""
    power = (waveform[: len(waveform) // frame * frame].reshape(-1, frame) ** 2).mean(1)
    return float(np.sqrt(power[power >= np.median(power)].mean()))


def main() -> None:
    """Writes examples/NAME.flac for every entry of EXAMPLES."""
    import soundfile

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voices", type=Path, required=True, help="folder with Kokoro's voices (*.bin)")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "examples")
    parser.add_argument("--only", choices=EXAMPLES, help="make only this one")
    args = parser.parse_args()
    for name in [args.only] if args.only else EXAMPLES:
        voice, sentences = EXAMPLES[name]
        waveform = record(voice, sentences, args.voices)
        soundfile.write(args.out / f"{name}.flac", waveform, RATE, subtype="PCM_16")
        print(f"{name}.flac  {len(waveform) / RATE:.2f} s")


if __name__ == "__main__":
    main()
