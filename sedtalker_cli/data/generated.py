"""Speech with known phone times as examples for the animator: recordings beside mouth motion made by coarticulation."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sedtalker_cli.audio import SAMPLE_RATE, SUFFIXES, load_audio
from sedtalker_cli.data.captures import MOUTH
from sedtalker_cli.data.coarticulation import mouth_curves
from sedtalker_cli.data.examples import Example
from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_NAMES
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
    pairs = [(table, sound) for table in sorted(folder.glob("*.csv")) if (sound := _sound_beside(table))]
    if not pairs:
        raise InputError(f"{folder}: no recordings with phone times (NAME.wav beside NAME.csv)")
    known = np.isin(ARKIT_NAMES, MOUTH)
    for number, (table, sound) in enumerate(pairs):
        rng = np.random.default_rng([seed, number])
        phones = read_phones(table)
        waveform = load_audio(sound)
        frames = max(1, round(len(waveform) / SAMPLE_RATE * FPS))
        usual = rng.uniform(*(0.9 * np.array(gain) + 0.1))  # leaves room for that of the phones
        sizes = np.clip(usual * rng.uniform(0.9, 1.1, len(phones)), *gain)
        try:
            mouth = mouth_curves(phones, FPS, frames, head, sizes, phone_loudness(phones, waveform))
        except InputError as error:
            raise InputError(f"{table}: {error}") from None
        yield Example(waveform, mouth, FPS, known.copy(), STYLE)


def _sound_beside(table: Path) -> Path | None:
    return next((p for suffix in SUFFIXES if (p := table.with_suffix(suffix)).is_file()), None)
