"""Single clips as people record them: with silence around them, in rooms, over telephones, near other people."""

from collections.abc import Sequence

import numpy as np

from sedtalker_cli.clock import HOP_SAMPLES, SAMPLE_RATE
from sedtalker_cli.data.augment import (
    at_ratio,
    babble,
    band_limit,
    change_speed,
    coloured_noise,
    mu_law,
    reverberate,
)
from sedtalker_cli.data.composites import loud_frames, rms

LONGEST_EDGE = 1.5  # s of silence at either end


def worn(
    waveform: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """A random choice of what happens to recordings before they reach a user's disk.

    Args:
        waveform: (N,) float32, as recorded.
        rng: source of chance.
        voices: waveforms of other people, for babble; without them there is none.

    Returns:
        (M,) float32, and (ceil(M / 320),) bool where there is speech in it.
    """
    x = np.asarray(waveform, np.float32)
    if rng.random() < 0.4:
        x = change_speed(x, rng.uniform(0.87, 1.15))
    if rng.random() < 0.5:
        x = _with_edges(x, rng)
    speech = loud_frames(x)
    loud = np.repeat(speech, HOP_SAMPLES)[: len(x)]
    x = x.astype(np.float64)
    if rng.random() < 0.3:
        x = reverberate(x, rng.uniform(0.2, 0.8), rng.uniform(-3, 10), rng)
    if rng.random() < 0.5:
        people = len(voices) and rng.random() < 0.4
        noise = babble(len(x), voices, rng) if people else coloured_noise(len(x), rng)
        x = at_ratio(x, noise, rng.uniform(5, 30), loud)
    if rng.random() < 0.2:
        x = band_limit(x, rng.uniform(50, 350), rng.uniform(3000, 7500))
        if rng.random() < 0.5:
            x = mu_law(x)
    if rng.random() < 0.12:
        limit = rng.uniform(0.15, 0.6) * (np.abs(x).max() + 1e-9)
        x = np.clip(x, -limit, limit)
    if rng.random() < 0.8:
        x = x * 10 ** (rng.uniform(-35, 6) / 20)
    return np.clip(x, -1, 1).astype(np.float32), speech


def _with_edges(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Silence before and behind, digital or of a room."""
    before, behind = (int(rng.uniform(0, LONGEST_EDGE) * SAMPLE_RATE) if rng.random() < 0.8 else 0 for _ in range(2))
    level = 0.0 if rng.random() < 0.3 else rms(waveform) * 10 ** rng.uniform(-3.0, -1.5)
    ends = [coloured_noise(max(n, 64), rng)[:n] for n in (before, behind)]
    ends = [(level * end / (np.std(end) + 1e-12) if len(end) else end).astype(np.float32) for end in ends]
    return np.concatenate([ends[0], waveform, ends[1]])
