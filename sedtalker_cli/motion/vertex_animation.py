"""Recordings to vertices of a template by a vertex animator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.version import __version__

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.model.diarization import Diarization
    from sedtalker_cli.model.vertex_animator import VertexAnimator
    from sedtalker_cli.motion.options import AnimateOptions

SHAPE_EXPORTS = ("arkit-csv", "arkit-npy", "glb", "usd", "usdz", "vrma", "vrma-arkit")


def check_vertex_options(options: AnimateOptions, exports: tuple[str, ...] = (), page: bool = False) -> None:
    """Find options that move ARKit shapes, which a vertex animator does not.

    Args:
        options: of the animation.
        exports: formats.
        page: whether an HTML page is wanted.

    Raises:
        UsageError: names the first.
    """
    asked = {
        "--lip-gain": options.lip_gain != 1,
        "--smooth": options.smooth > 0,
        "--head-motion": options.head_motion,
        "--html": page,
        **{f"--export {name}": name in exports for name in SHAPE_EXPORTS},
    }
    wrong = next((name for name, wanted in asked.items() if wanted), None)
    if wrong:
        raise UsageError(f"{wrong}: needs ARKit shapes, and this animator makes vertices; leave it out")


def check_vertices(model: VertexAnimator, head: Head, options: AnimateOptions) -> None:
    """Find options and templates that a vertex animator cannot work with.

    Raises:
        UsageError: an option that needs shapes.
        InputError: the model has no such topology.
    """
    check_vertex_options(options)
    topology_of(model, head)


def topology_of(model: VertexAnimator, head: Head) -> str:
    """The model's topology that a template has.

    Raises:
        InputError: it has none of them.
    """
    try:
        return model.topology_of(len(head.neutral))
    except InputError as error:
        raise InputError(f"head {head.name}: {error}") from None


def animate_vertices(model: VertexAnimator, found: Diarization, head: Head, options: AnimateOptions) -> Motion:
    """Vertices of a recording on a template of one of the model's topologies.

    Args:
        model: to ask.
        found: features of the recording by the model's encoder, and the emotions to show.
        head: the template; its name in the model's subjects, if it is one of them, gives the way of speaking.
        options: `fps` counts.

    Raises:
        InputError: the model has no such topology, or does not know an emotion.
    """
    timeline, fps, topology = found.timeline, options.fps, topology_of(model, head)
    posteriors = model.map_posteriors(timeline.posteriors, timeline.classes)
    frames = max(1, round(found.duration * fps))
    hidden = model.listen(found.features, posteriors, timeline.intensity, topology, frames, fps, head.identity)
    # A template is read in metres, the network speaks in the units of its data set: a power of ten lies between.
    extent = float(np.ptp(head.neutral, axis=0).max())
    metres = np.float32(10.0 ** round(np.log10(extent / model.topologies[topology]["extent"])))

    def stream() -> Iterator[np.ndarray]:
        for block in model.stream(hidden, head.neutral / metres, topology):
            yield block * metres

    metadata: dict[str, Any] = {
        "version": __version__,
        "fps": fps,
        "frames": frames,
        "vertices": len(head.neutral),
        "duration": found.duration,
        "topology": topology,
        "head": head.name,
        "identity": head.identity,
        "emotions": list(timeline.classes),
    }
    return Motion(head, fps, frames, stream, timeline=timeline, metadata=metadata)
