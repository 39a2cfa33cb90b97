"""What an emotion does to blinks, gaze and the head as a whole."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from sedtalker_cli.motion.expression import class_levels, smooth_columns

CHANGE = 0.9  # 10-90 % time of a change of temper [s]


@dataclass(frozen=True)
class Temper:
    """How eyes and head behave, at one moment (numbers) or over time (arrays (T,)).

    Attributes:
        blinks: how many times as often as usual the lids close.
        slowness: how many times as long a blink takes.
        wandering: how many times as far the gaze leaves the listener.
        haste: how many times as often it moves.
        lowered: how far it is lowered, in eyeLook coefficients.
        pitch: of the head, chin to the chest [degrees].
        roll: to the side [degrees].
        forward: towards the listener [m].
        nods: how many times as far stressed syllables move the head.
    """

    blinks: float | np.ndarray = 1.0
    slowness: float | np.ndarray = 1.0
    wandering: float | np.ndarray = 1.0
    haste: float | np.ndarray = 1.0
    lowered: float | np.ndarray = 0.0
    pitch: float | np.ndarray = 0.0
    roll: float | np.ndarray = 0.0
    forward: float | np.ndarray = 0.0
    nods: float | np.ndarray = 1.0


# At intensity 1. Blinks: startle and vigilance suppress them, anger fixes its object; sadness lets lids and head sink.
# Directions as FACS's head and eye codes describe them; the sizes were chosen by eye on films.
TEMPERS: dict[str, Temper] = {
    "angry": Temper(blinks=0.5, wandering=0.3, haste=0.7, pitch=3.5, forward=0.010, nods=1.6),
    "disgust": Temper(blinks=1.1, wandering=1.1, pitch=-2.0, roll=2.5, forward=-0.006),
    "fear": Temper(blinks=0.25, slowness=0.85, wandering=1.5, haste=1.7, pitch=-1.0, forward=-0.008, nods=0.7),
    "happy": Temper(blinks=1.1, wandering=0.9, pitch=-1.5, roll=1.5, nods=1.2),
    "neutral": Temper(),
    "sad": Temper(blinks=0.8, slowness=1.7, wandering=0.8, haste=0.6, lowered=0.20, pitch=5.0, roll=-1.5, nods=0.5),
    "surprise": Temper(blinks=0.2, slowness=0.85, wandering=0.5, haste=0.9, pitch=-2.5, forward=-0.006, nods=0.9),
}


def temper_of(posteriors: np.ndarray, intensity: np.ndarray, classes: tuple[str, ...], fps: float) -> Temper:
    """Temper over time.

    Args:
        posteriors: class probabilities (T, C).
        intensity: of the emotion on the face (T,), 0 to 1.
        classes: names of the C classes, keys of `TEMPERS`.
        fps: frames a second.

    Returns:
        Arrays (T,); at intensity 0 the usual temper.
    """
    normal, strong = class_levels(posteriors, intensity, classes)
    shares = smooth_columns(0.5 * (normal + strong), [CHANGE] * len(classes), fps)
    usual = Temper()
    curves = {}
    for field in fields(Temper):
        rest = getattr(usual, field.name)
        change = np.array([getattr(TEMPERS[name], field.name) - rest for name in classes])
        curves[field.name] = rest + shares @ change
    return Temper(**curves)
