"""Mouth motion in one form, whether it was captured or animated."""

import numpy as np
import torch

from sedtalker_cli.data.captures import Capture
from sedtalker_cli.evaluation.metrics.lipsync import Track
from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import Head
from sedtalker_cli.face.regions import lip_gap, lip_width
from sedtalker_cli.model.animator import Animator
from sedtalker_cli.motion.expression import keep_rhythm

COEFFICIENTS = ("jawOpen", "mouthFunnel", "mouthPucker")


def captured_track(capture: Capture) -> Track:
    """What was captured, as a track."""
    channels = {name: capture.weights[:, ARKIT_INDEX[name]] for name in COEFFICIENTS}
    if capture.gap is not None:
        channels |= {"lip_gap": capture.gap, "lip_width": capture.width}
    return Track(channels, capture.fps, capture.words)


def motion_track(weights: np.ndarray, capture: Capture, head: Head) -> Track:
    """Coefficients (T, 52) at the capture's frames as a track, lips measured on a head."""
    vertices = head.vertices(weights)
    channels = {name: weights[:, ARKIT_INDEX[name]] for name in COEFFICIENTS}
    channels |= {"lip_gap": lip_gap(vertices, head), "lip_width": lip_width(vertices, head)}
    return Track(channels, capture.fps, capture.words)


def own_style(animator: Animator, capture: Capture) -> str | None:
    """The speaking style of a capture's source; None, the default one, if the animator did not learn it."""
    return capture.source if capture.source in animator.styles else None


def animate(
    animator: Animator,
    features: torch.Tensor,
    capture: Capture,
    emotion: str = "neutral",
    intensity: float = 0.0,
    style: str | None = None,
) -> np.ndarray:
    """Coefficients (T, 52) of a recording at the capture's frames, in one emotion; intensity is the face's."""
    frames = len(features)
    posteriors = np.zeros((frames, len(animator.classes)), np.float32)
    posteriors[:, animator.classes.index(emotion)] = 1
    duration = len(capture.weights) / capture.fps

    levels = [np.full(frames, level, np.float32) for level in ((0.0, intensity) if intensity else (0.0,))]
    speech, *shown = animator.perform(features, posteriors, levels, duration, capture.fps, style)
    return keep_rhythm(shown[0], speech, capture.fps) if shown else speech
