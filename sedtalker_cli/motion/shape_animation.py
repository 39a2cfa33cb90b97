"""Recordings to coefficients of a head's shapes, by an animator."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.errors import UsageError
from sedtalker_cli.face.heads import cached_head
from sedtalker_cli.motion import lips
from sedtalker_cli.motion.expression import expressed_intensity, keep_rhythm
from sedtalker_cli.motion.idle import add_idle
from sedtalker_cli.motion.layers import ActingLayers
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.motion.options import ALIVE
from sedtalker_cli.motion.performance import Delivery, act
from sedtalker_cli.motion.temper import temper_of
from sedtalker_cli.version import __version__

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.model.animator import Animator
    from sedtalker_cli.model.diarization import Diarization
    from sedtalker_cli.motion.options import AnimateOptions


def check_shapes(model: Animator, head: Head, options: AnimateOptions) -> None:
    """Find heads that an animator cannot move.

    Raises:
        UsageError: the head has no shapes.
    """
    if not head.shape_names:
        raise UsageError(f"head {options.head}: is a template without shapes, and the animator moves ARKit shapes")


def animate_shapes(model: Animator, found: Diarization, head: Head, options: AnimateOptions) -> Motion:
    """Coefficients of a head's shapes that say what is heard, with breath and blinks if they are wanted.

    Args:
        model: to ask.
        found: features, loudness and pitch of the recording, and the emotions to show.
        head: with ARKit's shapes.
        options: all of them count but `emotion_override` and `emotion_gain`, which the timeline has seen already.

    Raises:
        InputError: the model does not know an emotion.
    """
    timeline, fps = found.timeline, options.fps
    posteriors = model.map_posteriors(timeline.posteriors, timeline.classes)
    shown = expressed_intensity(timeline.posteriors, timeline.intensity, timeline.classes)

    # At intensity 0 every emotion is neutral: what is left is speech.
    levels = [np.zeros_like(shown)] if options.expression == ALIVE else [np.zeros_like(shown), shown]
    speech, *still = model.perform(found.features, posteriors, levels, found.duration, fps)
    # Lips are measured on the shipped head: a user's may lack the shapes for it, and coefficients mean the same.
    mouth = head if head.source is None else cached_head(None, None)
    activity = lips.speech_activity(speech, fps, mouth)
    delivery = Delivery.sampled(found.loudness, found.pitch, activity, fps)
    heard, intensity = timeline.sample(np.arange(len(speech)) / fps)
    if options.expression == ALIVE:
        feeling = model.map_posteriors(heard, timeline.classes)
        mood = feeling, expressed_intensity(heard, intensity, timeline.classes), tuple(model.classes), fps
        weights, temper = act(speech, *mood, delivery, options.seed), temper_of(*mood)
    else:
        weights, temper = keep_rhythm(still[0], speech, fps), None
    if options.lip_gain != 1:
        weights = lips.scale_speech(weights, speech, options.lip_gain, mouth)
    weights = lips.smooth_motion(weights, fps, options.smooth, mouth)
    moved, layers = None, None
    if options.expression == ALIVE:
        mapped = model.map_posteriors(np.eye(len(timeline.classes), dtype=np.float32), timeline.classes)
        layers = partial(ActingLayers.of, tuple(model.classes), mapped, speech, delivery, fps, options.seed)
    if options.idle:
        weights = add_idle(weights, fps, options.seed, intensity, activity, temper)
    if options.head_motion:
        from sedtalker_cli.motion.head_motion import head_motion

        moved = head_motion(len(weights), fps, options.seed, delivery.loudness, activity, head.eye_middle, temper)
    weights = np.asarray(weights, np.float32)
    metadata = {
        "version": __version__,
        "fps": fps,
        "frames": len(weights),
        "vertices": len(head.neutral),
        "duration": found.duration,
        "topology": head.name,
        "head": head.name,
        "identity": head.identity,
        "shape_names": list(head.shape_names),
        "emotions": list(timeline.classes),
    }
    return Motion(
        head,
        fps,
        len(weights),
        lambda: head.stream(weights),
        weights=weights,
        head_motion=moved,
        timeline=timeline,
        metadata=metadata,
        layers=layers,
    )
