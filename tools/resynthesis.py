"""Spoken emotion by resynthesis: the pitch, its range, the spectrum and the breath of a voice changed by WORLD.

Needs `pyworld` (MIT), which the project itself does not depend on: pip install ".[examples]".
"""

from dataclasses import dataclass

import numpy as np

FRAME = 5.0  # ms, of WORLD's analysis


@dataclass(frozen=True)
class Prosody:
    """How a sentence is spoken, against the voice's own way.

    Attributes:
        pitch: factor of the fundamental frequency.
        range: factor of its excursions from the sentence's median, in semitones.
        tempo: factor of the speed.
        tilt: change of the spectrum above 300 Hz [dB an octave]; below 0 is duller.
        breath: share of noise that is added to the voiced sound, 0 to 1.
        tremor: depth of a 6 Hz trembling of the pitch [semitones].
        slope: change of the pitch from the first to the last voiced frame [semitones].
    """

    pitch: float = 1.0
    range: float = 1.0
    tempo: float = 1.0
    tilt: float = 0.0
    breath: float = 0.0
    tremor: float = 0.0
    slope: float = 0.0


def resynthesise(waveform: np.ndarray, rate: int, prosody: Prosody) -> np.ndarray:
    """Change a sentence.

    Args:
        waveform: (N,) in -1 to 1.
        rate: samples a second.
        prosody: what to change.

    Returns:
        (N / tempo,) float32, not yet levelled.
    """
    import pyworld

    sound = np.ascontiguousarray(waveform, np.float64)
    coarse, times = pyworld.dio(sound, rate, frame_period=FRAME)
    f0 = pyworld.stonemask(sound, coarse, times, rate)
    envelope = pyworld.cheaptrick(sound, f0, times, rate)
    noise = pyworld.d4c(sound, f0, times, rate)
    moved = move_pitch(f0, times, prosody)
    bright = tilt_spectrum(envelope, rate, prosody.tilt)
    breathy = noise + prosody.breath * (1 - noise)
    return pyworld.synthesize(moved, bright, breathy, rate, FRAME / prosody.tempo).astype(np.float32)


def move_pitch(f0: np.ndarray, times: np.ndarray, prosody: Prosody) -> np.ndarray:
    """The fundamental frequency (T,) [Hz] as the prosody has it; frames without voice stay 0."""
    voiced = np.flatnonzero(f0 > 0)
    if not len(voiced):
        return f0
    out = np.zeros_like(f0)
    semitones = 12 * np.log2(f0[voiced])
    middle = np.median(semitones)
    moved = middle + prosody.range * (semitones - middle) + 12 * np.log2(prosody.pitch)
    moved += prosody.slope * np.linspace(-0.5, 0.5, len(voiced))
    moved += prosody.tremor * np.sin(2 * np.pi * 6 * times[voiced])
    out[voiced] = np.clip(2 ** (moved / 12), 60, 700)
    return out


def tilt_spectrum(envelope: np.ndarray, rate: int, tilt: float) -> np.ndarray:
    """Spectral envelope (T, F), a power, with a tilt [dB an octave] above 300 Hz."""
    frequencies = np.linspace(0, rate / 2, envelope.shape[1])
    octaves = np.log2(np.maximum(frequencies, 300) / 300)
    return envelope * 10 ** (tilt * octaves / 10)
