"""What each kind of animator makes a motion of, and which options it obeys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from sedtalker_cli.model.weights import ANIMATOR, VERTEX_ANIMATOR
from sedtalker_cli.motion.shape_animation import animate_shapes, check_shapes
from sedtalker_cli.motion.vertex_animation import animate_vertices, check_vertex_options, check_vertices

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.model.diarization import Diarization
    from sedtalker_cli.motion.motion import Motion
    from sedtalker_cli.motion.options import AnimateOptions


class AnimatorKind(NamedTuple):
    """A kind of animator.

    Attributes:
        check: finds before any work what model, head and options cannot do together.
        animate: makes a motion of a recording.
        check_files: likewise options, export formats and whether a page is wanted, before models are loaded.
        makes_weights: whether its motions have coefficients.
        options: those of `AnimateOptions` that it obeys, in the sidecar's order.
    """

    check: Callable[[Any, Head, AnimateOptions], None]
    animate: Callable[[Any, Diarization, Head, AnimateOptions], Motion]
    check_files: Callable[[AnimateOptions, tuple[str, ...], bool], None]
    makes_weights: bool
    options: tuple[str, ...]


def anything(options: AnimateOptions, exports: tuple[str, ...], page: bool) -> None:
    """Coefficients and a head with shapes can become any file."""


EMOTION_OPTIONS = ("emotion_override", "emotion_gain")
ANIMATORS = {
    ANIMATOR: AnimatorKind(
        check_shapes,
        animate_shapes,
        anything,
        makes_weights=True,
        options=(*EMOTION_OPTIONS, "lip_gain", "smooth", "seed", "idle", "head_motion", "expression"),
    ),
    VERTEX_ANIMATOR: AnimatorKind(
        check_vertices, animate_vertices, check_vertex_options, makes_weights=False, options=EMOTION_OPTIONS
    ),
}
