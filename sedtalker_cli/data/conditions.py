"""Recordings made worse in one known way each, to measure what that costs."""

from collections.abc import Callable, Sequence

import numpy as np

from sedtalker_cli.clock import HOP_SAMPLES, SAMPLE_RATE
from sedtalker_cli.data.augment import at_ratio, babble, band_limit, coloured_noise, mu_law, reverberate
from sedtalker_cli.data.composites import loud_frames, rms

EDGE = SAMPLE_RATE  # samples of silence at either end; whole frames
ROOM = -45.0  # dB of a room's noise against speech
RATIO = 10.0  # dB of speech against added noise
PINK = 0.5  # slope of the amplitude spectrum
RT60, DIRECT = 0.6, 0.0  # s; dB of direct against reverberant sound
TELEPHONE = (300.0, 3400.0)  # Hz
QUIETER = -40.0  # dB
CLIPPED = -12.0  # dB below the peak

Sound = tuple[np.ndarray, np.ndarray]
"""Waveform (N,), and where in it speech is heard (ceil(N / 320),) bool."""


def cut_edges(waveform: np.ndarray, speech: np.ndarray) -> Sound:
    """Only what lies from the first to the last frame of speech; everything where there is none."""
    found = np.flatnonzero(speech)
    if not len(found):
        return waveform, speech
    first, stop = found[0], found[-1] + 1
    return waveform[first * HOP_SAMPLES : stop * HOP_SAMPLES], speech[first:stop]


def with_edges(waveform: np.ndarray, speech: np.ndarray, edges: Sequence[np.ndarray]) -> Sound:
    """Something put before and behind; both are whole frames long, and what is behind follows a filled frame."""
    filled = np.pad(waveform, (0, -len(waveform) % HOP_SAMPLES))
    silent = [np.zeros(len(edge) // HOP_SAMPLES, bool) for edge in edges]
    return np.concatenate([edges[0], filled, edges[1]]), np.concatenate([silent[0], speech, silent[1]])


def _cut(x: np.ndarray, speech: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> Sound:
    return cut_edges(x, speech)


def _room(x: np.ndarray, speech: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> Sound:
    level = rms(x[_samples(speech, x)]) * 10 ** (ROOM / 20)
    noises = (coloured_noise(EDGE, rng, PINK) for _ in range(2))
    return with_edges(x, speech, [noise * level / np.std(noise) for noise in noises])


def _digital(x: np.ndarray, speech: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> Sound:
    return with_edges(x, speech, [np.zeros(EDGE)] * 2)


def _babble(x: np.ndarray, speech: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> Sound:
    return at_ratio(x, babble(len(x), voices, rng), RATIO, _samples(speech, x)), speech


def _pink(x: np.ndarray, speech: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> Sound:
    return at_ratio(x, coloured_noise(len(x), rng, PINK), RATIO, _samples(speech, x)), speech


def _reverberant(x: np.ndarray, speech: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> Sound:
    return reverberate(x, RT60, DIRECT, rng), speech


def _telephone(x: np.ndarray, speech: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> Sound:
    return mu_law(band_limit(x, *TELEPHONE)), speech


def _quiet(x: np.ndarray, speech: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> Sound:
    return x * 10 ** (QUIETER / 20), speech


def _clipped(x: np.ndarray, speech: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> Sound:
    limit = np.abs(x).max(initial=0) * 10 ** (CLIPPED / 20)
    return np.clip(x, -limit, limit), speech


CONDITIONS: dict[str, Callable[[np.ndarray, np.ndarray, np.random.Generator, Sequence[np.ndarray]], Sound]] = {
    "edges cut off": _cut,
    "1 s of room silence at both ends": _room,
    "1 s of digital silence at both ends": _digital,
    "babble, 10 dB": _babble,
    "pink noise, 10 dB": _pink,
    "reverberation, 0.6 s": _reverberant,
    "telephone": _telephone,
    "40 dB quieter": _quiet,
    "clipped 12 dB below the peak": _clipped,
}
"""Name of a condition -> what makes it from a waveform, its speech, a source of chance, and other people's voices."""


def in_condition(name: str, waveform: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> Sound:
    """A recording in one of `CONDITIONS`, as a file of 16 bits holds it.

    Args:
        name: of the condition.
        waveform: (N,) float32, as recorded.
        rng: source of chance.
        voices: waveforms of other people, for babble.

    Returns:
        (M,) float32, and (ceil(M / 320),) bool where the frames of speech of the recording are now.
    """
    changed, speech = CONDITIONS[name](np.asarray(waveform, np.float64), loud_frames(waveform), rng, voices)
    return (np.round(np.clip(changed, -1, 1) * 32767) / 32767).astype(np.float32), speech


def _samples(speech: np.ndarray, waveform: np.ndarray) -> np.ndarray:
    """Frames (T,) bool as samples (N,) bool."""
    return np.repeat(speech, HOP_SAMPLES)[: len(waveform)]
