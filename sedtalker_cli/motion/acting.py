"""How an emotion is acted while somebody speaks: sizes, rhythm, accents, eyes, head (data only).

Sources of the constants, named where they are used:

[units]  action units of 24 actors: OpenFace means over RAVDESS's clips (table in `evaluation.lipsync.action_units`).
         They give the ratios between emotions: the same unit keeps, from emotion to emotion, the proportion that it
         has in actors, within a factor of 1.5.
[takes]  ten takes of acted emotion, 31 s each, tracked by a phone: leading channels reach .35 to .55 (95th
         percentile), deviate by .07 to .20, halve their autocorrelation in .5 to 2.5 s, move by .02 to .05 between .5
         and 8 Hz, and follow the jaw with |r| up to .66. Those were everyday intensities; full intensity is twice that.
[lips]   articulograph recordings of three speakers: joy widens the mouth by 7 to 10 %, intense anger opens it by 28 %,
         moderate sadness by 17 % less; lip openings of RAVDESS's actors: anger 1.27, joy 1.20 of neutral.
[fitted] to the ranges of [units], [takes] and [lips] on 24 recordings of EmoTale, ASED, nEMO and three of read
         speech; RAVDESS's, EmoDB's and URDU's were kept for measuring.
[look]   chosen by eye on rendered sheets, where nothing was measured.
"""

from __future__ import annotations

# emotion -> coefficient -> mean over a phrase spoken at intensity 1; a name without side stands for both sides.
# Coefficients with an action unit: [units], scaled so that the leading ones lie between .35 and .6. Others: [look].
LEVELS: dict[str, dict[str, float]] = {
    "angry": {
        "browDown": 0.33,
        "eyeWide": 0.2,
        "eyeSquint": 0.24,
        "noseSneer": 0.14,
        "cheekSquint": 0.10,
        "mouthUpperUp": 0.13,
        "mouthLowerDown": 0.08,
        "mouthFrown": 0.15,
        "mouthStretch": 0.05,
        "mouthPress": 0.26,
        "mouthRollUpper": 0.10,
        "mouthRollLower": 0.10,
        "mouthShrugLower": 0.10,
        "jawForward": 0.12,
    },
    "disgust": {
        "noseSneer": 0.42,
        "browDown": 0.80,
        "browInnerUp": 0.17,
        "cheekSquint": 0.29,
        "eyeSquint": 0.34,
        "mouthUpperUp": 0.40,
        "mouthFrown": 0.45,
        "mouthStretch": 0.14,
        "mouthShrugLower": 0.28,
        "mouthShrugUpper": 0.08,
    },
    "fear": {
        "eyeWide": 0.36,
        "browInnerUp": 0.41,
        "browOuterUp": 0.27,
        "browDown": 0.24,
        "mouthStretch": 0.25,
        "mouthLowerDown": 0.10,
        "mouthUpperUp": 0.13,
        "mouthFrown": 0.15,
        "mouthSmile": 0.05,
        "cheekSquint": 0.06,
        "jawOpen": 0.04,
    },
    "happy": {
        "mouthSmile": 0.43,
        "cheekSquint": 0.39,
        "eyeSquint": 0.14,
        "mouthUpperUp": 0.34,
        "mouthDimple": 0.10,
        "mouthStretch": 0.15,
        "noseSneer": 0.17,
        "browOuterUp": 0.36,
        "browInnerUp": 0.22,
        "eyeWide": 0.10,
    },
    "neutral": {},
    "sad": {
        "browInnerUp": 0.40,
        "browDown": 0.43,
        "mouthFrown": 0.29,
        "mouthStretch": 0.32,
        "mouthUpperUp": 0.18,
        "mouthSmile": 0.07,
        "mouthShrugLower": 0.22,
        "mouthPress": 0.08,
        "noseSneer": 0.14,
        "cheekSquint": 0.19,
        "eyeBlink": 0.12,
    },
    "surprise": {
        "browInnerUp": 0.30,
        "browOuterUp": 0.41,
        "eyeWide": 0.36,
        "mouthUpperUp": 0.11,
        "mouthFunnel": 0.04,
        "jawOpen": 0.10,
    },
}

# share of those sizes in normal acting, intensity .5 [units]; the voice of quiet emotions is amplified before, see
# `poses.EXPRESSED`
NORMAL: dict[str, float] = {
    "angry": 0.65,
    "disgust": 0.80,
    "fear": 0.60,
    "happy": 0.75,
    "neutral": 1.0,
    "sad": 0.50,
    "surprise": 0.75,
}

# what a stressed syllable adds, at intensity 1 and full prominence; "neutral" where no emotion is shown. Raised brows
# on stressed words are common in all speech; anger tightens lids and sharpens the sneer [look]
ACCENTS: dict[str, dict[str, float]] = {
    "angry": {"browDown": 0.11, "eyeWide": 0.06, "noseSneer": 0.09, "eyeSquint": 0.08, "mouthLowerDown": 0.08},
    "disgust": {"noseSneer": 0.10, "browDown": 0.07, "mouthUpperUp": 0.07},
    "fear": {"browInnerUp": 0.09, "browOuterUp": 0.10, "eyeWide": 0.07},
    "happy": {"browInnerUp": 0.08, "browOuterUp": 0.14, "mouthSmile": 0.05, "cheekSquint": 0.06},
    "neutral": {"browInnerUp": 0.14, "browOuterUp": 0.14, "eyeWide": 0.05},
    "sad": {"browInnerUp": 0.08, "browDown": 0.05},
    "surprise": {"browInnerUp": 0.09, "browOuterUp": 0.11, "eyeWide": 0.07},
}

# opening of the jaw in speech against neutral at (normal, strong) [lips]; what else parts the lips comes on top
JAW: dict[str, tuple[float, float]] = {
    "angry": (1.10, 1.35),
    "disgust": (0.98, 0.96),
    "fear": (1.03, 1.08),
    "happy": (1.06, 1.20),
    "neutral": (1.0, 1.0),
    "sad": (0.90, 0.83),
    "surprise": (1.08, 1.20),
}

# --- rhythm: an expression is its level x (what follows); 1 on average over a phrase [takes] ---
ONSET, RELEASE, ANTICIPATION = 0.70, 4.0, 0.70  # s: taken up fast and before the voice, let go of slowly
REST, FULL = 0.84, 1.04  # what is left of it in long silence, and reached in a long phrase
APEX, SETTLING = 0.32, 1.7  # a phrase begins with its apex: by how much more, and how slowly that fades [s]
BREATHING = 0.30  # s: after such a pause the next phrase takes the expression up again
SWELL, SWELL_LENGTH, BREATH_GROUP = 0.28, 0.9, 3.0  # how far it follows the loudness, over [s], against [s]
LEAST_RANGE = 0.08  # of a voice, in units of loudness: what varies less is even
STRESS = 0.08  # by how much a fully stressed syllable raises all of it
WANDER, WANDER_LENGTH = 0.32, 1.2  # deviation of what follows nothing, and the half-life of its autocorrelation [s]
WANDER_LIDS = 0.48  # of lids, which blinks move fast; they deviate by .13 to .20 [takes]
SYLLABLE, PHRASE = 0.50, 1.6  # 10-90 % times that a stressed syllable is seen at, and compared with [s]
LOUDER, HIGHER = 3.0, 0.22  # prominence of a syllable: per unit of loudness, per semitone above its phrase

# --- lips between words: they rest parted, by .05 to .15 of an open gap of .4 in people, see `expression.lip_gap` ---
PARTED, QUIET = 0.04, 0.30  # gap, and loudness below which it is quiet
PAUSES = (0.14, 0.50)  # a stop is shorter; a longer silence closes the lips [s]
PARTING = 0.15  # 10-90 % time of parting [s]

# regions move together, but not quite
REGIONS: dict[str, tuple[str, ...]] = {
    "brows": ("browDown", "browInnerUp", "browOuterUp"),
    "lids": ("eyeWide", "eyeSquint", "eyeBlink"),
    "cheeks": ("cheekSquint", "cheekPuff"),
    "nose": ("noseSneer",),
    "mouth": ("mouth", "jaw"),
}
OWN = 0.5  # share of a region's wandering that the others have not [takes: brows and nose are loosely tied]
UNEVEN, UNEVEN_LENGTH = 0.06, 3.0  # deviation of the difference of left and right, and its half-life [s] [look]
# larger side: no face is quite even, joy and contempt show it most [look]
SIDES: dict[str, tuple[float, float]] = {
    "angry": (1.0, 0.96),
    "disgust": (0.95, 1.0),
    "fear": (0.98, 1.0),
    "happy": (1.0, 0.95),
    "neutral": (1.0, 1.0),
    "sad": (1.0, 0.97),
    "surprise": (0.97, 1.0),
}
