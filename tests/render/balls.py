"""A ball for a head, and timelines for its films."""

import numpy as np
import pytest

from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.face.head import Head


def sphere(rings: int = 12, sectors: int = 24, radius: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """UV sphere: vertices (V, 3), faces (F, 3) counter-clockwise from outside."""
    polar = np.linspace(0, np.pi, rings + 1)[:, None]
    around = np.linspace(0, 2 * np.pi, sectors, endpoint=False)[None]
    points = np.stack(
        [np.sin(polar) * np.sin(around), np.cos(polar) * np.ones_like(around), np.sin(polar) * np.cos(around)], axis=-1
    ).reshape(-1, 3)
    row, column = np.meshgrid(np.arange(rings), np.arange(sectors), indexing="ij")
    a, b = row * sectors + column, row * sectors + (column + 1) % sectors
    c, d = a + sectors, b + sectors
    faces = np.concatenate([np.stack(t, axis=-1).reshape(-1, 3) for t in ((a, c, b), (b, c, d))])
    return (points * radius).astype(np.float32), faces.astype(np.int32)


@pytest.fixture(scope="module")
def ball() -> Head:
    """A head as simple as can be: a ball of skin with one blendshape that lifts it."""
    vertices, faces = sphere()
    return Head(
        name="ball",
        identity="ball",
        neutral=vertices,
        faces=faces,
        shape_names=("jawOpen",),
        deltas=np.full((1, *vertices.shape), [0.0, 0.02, 0.0], np.float32),
        regions={},
        parts={"skin": (0, len(faces))},
        colors=np.full((len(vertices), 3), [200, 160, 140], np.uint8),
    )


def timeline(duration: float) -> EmotionTimeline:
    half = duration / 2
    segments = [Segment(0, half, "angry"), Segment(half, half, "sad")]
    return EmotionTimeline.from_segments(segments, EMOTIONS, duration, 0.5)
