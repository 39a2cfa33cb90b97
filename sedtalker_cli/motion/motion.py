"""A face in motion, whether a model makes it or it is read from disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.errors import InputError

if TYPE_CHECKING:
    from sedtalker_cli.emotion.timeline import EmotionTimeline
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.motion.head_motion import NeckTracks
    from sedtalker_cli.motion.layers import ActingLayers
    from sedtalker_cli.motion.posed import PosedFrames


@dataclass(frozen=True, eq=False)
class Motion:
    """A face that moves; its vertices come in pieces, so that memory does not grow with its length.

    Attributes:
        head: the face.
        fps: frames a second; frame k is at k / fps.
        frames: T.
        stream: gives consecutive (t, V, 3) float32 pieces of the vertices [m], anew at every call: from shapes and
            coefficients, from a network, or from a file.
        weights: (T, K) float32 coefficients of the head's shapes, None where only vertices are known.
        head_motion: (T, 4, 4) float32, where each frame's vertices are to be moved; None is a head that stays.
        timeline: emotions that are shown, None where they are not known.
        audio: the sound, None where there is none.
        metadata: how it was made, as the sidecar says it.
        layers: gives what stays of an acted motion when its emotions change; None where that is not known.
    """

    head: Head = field(repr=False)
    fps: float
    frames: int
    stream: Callable[[], Iterator[np.ndarray]] = field(repr=False)
    weights: np.ndarray | None = field(default=None, repr=False)
    head_motion: np.ndarray | None = field(default=None, repr=False)
    timeline: EmotionTimeline | None = field(default=None, repr=False)
    audio: Path | None = None
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    layers: Callable[[], ActingLayers] | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, V, 3) of the vertices."""
        return (self.frames, len(self.head.neutral), 3)

    @cached_property
    def vertices(self) -> np.ndarray:
        """(T, V, 3) float32 in metres, all at once; `stream` needs less memory."""
        return np.concatenate(list(self.stream()))

    def shape_weights(self) -> np.ndarray:
        """(T, K), for formats that move shapes.

        Raises:
            InputError: there are none.
        """
        if self.weights is None or not self.head.shape_names:
            raise InputError(
                "has vertices only, no ARKit coefficients (STEM.weights.npy beside it, and a head with shapes): "
                "export obj, npy, pc2 or mdd instead"
            )
        return self.weights

    def posed(self) -> PosedFrames:
        """Vertices by frame, made from coefficients.

        Raises:
            InputError: there are none.
        """
        from sedtalker_cli.motion.posed import PosedFrames

        return PosedFrames(self.head, self.shape_weights())

    def neck_tracks(self) -> NeckTracks | None:
        """The head motion about the neck, for formats that move scenes; None where the head stays."""
        from sedtalker_cli.motion.head_motion import neck, neck_tracks

        return None if self.head_motion is None else neck_tracks(self.head_motion, neck(self.head.eye_middle))
