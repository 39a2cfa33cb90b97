"""Recordings to vertices of a template by a vertex animator; `Pipeline.animate` comes here for such a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli import __version__
from sedtalker_cli.audio import stream_audio
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.pipeline import Animation, Diarization, Pipeline

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.model.vertices import VertexAnimator
    from sedtalker_cli.timeline import EmotionTimeline

SHAPE_EXPORTS = ("arkit-csv", "glb", "usd")


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


def check_vertex_options(options: dict[str, bool], exports: tuple[str, ...] = ()) -> None:
    """Find options that move ARKit shapes, which a vertex animator does not.

    Args:
        options: option -> whether it was asked for.
        exports: formats.

    Raises:
        UsageError: names the first.
    """
    wrong = next((name for name, asked in options.items() if asked), None)
    wrong = wrong or next((f"--export {name}" for name in SHAPE_EXPORTS if name in exports), None)
    if wrong:
        raise UsageError(f"{wrong}: needs ARKit shapes, and this animator makes vertices; leave it out")


def animate_vertices(
    pipeline: Pipeline, path: Path, found: Diarization, timeline: EmotionTimeline, head: Head, fps: int
) -> VertexAnimation:
    """Vertices of a recording on a template of one of the model's topologies.

    Args:
        pipeline: with a vertex animator.
        path: sound file.
        found: what `diarize` found of it.
        timeline: of emotions to show.
        head: the template; its name in the model's subjects, if it is one of them, gives the way of speaking.
        fps: frames a second.

    Raises:
        InputError: the model has no such topology, or does not know an emotion.
    """
    model: VertexAnimator = pipeline.animator
    try:
        topology = model.topology_of(len(head.neutral))
    except InputError as error:
        raise InputError(f"head {head.name}: {error}") from None
    encoder = pipeline.animator_encoder
    features = found.features[:] if encoder is pipeline.encoder else encoder.encode(stream_audio(path))
    posteriors = model.map_posteriors(timeline.posteriors, timeline.classes)
    frames = max(1, round(found.duration * fps))
    hidden = model.listen(features, posteriors, timeline.intensity, topology, frames, fps, head.identity)
    # A template is read in metres, the network speaks in the units of its data set: a power of ten lies between.
    extent = float(np.ptp(head.neutral, axis=0).max())
    metres = np.float32(10.0 ** round(np.log10(extent / model.topologies[topology]["extent"])))

    def source() -> Iterator[np.ndarray]:
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
    return VertexAnimation(timeline, None, head, fps, metadata, frames=frames, source=source)
