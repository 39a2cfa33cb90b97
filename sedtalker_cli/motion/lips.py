"""What a person may turn about the mouth's motion: its size and its smoothness, while closed lips stay closed."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d, grey_dilation, maximum_filter1d, minimum_filter1d, uniform_filter1d

from sedtalker_cli.face.arkit import IS_MOUTH
from sedtalker_cli.face.head import Head
from sedtalker_cli.face.lips import limit_opening, opening
from sedtalker_cli.face.regions import CLOSED

# Lips whose opening changes by the second of MOVING within REACH to either side speak, by the first they do not; what
# lies within REACH of speech belongs to it.
MOVING, REACH = (0.015, 0.06), 0.2  # [eye-corner distances], [s]


def scale_speech(weights: np.ndarray, speech: np.ndarray, gain: float, head: Head) -> np.ndarray:
    """Make the mouth's movements of speech larger or smaller; the expression of emotion keeps its size.

    Speech and expression are united by 1 - (1 - speech)(1 - expression), as in `expression.blend_expression`, so one
    can be exchanged without knowing the other. Of the lips' opening the part up to `CLOSED` does not grow: closed lips
    stay closed.

    Args:
        weights: coefficients (T, 52) of speech with expression.
        speech: coefficients (T, 52) of the same words without expression.
        gain: factor, 0 and above.
        head: whose lips they are.

    Returns:
        Coefficients (T, 52) float32, 0 to 1.
    """
    spoken = np.asarray(speech, np.float64) * IS_MOUTH
    rest = 1.0 - np.minimum(spoken, 0.99)
    scaled = 1.0 - (1.0 - weights) * (1.0 - np.clip(gain * spoken, 0.0, 1.0)) / rest
    scaled = np.where(spoken > 0, np.clip(scaled, 0.0, 1.0), weights)
    before = opening(weights, head)
    most = before + max(gain - 1.0, 0.0) * np.maximum(before - CLOSED, 0.0)
    return limit_opening(scaled, most, head).astype(np.float32)


def smooth_motion(weights: np.ndarray, fps: float, width: float, head: Head) -> np.ndarray:
    """Even out movements shorter than about `width`, without delay; lips close where they did.

    Args:
        weights: coefficients (T, 52).
        fps: frames a second.
        width: of a Hann window at half its height [s].
        head: whose lips they are.

    Returns:
        Coefficients (T, 52) float32, 0 to 1.
    """
    weights = np.asarray(weights, np.float64)
    half = int(np.ceil(width * fps)) - 1  # the window is 0 at `width` from its middle
    if half < 1:
        return weights.astype(np.float32)
    window = np.cos(0.5 * np.pi * np.arange(-half, half + 1) / (width * fps)) ** 2
    smooth = convolve1d(weights, window / window.sum(), axis=0, mode="nearest")
    before, after = opening(weights, head), opening(smooth, head)
    shut = grey_dilation((before < CLOSED).astype(float), structure=window - 1.0, mode="nearest")
    most = after + np.clip(shut, 0.0, 1.0) * (np.minimum(after, before) - after)
    return np.clip(limit_opening(smooth, most, head), 0.0, 1.0).astype(np.float32)


def speech_activity(weights: np.ndarray, fps: float, head: Head) -> np.ndarray:
    """Where the mouth speaks (T,), 0 to 1 with soft edges: an animated mouth rests through noise and music, too.

    Args:
        weights: coefficients (T, 52) of speech without expression.
        fps: frames a second.
        head: whose lips they are.
    """
    apart = np.maximum(opening(weights, head), 0.0)
    size = 2 * max(1, round(REACH * fps)) + 1
    change = maximum_filter1d(apart, size) - minimum_filter1d(apart, size)
    moving = maximum_filter1d(np.interp(change, MOVING, (0.0, 1.0)), size)
    return np.clip(uniform_filter1d(moving, size), 0.0, 1.0)  # its running sum leaves rounding errors
