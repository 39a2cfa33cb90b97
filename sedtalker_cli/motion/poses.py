"""Facial poses of the emotions as ARKit coefficients (data only).

Which units an emotion moves follows FACS/EMFACS (Ekman & Friesen): anger 4+5+7+23/24, disgust 9+10+15+17,
fear 1+2+4+5+20, happiness 6+12, sadness 1+4+15+17, surprise 1+2+5+26. Directions and the ratio of normal to
strong acting agree with action units measured on acted speech (24 actors, OpenFace); sizes are set so that
`strong` reads at a glance while speech still has room. A name without side stands for both sides.
"""

from __future__ import annotations

# emotion -> coefficient -> (normal acting = intensity 0.5, strong acting = intensity 1.0)
POSES: dict[str, dict[str, tuple[float, float]]] = {
    "angry": {
        "browDown": (0.68, 1.00),
        "eyeSquint": (0.18, 0.28),
        "eyeWide": (0.18, 0.38),
        "noseSneer": (0.20, 0.34),
        "mouthUpperUp": (0.06, 0.12),
        "mouthPress": (0.34, 0.56),
        "mouthFrown": (0.16, 0.28),
        "mouthRollUpper": (0.14, 0.24),
        "mouthRollLower": (0.10, 0.18),
        "mouthShrugLower": (0.10, 0.18),
        "jawForward": (0.10, 0.20),
        "cheekSquint": (0.08, 0.14),
    },
    "disgust": {
        "noseSneer": (0.72, 1.00),
        "mouthUpperUp": (0.36, 0.58),
        "browDown": (0.26, 0.42),
        "cheekSquint": (0.42, 0.66),
        "eyeSquint": (0.42, 0.66),
        "mouthFrown": (0.28, 0.45),
        "mouthShrugLower": (0.34, 0.55),
        "mouthShrugUpper": (0.10, 0.16),
    },
    "fear": {
        "browInnerUp": (0.60, 1.00),
        "browOuterUp": (0.16, 0.28),
        "browDown": (0.12, 0.20),
        "eyeWide": (0.50, 0.90),
        "mouthStretch": (0.50, 0.82),
        "mouthLowerDown": (0.05, 0.12),
        "mouthFrown": (0.06, 0.10),
        "jawOpen": (0.03, 0.07),
    },
    "happy": {
        "mouthSmile": (0.58, 0.90),
        "cheekSquint": (0.42, 0.72),
        "eyeSquint": (0.14, 0.26),
        "mouthDimple": (0.08, 0.14),
        "mouthUpperUp": (0.16, 0.34),
        "browOuterUp": (0.08, 0.16),
        "browInnerUp": (0.04, 0.08),
    },
    "neutral": {},
    "sad": {
        "browInnerUp": (0.74, 1.00),
        "browDown": (0.10, 0.18),
        "mouthFrown": (0.58, 0.90),
        "mouthUpperUp": (0.05, 0.14),
        "mouthShrugLower": (0.22, 0.38),
        "mouthStretch": (0.06, 0.10),
        "mouthPress": (0.08, 0.12),
        "eyeBlink": (0.10, 0.18),
        "eyeLookDown": (0.12, 0.20),
        "cheekSquint": (0.04, 0.12),
    },
    "surprise": {
        "browInnerUp": (0.58, 0.90),
        "browOuterUp": (0.66, 1.00),
        "eyeWide": (0.45, 0.80),
        "jawOpen": (0.16, 0.28),
        "mouthFunnel": (0.04, 0.08),
        "mouthUpperUp": (0.02, 0.04),
    },
}

# what a loud, stressed syllable adds at intensity 1; the sizes carry the arousal of the emotion
ACCENTS: dict[str, dict[str, float]] = {
    "angry": {"browDown": 0.10, "eyeWide": 0.18, "noseSneer": 0.14, "mouthLowerDown": 0.10},
    "disgust": {"noseSneer": 0.10, "browDown": 0.10, "mouthUpperUp": 0.06},
    "fear": {"browInnerUp": 0.10, "browOuterUp": 0.14, "eyeWide": 0.14},
    "happy": {"browInnerUp": 0.12, "browOuterUp": 0.22, "mouthSmile": 0.06},
    "neutral": {},
    "sad": {"browInnerUp": 0.08, "browDown": 0.04},
    "surprise": {"browInnerUp": 0.12, "browOuterUp": 0.14, "eyeWide": 0.10},
}

# size of (left, right): no face is quite even, and joy and contempt show it most
SIDES: dict[str, tuple[float, float]] = {
    "angry": (1.0, 0.96),
    "disgust": (0.95, 1.0),
    "fear": (0.98, 1.0),
    "happy": (1.0, 0.95),
    "neutral": (1.0, 1.0),
    "sad": (1.0, 0.97),
    "surprise": (0.97, 1.0),
}

# 10-90 % time of onset and decay [s]: startle is quick, grief is slow
RISE: dict[str, float] = {
    "angry": 0.32,
    "disgust": 0.36,
    "fear": 0.26,
    "happy": 0.36,
    "neutral": 0.36,
    "sad": 0.44,
    "surprise": 0.24,
}

# a face's intensity = a voice's intensity ** this. Intensity follows arousal, and sadness and fear are quiet: as
# diarized, sad clips of five corpora have a median of .15, fearful ones .45, others .5 to .75. So each is shown as
# normal acting
EXPRESSED: dict[str, float] = {"fear": 0.6, "sad": 0.33}

# opening of the jaw in speech against neutral at (normal, strong): joy and anger open wider, sadness less
ARTICULATION: dict[str, tuple[float, float]] = {
    "angry": (1.04, 1.26),
    "disgust": (0.98, 0.96),
    "fear": (1.03, 1.08),
    "happy": (1.08, 1.16),
    "neutral": (1.0, 1.0),
    "sad": (0.90, 0.83),
    "surprise": (1.06, 1.15),
}
