"""An emotion acted in time: it begins, peaks and ebbs with the phrase, follows the voice, and never stands still.

Every curve at a time depends on what is heard within some seconds around it and on the seed, so a recording may be as
long as it likes. The figures are in `motion.acting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.ndimage import grey_opening
from scipy.signal import lfilter

from sedtalker_cli.clock import HOP
from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.motion import acting
from sedtalker_cli.motion.expression import (
    blend_expression,
    class_levels,
    keep_rhythm,
    lip_gap,
    sides_of,
    smooth_columns,
)
from sedtalker_cli.motion.poses import RISE

NOISE_RATE = 25.0  # knots a second of what wanders
KNEE = 0.82  # above this a coefficient nears 1 without reaching it


@dataclass(frozen=True)
class Delivery:
    """What is heard of how something is said, at the motion's frames.

    Attributes:
        loudness: (T,), 0 to 1.
        pitch: (T,) in semitones; nan where no voice sounds.
        activity: (T,), 1 where there is speech, 0 in silence.
    """

    loudness: np.ndarray
    pitch: np.ndarray
    activity: np.ndarray

    @classmethod
    def sampled(cls, loudness: np.ndarray, pitch: np.ndarray, activity: np.ndarray, fps: float) -> Delivery:
        """From loudness and pitch (T50,) every 20 ms and activity (T,) at `fps`."""
        times = np.arange(len(activity)) / fps
        frame = np.clip((times / HOP).astype(int), 0, len(pitch) - 1)
        return cls(np.interp(times, (np.arange(len(loudness)) + 0.5) * HOP, loudness), pitch[frame], activity)

    def prominence(self, fps: float) -> np.ndarray:
        """How far a syllable stands out of its phrase by loudness and pitch (T,), 0 to 1."""
        louder = _standing_out(self.loudness, np.ones_like(self.loudness), fps)
        voiced = np.isfinite(self.pitch)
        higher = _standing_out(np.where(voiced, self.pitch, 0.0), voiced.astype(float), fps)
        raw = 0.5 * np.clip(acting.LOUDER * louder, 0.0, 1.0) + 0.5 * np.clip(acting.HIGHER * higher, 0.0, 1.0)
        return _smooth(np.clip(1.4 * raw, 0.0, 1.0) * self.activity, acting.SYLLABLE, fps)

    def pausing(self, fps: float) -> np.ndarray:
        """Where a phrase pauses (T,), 0 to 1: quiet for longer than a stop, and not yet for so long that lips close."""
        quiet = (self.loudness < acting.QUIET).astype(float)
        short, long = (
            grey_opening(np.pad(quiet, size, mode="edge"), size)[size : size + len(quiet)]
            for size in (max(1, round(seconds * fps)) for seconds in acting.PAUSES)
        )
        return _smooth(np.maximum(short - long, 0.0), acting.PARTING, fps)


def act(
    speech: np.ndarray,
    posteriors: np.ndarray,
    intensity: np.ndarray,
    classes: tuple[str, ...],
    fps: float,
    delivery: Delivery,
    seed: int = 0,
) -> np.ndarray:
    """Speech (T, 52) without expression, said as a speaker in this mood would: other arguments as `perform`.

    Returns:
        Coefficients (T, 52) float32, 0 to 1; lips close where those of the speech do.
    """
    expression = perform(posteriors, intensity, classes, fps, delivery, seed)
    gain = jaw_gain(posteriors, intensity, classes, fps)
    weights = keep_rhythm(blend_expression(speech, expression, fps, gain), speech, fps)
    missing = np.maximum(acting.PARTED - lip_gap(weights), 0.0)
    weights[:, ARKIT_INDEX["jawOpen"]] += delivery.pausing(fps) * missing
    return weights


def perform(
    posteriors: np.ndarray,
    intensity: np.ndarray,
    classes: tuple[str, ...],
    fps: float,
    delivery: Delivery,
    seed: int = 0,
) -> np.ndarray:
    """Expression of an emotion timeline as a speaker would act it, without the movements of speech, blinks or gaze.

    Args:
        posteriors: class probabilities (T, C).
        intensity: strength of the emotion on the face (T,), 0 to 1.
        classes: names of the C classes, keys of `acting.LEVELS`.
        fps: frames a second.
        delivery: of T frames.
        seed: of what wanders.

    Returns:
        Coefficients (T, 52) float32 in the order of ARKIT_NAMES, 0 to 1.

    Raises:
        InputError: a class has no pose, or the shapes do not fit.
    """
    if len(delivery.loudness) != len(intensity):
        raise InputError(f"{len(delivery.loudness)} frames of a voice do not fit {len(intensity)} of emotion")
    normal, strong = class_levels(posteriors, intensity, classes)
    rises = [RISE[name] for name in classes]
    normal, strong = smooth_columns(normal, rises, fps), smooth_columns(strong, rises, fps)
    share = np.array([acting.NORMAL[name] for name in classes])
    size = normal * share + strong * (1.0 - share)  # (T, C)
    shown = np.clip(size.sum(1) - size[:, classes.index("neutral")], 0.0, 1.0) if "neutral" in classes else size.sum(1)
    base = size @ np.stack([coefficient_table(acting.LEVELS[name], acting.SIDES[name]) for name in classes])
    accents = size @ np.stack([coefficient_table(acting.ACCENTS[name]) * (name != "neutral") for name in classes])
    accents += (1.0 - shown)[:, None] * coefficient_table(acting.ACCENTS["neutral"])
    stress = delivery.prominence(fps)
    curves = base * dynamics(delivery, stress, fps, seed) + stress[:, None] * accents
    return _below_one(np.maximum(curves, 0.0)).astype(np.float32)


def jaw_gain(posteriors: np.ndarray, intensity: np.ndarray, classes: tuple[str, ...], fps: float) -> np.ndarray:
    """How much wider than neutral the jaw opens in speech (T,) float32; arguments as `perform`."""
    levels = class_levels(posteriors, intensity, classes)
    rises = [RISE[name] for name in classes]
    normal, strong = (smooth_columns(level, rises, fps) for level in levels)
    table = np.array([acting.JAW[name] for name in classes]) - 1.0
    return (1.0 + normal @ table[:, 0] + strong @ (table[:, 1] - table[:, 0])).astype(np.float32)


def dynamics(delivery: Delivery, stress: np.ndarray, fps: float, seed: int) -> np.ndarray:
    """What every coefficient's level is multiplied by over time (T, 52), about 1 on average over speech."""
    frames = len(delivery.activity)
    arc = _arc(delivery.activity, fps)
    swell = acting.SWELL * _swelling(delivery, fps) + acting.STRESS * stress
    common = wander(frames, fps, np.random.default_rng([seed, 10]), acting.WANDER_LENGTH)
    factors = np.ones((frames, len(ARKIT_NAMES)))
    for number, (region, names) in enumerate(acting.REGIONS.items()):
        own = wander(frames, fps, np.random.default_rng([seed, 11, number]), acting.WANDER_LENGTH)
        drift = wander(frames, fps, np.random.default_rng([seed, 12, number]), acting.UNEVEN_LENGTH)
        noise = np.sqrt(1.0 - acting.OWN) * common + np.sqrt(acting.OWN) * own
        factor = arc * np.exp(swell + (acting.WANDER_LIDS if region == "lids" else acting.WANDER) * noise)
        for index in _members(names):
            name = ARKIT_NAMES[index]
            side = 0.5 if name.endswith("Left") else -0.5 if name.endswith("Right") else 0.0
            factors[:, index] = factor * (1.0 + side * acting.UNEVEN * drift)
    return factors


def _arc(activity: np.ndarray, fps: float) -> np.ndarray:
    """Course of an expression over phrases (T,): rest, apex, 1 in a long phrase, and slowly back to rest.

    The apex fades by itself, not with the voice: a face that fell with every pause would mirror the loudness.
    """
    ahead = round(acting.ANTICIPATION * fps)
    coming = np.concatenate([activity[ahead:], np.full(min(ahead, len(activity)), activity[-1])])[: len(activity)]
    coming = np.maximum(coming, activity)
    engaged = _follow(coming, acting.ONSET, acting.RELEASE, fps)
    fresh = _follow(coming, acting.ONSET, acting.BREATHING, fps)
    begun = np.maximum(np.diff(fresh, prepend=0.0), 0.0)
    apex = lfilter([1.0], [1.0, -np.exp(-1.0 / (acting.SETTLING * fps))], begun)
    return acting.REST + (acting.FULL - acting.REST) * engaged + acting.APEX * np.tanh(apex)


def _swelling(delivery: Delivery, fps: float) -> np.ndarray:
    """How loud a part of a phrase is against the whole, in units of the voice's own range (T,), -1 to 1.

    Actors who whisper and shout within a sentence and people who keep one level move their faces alike.
    """
    lengths = acting.SWELL_LENGTH, acting.BREATH_GROUP
    louder = _standing_out(delivery.loudness, delivery.activity, fps, lengths)
    weight = _smooth(delivery.activity, acting.BREATH_GROUP, fps)
    mean, square = (
        _smooth(delivery.activity * delivery.loudness**power, acting.BREATH_GROUP, fps) / np.maximum(weight, 1e-3)
        for power in (1, 2)
    )
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    return np.tanh(louder / np.maximum(spread, acting.LEAST_RANGE))


def wander(frames: int, fps: float, rng: np.random.Generator, half_life: float) -> np.ndarray:
    """Noise (frames,) of deviation 1 and mean 0 whose autocorrelation halves in `half_life` seconds.

    White noise through two equal one-pole filters: autocorrelation (1 + t / tau) exp(-t / tau), half at 1.68 tau.
    A longer recording begins with the same noise, and another frame rate samples the same.
    """
    keep = np.exp(-1.68 / (half_life * NOISE_RATE))
    before = int(10 * half_life * NOISE_RATE)  # until the filters have forgotten that they began
    count = before + int(np.ceil(frames / fps * NOISE_RATE)) + 2
    noise = rng.standard_normal(count)
    for _ in range(2):
        noise = lfilter([1.0 - keep], [1.0, -keep], noise)
    # variance of the double filter: (1-k)^4 (1+k^2) / (1-k^2)^3
    noise /= np.sqrt((1.0 - keep) ** 4 * (1.0 + keep**2) / (1.0 - keep**2) ** 3)
    return np.interp(np.arange(frames) / fps * NOISE_RATE, np.arange(count - before), noise[before:])


def _follow(x: np.ndarray, rise: float, fall: float, fps: float) -> np.ndarray:
    """x (T,) through a critically damped filter that rises and falls with different 10-90 % times [s]."""
    up, down = (1.0 - np.exp(-3.4 / (seconds * fps)) for seconds in (rise, fall))
    out, slow, fast = np.empty(len(x)), 0.0, 0.0
    for frame, value in enumerate(x.tolist()):
        fast += (up if value > fast else down) * (value - fast)
        slow += (up if fast > slow else down) * (fast - slow)
        out[frame] = slow
    return out


def _standing_out(
    x: np.ndarray, weight: np.ndarray, fps: float, lengths: tuple[float, float] = (acting.SYLLABLE, acting.PHRASE)
) -> np.ndarray:
    """x (T,) against its surroundings, each averaged with a weight (T,) over 10-90 % times `lengths` [s]."""
    shares = [_smooth(weight, length, fps) for length in lengths]
    near, far = (
        _smooth(x * weight, length, fps) / np.maximum(share, 1e-3)
        for length, share in zip(lengths, shares, strict=True)
    )
    return (near - far) * np.clip(shares[0], 0.0, 1.0)


def _smooth(x: np.ndarray, rise: float, fps: float) -> np.ndarray:
    return smooth_columns(np.asarray(x, np.float64)[:, None], [rise], fps)[:, 0]


def _below_one(x: np.ndarray) -> np.ndarray:
    """The same up to `KNEE`, beyond it ever slower towards 1."""
    return np.where(x < KNEE, x, KNEE + (1.0 - KNEE) * np.tanh((x - KNEE) / (1.0 - KNEE)))


@cache
def _members(prefixes: tuple[str, ...]) -> tuple[int, ...]:
    """Numbers of the coefficients whose names begin with one of `prefixes`."""
    return tuple(index for name, index in ARKIT_INDEX.items() if name.startswith(prefixes))


def coefficient_table(levels: dict[str, float], sizes: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    """Coefficients (52,) of names that stand for both sides."""
    table = np.zeros(len(ARKIT_NAMES))
    for name, level in levels.items():
        for full, side in sides_of(name):
            table[ARKIT_INDEX[full]] = level * (1.0 if name in ARKIT_INDEX else sizes[side])
    return table
