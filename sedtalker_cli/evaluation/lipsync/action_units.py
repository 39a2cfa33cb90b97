"""Facial action units measured on acted speech, to judge expressions by.

Means over the video clips of RAVDESS's 24 actors (Livingstone & Russo 2018), intensities 0 to 5 as OpenFace
(Baltrusaitis et al. 2018) estimates them from the picture; neutral, and every emotion acted normally and strongly.
"""

from __future__ import annotations

from dataclasses import dataclass

ARKIT_OF_UNIT: dict[str, str] = {
    "AU1": "browInnerUp",
    "AU2": "browOuterUp",
    "AU4": "browDown",
    "AU5": "eyeWide",
    "AU6": "cheekSquint",
    "AU9": "noseSneer",
    "AU10": "mouthUpperUp",
    "AU12": "mouthSmile",
    "AU15": "mouthFrown",
    "AU20": "mouthStretch",
}
"""Action unit -> its ARKit twin; a name without side stands for the mean of both sides. Those that speech rules (AU25
and AU26, parted lips and dropped jaw) are left out."""

EMOTIONS = ("happy", "sad", "angry", "fear", "disgust", "surprise")
# unit: neutral, then normal and strong acting of each of EMOTIONS
_MEANS: dict[str, tuple[float, ...]] = {
    "AU1": (0.46, 0.52, 0.76, 0.63, 0.97, 0.26, 0.31, 0.77, 1.19, 0.54, 0.65, 0.77, 0.82),
    "AU2": (0.78, 0.82, 1.19, 0.48, 0.50, 0.34, 0.39, 0.74, 1.02, 0.26, 0.31, 1.06, 1.16),
    "AU4": (0.15, 0.11, 0.09, 0.69, 1.04, 0.51, 0.64, 0.54, 0.61, 1.38, 1.57, 0.46, 0.43),
    "AU5": (0.35, 0.30, 0.57, 0.27, 0.25, 0.41, 0.79, 0.94, 1.18, 0.18, 0.22, 0.95, 1.23),
    "AU6": (0.02, 1.13, 1.35, 0.08, 0.51, 0.12, 0.25, 0.05, 0.18, 0.77, 0.83, 0.22, 0.21),
    "AU9": (0.17, 0.65, 0.69, 0.26, 0.51, 0.42, 0.60, 0.21, 0.21, 1.45, 1.55, 0.35, 0.31),
    "AU10": (0.07, 1.30, 1.59, 0.24, 0.83, 0.41, 0.55, 0.31, 0.55, 1.54, 1.61, 0.36, 0.47),
    "AU12": (0.11, 1.91, 2.13, 0.15, 0.59, 0.17, 0.24, 0.19, 0.46, 0.44, 0.40, 0.40, 0.48),
    "AU15": (0.27, 0.24, 0.25, 0.43, 0.61, 0.39, 0.43, 0.44, 0.50, 0.90, 1.02, 0.32, 0.30),
    "AU20": (0.27, 0.52, 0.57, 0.36, 0.78, 0.26, 0.34, 0.31, 0.62, 0.44, 0.54, 0.33, 0.32),
}


@dataclass(frozen=True)
class UnitChange:
    """How far an emotion moves an action unit from its neutral value, in units of OpenFace.

    Attributes:
        normal, strong: of either intensity of acting.
    """

    normal: float
    strong: float

    @property
    def mean(self) -> float:
        return (self.normal + self.strong) / 2


def measured_changes(emotion: str) -> dict[str, UnitChange]:
    """Action unit -> change, for one of `EMOTIONS`."""
    place = 1 + 2 * EMOTIONS.index(emotion)
    return {unit: UnitChange(means[place] - means[0], means[place + 1] - means[0]) for unit, means in _MEANS.items()}


def main_units(emotion: str, count: int = 2) -> list[str]:
    """The units that the emotion raises most on average; a coefficient at rest has no way down."""
    changes = measured_changes(emotion)
    return sorted(changes, key=lambda unit: -changes[unit].mean)[:count]
