"""A face in motion, as models make it and as writers take it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.emotion.timeline import EmotionTimeline
from sedtalker_cli.errors import InputError

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.motion.head_motion import NeckTracks


@dataclass(frozen=True)
class Animation:
    """What `Pipeline.animate` makes.

    Attributes:
        timeline: the one that was used, after overrides and gain.
        weights: (T, 52) float32 ARKit coefficients; frame k is at k / fps.
        head: the face they move.
        fps: frames a second.
        metadata: how it was made, for the sidecar.
        head_motion: (T, 4, 4) float32, where each frame's vertices are to be moved, or None.
    """

    timeline: EmotionTimeline
    weights: np.ndarray = field(repr=False)
    head: Head = field(repr=False)
    fps: int
    metadata: dict[str, Any] = field(repr=False)
    head_motion: np.ndarray | None = field(repr=False, default=None)

    @cached_property
    def vertices(self) -> np.ndarray:
        """(T, V, 3) float32 in metres, all at once; `stream` needs less memory."""
        return self.head.vertices(self.weights)

    def stream(self) -> Iterator[np.ndarray]:
        """Consecutive (t, V, 3) pieces of `vertices`."""
        return self.head.stream(self.weights)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, V, 3) of `vertices`."""
        return (len(self.weights), *self.head.neutral.shape)


@dataclass(frozen=True)
class VertexAnimation(Animation):
    """A motion without coefficients: `weights` is None, `stream` asks the model.

    Attributes:
        frames: T.
        source: gives consecutive (t, V, 3) pieces in metres, anew at every call.
    """

    frames: int = field(kw_only=True)
    source: Callable[[], Iterator[np.ndarray]] = field(kw_only=True, repr=False)

    @property
    def vertices(self) -> np.ndarray:
        return np.concatenate(list(self.source()))

    def stream(self) -> Iterator[np.ndarray]:
        return self.source()

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.frames, *self.head.neutral.shape)


@dataclass(frozen=True)
class Take:
    """A motion that is to be written.

    Attributes:
        head: the face that moves.
        fps: frames a second.
        frames: T.
        stream: gives consecutive (t, V, 3) pieces of the vertices, anew at every call.
        weights: (T, 52) ARKit coefficients; None where only vertices are known.
        audio: the sound, as seen from where the files will finally lie.
        head_motion: (T, 4, 4) where each frame's vertices are moved to; None is a head that stays.
    """

    head: Head
    fps: float
    frames: int
    stream: Callable[[], Iterator[np.ndarray]]
    weights: np.ndarray | None = None
    audio: str | None = None
    head_motion: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.frames, *self.head.neutral.shape)

    def shape_weights(self) -> np.ndarray:
        """(T, 52), for formats that move shapes.

        Raises:
            InputError: there are none.
        """
        if self.weights is None or not self.head.shape_names:
            raise InputError(
                "has vertices only, no ARKit coefficients (STEM.weights.npy beside it, and a head with shapes): "
                "export obj, npy, pc2 or mdd instead"
            )
        return self.weights

    def neck_tracks(self) -> NeckTracks | None:
        """The head motion about the neck, for formats that move scenes; None where the head stays."""
        from sedtalker_cli.motion.head_motion import neck, neck_tracks

        return None if self.head_motion is None else neck_tracks(self.head_motion, neck(self.head.eye_middle))
