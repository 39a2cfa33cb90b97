"""What real faces do, and what an acted expression is wanted to do (data only)."""

from __future__ import annotations

# channels that are reported, and those that lead an emotion; a name without side stands for the mean of both
CHANNELS = (
    "browDown",
    "browInnerUp",
    "browOuterUp",
    "eyeWide",
    "eyeSquint",
    "cheekSquint",
    "noseSneer",
    "mouthSmile",
    "mouthFrown",
)
LEADING: dict[str, tuple[str, ...]] = {
    "angry": ("browDown",),
    "disgust": ("noseSneer",),
    "fear": ("eyeWide", "browInnerUp"),
    "happy": ("mouthSmile", "cheekSquint"),
    "sad": ("browInnerUp", "browDown"),
    "surprise": ("browOuterUp", "eyeWide"),
}
# what leading channels are wanted to do at intensity 1: (least, most)
WANTED: dict[str, tuple[float, float]] = {
    "spoken": (0.35, 0.60),
    "deviation": (0.05, 0.20),
    "half_life": (0.40, 2.50),
    "energy_r": (0.15, 0.60),
}
# Ten takes of people who act an emotion while they talk, 31 s each, tracked by a phone at 60 frames a second: their
# intensity is that of everyday, so their means lie below those of intensity 1. (least, most) of the takes.
Range = tuple[float, float]
TAKES: dict[str, dict[str, dict[str, Range]]] = {
    "angry": {
        "browDown": {
            "mean": (0.02, 0.31),
            "deviation": (0.05, 0.12),
            "p95": (0.14, 0.47),
            "half_life": (1.2, 1.7),
            "fast": (0.018, 0.035),
            "energy_r": (0.0, 0.55),
        },
        "noseSneer": {
            "mean": (0.15, 0.17),
            "deviation": (0.10, 0.10),
            "p95": (0.32, 0.36),
            "half_life": (1.2, 1.7),
            "fast": (0.013, 0.023),
            "energy_r": (0.0, 0.77),
        },
        "cheekSquint": {"mean": (0.22, 0.27), "deviation": (0.10, 0.10), "p95": (0.40, 0.40), "half_life": (1.2, 1.7)},
    },
    "fear": {
        "eyeWide": {
            "mean": (0.20, 0.40),
            "deviation": (0.13, 0.20),
            "p95": (0.35, 0.55),
            "half_life": (0.8, 5.0),
            "fast": (0.034, 0.046),
            "energy_r": (0.17, 0.68),
        },
        "browInnerUp": {
            "mean": (0.10, 0.19),
            "deviation": (0.07, 0.10),
            "p95": (0.22, 0.38),
            "half_life": (0.8, 5.0),
            "fast": (0.016, 0.016),
        },
        "browOuterUp": {"mean": (0.02, 0.21), "deviation": (0.05, 0.17), "p95": (0.17, 0.50), "half_life": (0.8, 5.0)},
        "browDown": {"mean": (0.0, 0.23), "deviation": (0.20, 0.20), "p95": (0.48, 0.63), "half_life": (0.8, 5.0)},
    },
    "sad": {
        "browInnerUp": {
            "mean": (0.17, 0.25),
            "deviation": (0.04, 0.10),
            "p95": (0.23, 0.51),
            "half_life": (0.5, 1.5),
            "fast": (0.02, 0.03),
            "energy_r": (0.0, 0.36),
        },
        "browDown": {
            "mean": (0.11, 0.22),
            "deviation": (0.08, 0.12),
            "p95": (0.30, 0.36),
            "half_life": (0.5, 1.5),
            "fast": (0.024, 0.030),
            "energy_r": (0.0, 0.36),
        },
        "eyeWide": {"mean": (0.06, 0.10), "deviation": (0.07, 0.10), "half_life": (0.5, 1.5)},
    },
}
# lips against neutral at intensity 1: opening over RAVDESS's actors, width over articulograph recordings
LIPS: dict[str, dict[str, Range]] = {
    "angry": {"opening": (1.27, 1.27)},
    "happy": {"opening": (1.20, 1.20), "width": (1.07, 1.10)},
}
TOLERANCE = 0.08  # of those
UNIT_FACTOR = 1.5  # by which ratios between emotions may differ from the actors'
SMALL = 0.25  # of a unit's largest change; what changes less is not compared
