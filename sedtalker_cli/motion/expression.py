"""Emotion to facial expression: ARKit curves of a timeline, and their union with the motion of speech."""

from __future__ import annotations

from functools import cache

import numpy as np

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.motion.poses import ACCENTS, ARTICULATION, EXPRESSED, POSES, RISE, SIDES

# 10-90 % time of a symmetric critically damped kernel, in units of its time constant
_RISE_OF_TAU = 4.80
# jawOpen - mouthClose predicts the inner lip gap of a tracked face with r = .99 (GRID speaker s1);
# its lips touch below .02, are clearly apart above .10, and seldom open further than .40 in speech
GAP_CLOSED, GAP_OPEN, GAP_WIDE = 0.02, 0.10, 0.40
# an expression may part the lips again this long after the last opening of speech [s]
REST_AFTER = 0.25
# how much of each coefficient parts the lips or keeps them from meeting, 0..1
_PARTING = {
    "mouthUpperUp": 1.0,
    "mouthLowerDown": 1.0,
    "jawOpen": 1.0,
    "mouthFunnel": 1.0,
    "mouthStretch": 0.35,
}
# coefficients that pull the corners out: they yield to rounded lips
_WIDENING = ("mouthSmile", "mouthStretch", "mouthDimple")
# coefficients that press or push the lips together: they yield to an open mouth
_PRESSING = ("mouthPress", "mouthRollUpper", "mouthRollLower", "mouthShrugLower")


def expression_curves(
    posteriors: np.ndarray,
    intensity: np.ndarray,
    classes: tuple[str, ...],
    fps: float,
    loudness: np.ndarray | None = None,
) -> np.ndarray:
    """Expression of an emotion timeline, without speech, blinks or gaze.

    Class poses are mixed by probability; intensity leads each pose from nothing over normal (0.5) to strong
    acting (1.0). Onset and decay follow a critically damped filter run forwards and backwards (no delay, no
    overshoot). Loud syllables accent the pose.

    Args:
        posteriors: class probabilities (T, C).
        intensity: strength of the emotion (T,), 0 to 1.
        classes: names of the C classes, keys of `POSES`.
        fps: frames a second.
        loudness: loudness of the speech (T,), 0 to 1, or None for no accents.

    Returns:
        Coefficients (T, 52) float32 in the order of ARKIT_NAMES, 0 to 1.

    Raises:
        InputError: a class has no pose, or the shapes do not fit.
    """
    normal, strong = class_levels(posteriors, intensity, classes)
    rises = [RISE[name] for name in classes]
    normal, strong = smooth_columns(normal, rises, fps), smooth_columns(strong, rises, fps)
    poses = np.stack([_pose_table(name) for name in classes])  # (C, 2, 52)
    curves = normal @ poses[:, 0] + strong @ (poses[:, 1] - poses[:, 0])
    if loudness is not None:
        loudness = np.asarray(loudness, np.float64)
        if loudness.shape != (len(curves),):
            raise InputError(f"loudness has shape {loudness.shape}, expected ({len(curves)},) like the intensity")
        accents = np.stack([_accent_table(name) for name in classes])
        curves = curves + prominence(loudness, fps)[:, None] * ((0.5 * (normal + strong)) @ accents)
    return np.clip(curves, 0.0, 1.0).astype(np.float32)


def expressed_intensity(posteriors: np.ndarray, intensity: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """How strongly a face shows what a voice shows with an intensity.

    Args:
        posteriors: class probabilities (T, C).
        intensity: of the voice (T,), 0 to 1.
        classes: names of the C classes.

    Returns:
        (T,) float32; 0 and 1 stay, between them quiet emotions gain (see `poses.EXPRESSED`).
    """
    shares = np.asarray(posteriors, np.float64) * [name != "neutral" for name in classes]
    levels = np.asarray(intensity, np.float64)[:, None] ** [EXPRESSED.get(name, 1.0) for name in classes]
    return ((shares * levels).sum(1) / np.maximum(shares.sum(1), 1e-9)).astype(np.float32)


def articulation_gain(
    posteriors: np.ndarray, intensity: np.ndarray, classes: tuple[str, ...], fps: float
) -> np.ndarray:
    """How much wider or smaller than neutral the mouth opens in speech.

    Args:
        posteriors: class probabilities (T, C).
        intensity: strength of the emotion (T,), 0 to 1.
        classes: names of the C classes.
        fps: frames a second.

    Returns:
        Factors (T,) float32 around 1, for `blend_expression`.
    """
    normal, strong = class_levels(posteriors, intensity, classes)
    table = np.array([ARTICULATION[name] for name in classes]) - 1.0
    rises = [RISE[name] for name in classes]
    gain = smooth_columns(normal, rises, fps) @ table[:, 0] + smooth_columns(strong, rises, fps) @ (
        table[:, 1] - table[:, 0]
    )
    return (1.0 + gain).astype(np.float32)


def blend_expression(
    mouth: np.ndarray, expression: np.ndarray, fps: float = 30.0, gain: np.ndarray | None = None
) -> np.ndarray:
    """Adds an expression to the motion of speech so that closed lips stay closed.

    Where speech brings the lips together (`lip_gap` small while the mouth is moving) the parts of the
    expression that would part them fade out; in longer silence the expression shows whole. What presses the
    lips yields to an open mouth, what widens it to rounded lips.

    Args:
        mouth: speech motion (T, 52).
        expression: `expression_curves` (T, 52).
        fps: frames a second.
        gain: size of articulation (T,), see `articulation_gain`; scales jawOpen and mouthClose alike.

    Returns:
        Coefficients (T, 52) float32, 0 to 1.
    """
    mouth = np.asarray(mouth, np.float64)
    expression = np.asarray(expression, np.float64)
    if mouth.shape != expression.shape or mouth.ndim != 2 or mouth.shape[1] != len(ARKIT_NAMES):
        raise InputError(f"mouth {mouth.shape} and expression {expression.shape} must both be (T, {len(ARKIT_NAMES)})")
    speech = mouth.copy()
    if gain is not None:
        jaw = [ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]]
        speech[:, jaw] *= np.asarray(gain, np.float64)[:, None]
    # a screen blend: adds where there is room and never passes 1
    return np.clip(1.0 - (1.0 - speech) * (1.0 - expression * room(mouth, fps)), 0.0, 1.0).astype(np.float32)


def room(mouth: np.ndarray, fps: float) -> np.ndarray:
    """How much of an expression speech leaves (T, 52), 0 to 1, see `blend_expression`; from speech (T, 52)."""
    closed = closure(mouth, fps)
    rounded = np.clip(mouth[:, ARKIT_INDEX["mouthPucker"]] + mouth[:, ARKIT_INDEX["mouthFunnel"]], 0.0, 1.0)
    keep = 1.0 - closed[:, None] * _column("parting")
    keep *= 1.0 - (1.0 - _pressed(lip_gap(mouth), GAP_OPEN, GAP_WIDE)[:, None]) * _column("pressing")
    return keep * (1.0 - 0.6 * rounded[:, None] * _column("widening"))


def keep_rhythm(weights: np.ndarray, speech: np.ndarray, fps: float) -> np.ndarray:
    """Lets an expression change speaking lips in proportion to how far speech opens them: words keep their rhythm.

    `blend_expression`, and a network that learned from it, part any open lips alike, and press all but wide open ones:
    a dropped jaw then drowns the small openings of speech, and pressed lips swallow them. A network that is taught
    otherwise hears rounding less well (funnel r -.06, gap -.005), so finished motion is corrected instead.

    Args:
        weights: motion with its expression (T, 52).
        speech: the same without (T, 52).
        fps: frames a second.

    Returns:
        Coefficients (T, 52) float32; in longer silence they stay as they are.
    """
    weights, speech = np.asarray(weights, np.float64), np.asarray(speech, np.float64)
    return (weights - excess(speech, fps) * np.maximum(weights - speech, 0.0)).astype(np.float32)


def excess(speech: np.ndarray, fps: float) -> np.ndarray:
    """Share of what an expression adds to speaking lips that is too much (T, 52), see `keep_rhythm`."""
    gap = lip_gap(speech)
    speaking = _speaking(gap, fps)

    def beyond(shown: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        return (speaking * np.clip(1.0 - wanted / np.maximum(shown, 1e-6), 0.0, 1.0))[:, None]

    apart, wide = (_smoothstep(gap, GAP_CLOSED, upper) for upper in (GAP_OPEN, GAP_WIDE))
    too_much = beyond(apart, wide) * _column("parting")
    return too_much + beyond(_pressed(gap, GAP_OPEN, GAP_WIDE), _pressed(gap, GAP_CLOSED, GAP_OPEN)) * _column(
        "pressing"
    )


def lip_gap(weights: np.ndarray) -> np.ndarray:
    """Opening of the lips in units of jawOpen (T,), from weights (T, 52).

    The corrective mouthClose takes back what jawOpen opens; raised and lowered lips open on their own.
    """
    weights = np.asarray(weights, np.float64)
    column = {name: weights[:, index] for name, index in ARKIT_INDEX.items()}
    lips = sum(column[f"mouth{part}{side}"] for part in ("UpperUp", "LowerDown") for side in ("Left", "Right"))
    return np.maximum(column["jawOpen"] - column["mouthClose"] + 0.25 * lips, 0.0)


def closure(mouth: np.ndarray, fps: float = 30.0) -> np.ndarray:
    """How far speech holds the lips closed (T,), 0 to 1; lips that rest in silence do not count."""
    gap = lip_gap(mouth)
    return (1.0 - _smoothstep(gap, GAP_CLOSED, GAP_OPEN)) * _speaking(gap, fps)


def _pressed(gap: np.ndarray, shut: float, apart: float) -> np.ndarray:
    """How much of what presses the lips stays (T,): all on shut lips, a fifth on lips that are apart."""
    return 1.0 - 0.8 * _smoothstep(gap, shut, apart)


def _speaking(gap: np.ndarray, fps: float) -> np.ndarray:
    """Whether lips are about to open or have just opened (T,), 0 to 1, from their opening (T,)."""
    # speaking = some opening within REST_AFTER, faded over half as long: the rest returns softly
    reach, fade = max(1, round(REST_AFTER * fps)), max(1, round(0.5 * REST_AFTER * fps))
    moving = _moving_max(np.clip(gap / GAP_OPEN, 0.0, 1.0), reach + fade)
    padded = np.pad(moving, fade, mode="edge")
    return np.convolve(padded, np.full(2 * fade + 1, 1.0 / (2 * fade + 1)), "valid")


def class_levels(posteriors, intensity, classes) -> tuple[np.ndarray, np.ndarray]:
    """Weights (T, C) of each class's normal pose and of the step from normal to strong."""
    posteriors = np.asarray(posteriors, np.float64)
    intensity = np.clip(np.asarray(intensity, np.float64), 0.0, 1.0)
    unknown = sorted(set(classes) - set(POSES))
    if unknown:
        raise InputError(f"no facial pose for the emotion {unknown[0]!r}; known: {', '.join(POSES)}")
    if posteriors.ndim != 2 or posteriors.shape != (len(intensity), len(classes)):
        raise InputError(
            f"posteriors {posteriors.shape} do not fit intensity {intensity.shape} and {len(classes)} classes"
        )
    return (
        posteriors * np.minimum(2.0 * intensity, 1.0)[:, None],
        posteriors * np.maximum(2.0 * intensity - 1.0, 0.0)[:, None],
    )


def smooth_columns(x: np.ndarray, rises: list[float], fps: float) -> np.ndarray:
    """Filters the columns of x (T, C) with 10-90 % times `rises` [s].

    The kernel (1 + |t|/tau) exp(-|t|/tau) is the critically damped response t exp(-t/tau) run in both
    directions. It is positive, so steps rise without overshoot; ends are held.
    """
    out = np.empty_like(x)
    for column, rise in enumerate(rises):
        tau = max(rise * fps / _RISE_OF_TAU, 1e-3)
        half = int(np.ceil(9.0 * tau))
        t = np.abs(np.arange(-half, half + 1)) / tau
        kernel = (1.0 + t) * np.exp(-t)
        out[:, column] = np.convolve(np.pad(x[:, column], half, mode="edge"), kernel / kernel.sum(), "valid")
    return out


def prominence(loudness: np.ndarray, fps: float) -> np.ndarray:
    """How far a syllable stands out of its surroundings (T,), 0 to 1, smoothed to the speed of a brow."""
    local = smooth_columns(loudness[:, None], [0.16], fps)[:, 0]
    level = smooth_columns(loudness[:, None], [1.6], fps)[:, 0]
    return smooth_columns(np.clip(3.0 * (local - level), 0.0, 1.0)[:, None], [0.16], fps)[:, 0]


def _smoothstep(x: np.ndarray, low: float, high: float) -> np.ndarray:
    x = np.clip((x - low) / (high - low), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _moving_max(x: np.ndarray, reach: int) -> np.ndarray:
    padded = np.pad(x, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)


def sides_of(name: str) -> tuple[tuple[str, int], ...]:
    """ARKit names of a coefficient with the index of the side (0 left, 1 right)."""
    if name in ARKIT_INDEX:
        return ((name, 0),)
    return ((f"{name}Left", 0), (f"{name}Right", 1))


@cache
def _pose_table(emotion: str) -> np.ndarray:
    """Pose (2, 52) of an emotion: normal, strong."""
    table = np.zeros((2, len(ARKIT_NAMES)))
    for name, levels in POSES[emotion].items():
        for full, side in sides_of(name):
            size = 1.0 if name in ARKIT_INDEX else SIDES[emotion][side]
            table[:, ARKIT_INDEX[full]] = np.multiply(levels, size)
    return table


@cache
def _accent_table(emotion: str) -> np.ndarray:
    table = np.zeros(len(ARKIT_NAMES))
    for name, level in ACCENTS[emotion].items():
        for full, _ in sides_of(name):
            table[ARKIT_INDEX[full]] = level
    return table


@cache
def _column(kind: str) -> np.ndarray:
    """Mask (52,): how far each coefficient parts the lips, widens the mouth or presses the lips together."""
    kinds = {
        "parting": _PARTING,
        "widening": dict.fromkeys(_WIDENING, 1.0),
        "pressing": dict.fromkeys(_PRESSING, 1.0),
    }
    mask = np.zeros(len(ARKIT_NAMES))
    for name, size in kinds[kind].items():
        for full, _ in sides_of(name):
            mask[ARKIT_INDEX[full]] = size
    return mask
