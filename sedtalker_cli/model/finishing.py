"""The last touches on a mouth that speaks: its range, its closures, and no movement faster than a face's.

A network of least squares shows a mean of what it thinks possible. So its mouth is too small, and half shut where it is
unsure. What sounds there are is known better than that: lips close at b, m and p, and in speech at nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import convolve1d, maximum_filter1d

from sedtalker_cli.clock import FRAME_RATE
from sedtalker_cli.face.arkit import ARKIT_INDEX, IS_MOUTH
from sedtalker_cli.face.head import Head
from sedtalker_cli.face.lips import limit_opening, opening, raise_opening

CLOSING, TEETH, TONGUE = ("p", "b", "m"), ("f", "v"), ("θ", "ð")
WIDE, USUAL = 0.20, 0.145  # opening of a loud open vowel in people, and as the network gives it [eye-corner distances]
GAIN = (0.8, 1.8)  # least and largest factor of a recording's movements
SETTLED = 50  # frames of speech after which a recording's own opening counts as much as the usual one
SURE = (0.25, 0.65)  # probability of b, m, p from which on lips begin to close, and are closed
NEAR, WITHIN = 0.12, 9  # probability of b, m, p within so many frames at which lips may be as near as they like
APART = 0.25  # of WIDE: opening below which lips of speech are otherwise not
ROLLED, SHOWN = 0.5, 0.25  # mouthRollLower at f and v, tongueOut at th
FASTEST = 8.5  # Hz; what is faster is no movement of a mouth but the network's tremble
TAPS = 9  # frames of the low-pass to either side


@dataclass(frozen=True)
class Sounds:
    """Probabilities (T,) of what is spoken: b, m, p; f, v; th; anything at all; and how far the mouth moves, 0 to 1."""

    closing: np.ndarray
    teeth: np.ndarray
    tongue: np.ndarray
    spoken: np.ndarray
    moving: np.ndarray

    @classmethod
    def of(cls, posteriors: np.ndarray, units: Sequence[str], moving: np.ndarray) -> Sounds:
        """From posteriors (T, U) of the sounds `units`, the first of which is silence; none at all are speech."""
        if not len(units):
            nothing = np.zeros(len(moving))
            return cls(nothing, nothing, nothing, nothing + 1, moving)
        groups = (posteriors[:, [units.index(unit) for unit in group]].sum(1) for group in (CLOSING, TEETH, TONGUE))
        return cls(*groups, 1 - posteriors[:, 0], moving)


def full_range(motion: np.ndarray, sounds: Sounds, head: Head) -> np.ndarray:
    """Mouth (T, 52) of a recording with the range of a head: loud open vowels open it by about `WIDE`."""
    spoken = (sounds.spoken > 0.5) & (sounds.moving > 0.5)
    count = int(spoken.sum())
    own = float(np.percentile(opening(motion, head)[spoken], 95)) if count else USUAL
    widest = (count * own + SETTLED * USUAL) / (count + SETTLED)
    gain = float(np.clip(WIDE / max(widest, 1e-3), *GAIN))
    return np.where(IS_MOUTH, gain * motion, motion)


def close_and_part(motion: np.ndarray, sounds: Sounds, head: Head) -> np.ndarray:
    """Lips shut at b, m and p, apart at all else that is spoken; the lower one rolled in at f, v; the tongue at th."""
    closing = _smooth(sounds.closing, 5)
    shut = _smooth(np.clip((closing - SURE[0]) / (SURE[1] - SURE[0]), 0, 1), 3) * sounds.moving
    before = opening(motion, head)
    motion = limit_opening(motion, before - shut * np.maximum(before, 0), head)
    free = np.clip(maximum_filter1d(closing, WITHIN) / NEAR, 0, 1)
    free *= 1 - np.clip(1.3 * _smooth(sounds.teeth, 5), 0, 1)  # not at f and v beside them
    free = np.maximum(free, np.clip(2 - 2 * _smooth(sounds.spoken, 9), 0, 1))
    apart = (1 - _smooth(free, 5)) * sounds.moving
    motion = raise_opening(motion, apart * np.maximum(APART * WIDE - opening(motion, head), 0), head)
    motion[:, ARKIT_INDEX["mouthRollLower"]] += ROLLED * _smooth(sounds.teeth, 5) * sounds.moving
    motion[:, ARKIT_INDEX["tongueOut"]] += SHOWN * _smooth(sounds.tongue, 5) * sounds.moving
    return motion


def slow(motion: np.ndarray) -> np.ndarray:
    """Mouth (T, 52) at 50 frames a second without what is faster than `FASTEST`, so as steady at every frame rate."""
    times = np.arange(-TAPS, TAPS + 1) / FRAME_RATE
    kernel = np.sinc(2 * FASTEST * times) * _hann(2 * TAPS + 1)
    smooth = np.array(motion)
    smooth[:, IS_MOUTH] = convolve1d(smooth[:, IS_MOUTH], kernel / kernel.sum(), axis=0, mode="nearest")
    return smooth


def _hann(size: int) -> np.ndarray:
    return np.hanning(size + 2)[1:-1]


def _smooth(x: np.ndarray, size: int) -> np.ndarray:
    window = _hann(size)
    return convolve1d(x, window / window.sum(), mode="nearest")
