"""Speech with known phone times as examples for the animator: recordings beside mouth motion made by coarticulation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedtalker_cli.audio.files import SUFFIXES
from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.data.coarticulation.dominance import mouth_curves, score_phones
from sedtalker_cli.data.examples import Example
from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import IS_MOUTH
from sedtalker_cli.face.head import Head
from sedtalker_cli.formats.phones import SILENCE, Phone, read_phones

STYLE = "rules"  # a way of speaking of its own: no captured mouth moves by rules alone
FPS = 50.0
GAIN = (0.7, 1.3)  # least and largest size of the movements
SYLLABLE = 0.2  # loudness is that of about a syllable [s]


def phone_loudness(phones: Sequence[Phone], waveform: np.ndarray) -> np.ndarray:
    """Loudness (P,) of the speech around each phone in dB relative to the recording's usual speech; 0 in silence."""
    hop = SAMPLE_RATE // 100
    frames = max(1, len(waveform) // hop)
    power = np.zeros(frames)
    whole = waveform[: frames * hop].astype(np.float64) ** 2
    power[: len(whole) // hop] = whole[: len(whole) // hop * hop].reshape(-1, hop).mean(1)
    window = np.hanning(round(SYLLABLE * 100) + 3)
    level = 10 * np.log10(np.convolve(power, window / window.sum(), "same") + 1e-9)
    middles = [min(frames - 1, int((p.onset + p.offset) * 50)) for p in phones]
    found = level[middles]
    spoken = np.array([p.symbol != SILENCE for p in phones])
    if not spoken.any():
        return np.zeros(len(phones))
    return np.where(spoken, found - np.median(found[spoken]), 0.0)


def read_generated(folder: Path, head: Head, seed: int = 0, gain: tuple[float, float] = GAIN) -> Iterator[Example]:
    """Examples of every recording in a folder that has phone times beside it.

    Args:
        folder: with NAME.csv (see `formats.phones`) beside NAME.wav or another sound file.
        head: whose lips are fitted.
        seed: of the sizes of the movements, drawn for each recording and, a little, for each phone.
        gain: range of these sizes.

    Yields:
        Examples in the order of their names, all mouth channels known.

    Raises:
        InputError: no such pair in the folder, or a table or sound that cannot be read.
    """
    for number, (table, sound) in enumerate(find_spoken(folder)):
        speech = speak(table, sound, FPS, head, np.random.default_rng([seed, number]), gain)
        yield Example(speech.waveform, speech.mouth, FPS, IS_MOUTH.copy(), STYLE)


@dataclass(frozen=True)
class Speech:
    """A recording with generated mouth motion.

    Attributes:
        waveform: (N,) at 16 kHz.
        phones: what is said.
        mouth: (T, 52) coefficients of neutral speech.
    """

    waveform: np.ndarray
    phones: list[Phone]
    mouth: np.ndarray


def find_spoken(folder: Path) -> list[tuple[Path, Path]]:
    """(phone table, sound) of every recording in a folder that has both, in the order of their names.

    Raises:
        InputError: there is none.
    """
    pairs = [(table, sound) for table in sorted(folder.glob("*.csv")) if (sound := _sound_beside(table))]
    if not pairs:
        raise InputError(f"{folder}: no recordings with phone times (NAME.wav beside NAME.csv)")
    return pairs


def check_phones(table: Path) -> None:
    """Find out before longer work whether a table of phones can be spoken.

    Raises:
        InputError: it is damaged, or a symbol in it is not known.
    """
    phones = read_phones(table)
    try:
        score_phones(phones)
    except InputError as error:
        raise InputError(f"{table}: {error}") from None


def speak(
    table: Path, sound: Path, fps: float, head: Head, rng: np.random.Generator, gain: tuple[float, float] = GAIN
) -> Speech:
    """Mouth motion of one recording.

    Args:
        table: its phone times.
        sound: the recording.
        fps: frames a second of the motion.
        head: whose lips are fitted.
        rng: draws the sizes of the movements, one for the recording and, a little, one for each phone.
        gain: range of these sizes.

    Raises:
        InputError: a table or sound that cannot be read.
    """
    phones = read_phones(table)
    waveform = load_audio(sound)
    frames = max(1, round(len(waveform) / SAMPLE_RATE * fps))
    usual = rng.uniform(*(0.9 * np.array(gain) + 0.1))  # leaves room for that of the phones
    sizes = np.clip(usual * rng.uniform(0.9, 1.1, len(phones)), *gain)
    try:
        mouth = mouth_curves(phones, fps, frames, head, sizes, phone_loudness(phones, waveform))
    except InputError as error:
        raise InputError(f"{table}: {error}") from None
    return Speech(waveform, phones, mouth)


def _sound_beside(table: Path) -> Path | None:
    return next((p for suffix in SUFFIXES if (p := table.with_suffix(suffix)).is_file()), None)
