"""How large outputs become, roughly: what is told before a disk is full."""

from __future__ import annotations

from collections.abc import Sequence

NUMBER = 4  # bytes of a float32
TIMELINE = 6_000  # bytes a second of STEM.emotion.csv and STEM.rttm
FILM = 60_000  # bytes a second of a film of 512 x 512
PAGE = (2_100_000, 60_000)  # bytes of the head in a page, and a second of its sound
PNG = 0.5  # bytes a pixel of a picture
OBJ_LINE = 30  # bytes of a vertex or a triangle in an OBJ file
# of one frame of K coefficients as other formats write them, in bytes a coefficient
COEFFICIENTS = {"arkit-csv": 9, "arkit-npy": 4, "glb": 4, "usd": 4, "usdz": 4, "vrma": 1, "vrma-arkit": 12}


def export_size(formats: Sequence[str], frames: int, vertices: int, triangles: int, shapes: int) -> float:
    """Bytes of the exports of a motion of so many frames, on a head of so many vertices, triangles and shapes."""
    cache = frames * vertices * 3 * NUMBER
    sizes = {
        "npy": cache,
        "pc2": cache,
        "mdd": cache,
        "obj": frames * (vertices + triangles) * OBJ_LINE,
        **{name: frames * shapes * size for name, size in COEFFICIENTS.items()},
    }
    return float(sum(sizes[name] for name in formats))
